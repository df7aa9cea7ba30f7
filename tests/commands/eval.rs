//! `eval` and `compare` through the real binary, on a small dataset that the tests write: reports as users get them,
//! threads, stdout and exit codes. `tests/inside/commands/eval.rs` has the rest.

use std::fs;

use serde_json::Value;

use crate::command::{Run, lpmflow, lpmflow_in};
use crate::support::evaluation::{assert_satisfies_schema, json, text};
use crate::support::spair::TinySpair;

/// Runs `eval` on the tiny dataset.
fn eval(dataset: &TinySpair, arguments: &[&str]) -> Run {
    lpmflow(dataset.evaluation(arguments))
}

#[test]
fn protocols_alphas_and_categories_can_be_chosen() {
    let dataset = TinySpair::write();
    let Run { code, stdout, .. } = eval(
        &dataset,
        &[
            "--baseline-model",
            "identity",
            "--protocol",
            "image,paper",
            "--alpha",
            "0.2,0.02,0.2",
            "--category",
            "dog",
            "--json",
            "--no-pairs",
        ],
    );
    assert_eq!(code, 0);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_satisfies_schema(&report);
    assert_eq!(report["protocols"].as_array().unwrap().len(), 2);
    assert_eq!(
        report["headline"],
        serde_json::json!({
            "protocol": "image", "alpha": "0.2", "pck": report["protocols"][0]["overall"]["0.2"]
        })
    );
    assert_eq!(report["protocols"][0]["alphas"], serde_json::json!([0.02, 0.2]));
    assert_eq!(report["dataset"]["pairs"], 3);
    assert_eq!((&report["pairs"], &report["model"]["kind"]), (&Value::Null, &"baseline".into()));
}

#[test]
fn stored_predictions_are_scored_and_every_report_is_written() {
    let dataset = TinySpair::write();
    let predictions = dataset.predictions("predictions.jsonl", &[3, 3, 0, 2, 1, 0]);
    let [report, markdown, junit, html] =
        ["report.json", "report.md", "junit.xml", "report.html"].map(|name| dataset.path(name));
    let Run { code, stdout, stderr } = eval(
        &dataset,
        &[
            "--predictions",
            text(&predictions),
            "--report",
            text(&report),
            "--markdown",
            text(&markdown),
            "--junit",
            text(&junit),
            "--html",
            text(&html),
        ],
    );
    assert_eq!((code, stderr.contains("warning")), (0, false), "{stderr}");
    for line in [
        "                            standard            paper               paper-image         per-keypoint        image",
        "category           pairs    0.05   0.1  0.15    0.05   0.1  0.15    0.05   0.1  0.15    0.05   0.1  0.15    0.05   0.1  0.15",
        "cat                    3    66.7  66.7  66.7    66.7  66.7  66.7    66.7  66.7  66.7    66.7  66.7  66.7    66.7  66.7  66.7",
        "all                    6    50.0  50.0  50.0    50.0  50.0  50.0    50.0  50.0  50.0    50.0  50.0  50.0    50.0  50.0  50.0",
        "viewpoint: medium      2    66.7",
    ] {
        assert!(stdout.contains(line), "`{line}` is not in:\n{stdout}");
    }
    let report = json(&report);
    assert_satisfies_schema(&report);
    assert_eq!(report["headline"]["protocol"], "standard");
    assert_eq!(report["protocols"][0]["categories"]["dog"]["pck"]["0.1"], 100.0 / 3.0);
    assert_eq!(report["protocols"][0]["difficulty"]["viewpoint"]["easy"]["pairs"], 2);
    assert_eq!(report["protocols"][0]["transfer"], "stored");
    assert_eq!(report["model"]["kind"], "predictions");
    assert_eq!(report["pairs"][3]["pck"]["paper"]["0.1"], 200.0 / 3.0);
    assert_eq!(report["pairs"][3]["source"], "dog/x.png");
    let markdown = fs::read_to_string(markdown).unwrap();
    assert!(markdown.starts_with("## spair71k test: PCK@0.1 50.0 %\n"), "{markdown}");
    let junit = fs::read_to_string(junit).unwrap();
    let document = roxmltree::Document::parse(&junit).unwrap();
    assert_eq!(document.descendants().filter(|node| node.has_tag_name("testcase")).count(), 15);
    let html = fs::read_to_string(html).unwrap();
    assert!(html.contains("data:image/jpeg;base64,"));
    assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("<script"));
}

#[test]
fn subset_is_scored_as_a_subset_and_the_missing_pairs_are_counted() {
    let dataset = TinySpair::write();
    let predictions = dataset.predictions("predictions.jsonl", &[3, 0]);
    let arguments = ["--predictions", text(&predictions), "--json"];
    let Run { code, stdout, stderr } = eval(&dataset, &arguments);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("no prediction for 4 of 6 pairs; the scores are of the other 2"),
        "{stderr}"
    );
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_satisfies_schema(&report);
    assert_eq!(
        (&report["dataset"]["pairs"], &report["dataset"]["missing"]),
        (&2.into(), &4.into())
    );
    assert_eq!(report["headline"]["pck"], 50.0);

    let Run { stdout, stderr, .. } = eval(&dataset, &[&arguments[..], &["--limit", "1"]].concat());
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&report["headline"]["pck"], &report["dataset"]["missing"]),
        (&100.0.into(), &0.into())
    );
    assert!(!stderr.contains("no prediction"), "{stderr}");
}

#[test]
fn unusable_prediction_lines_are_left_out_and_counted_where_that_is_wanted() {
    let dataset = TinySpair::write();
    let path = dataset.predictions("predictions.jsonl", &[3, 3, 3, 3]);
    let lines = fs::read_to_string(&path).unwrap();
    fs::write(&path, lines + "nonsense\n{\"index\": 4, \"predicted\": [[1, 2]]}\n").unwrap();
    let predictions = ["--predictions", text(&path), "--json"];
    let error = eval(&dataset, &predictions).failed_with(4);
    assert!(error.contains("2 unusable lines") && error.contains("--skip-bad"), "{error}");
    let run = eval(&dataset, &[&predictions[..], &["--skip-bad"]].concat()).succeeded();
    assert!(run.stderr.contains("2 unusable lines:\n  line 5: expected"), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_satisfies_schema(&report);
    let counts =
        ["pairs", "missing", "skipped"].map(|key| report["dataset"][key].as_u64().unwrap());
    assert_eq!(counts, [4, 2, 2]);
}

#[test]
fn a_limit_says_how_many_pairs_of_each_category_it_took() {
    let dataset = TinySpair::write();
    let flags = ["--baseline-model", "identity", "--category", "cat,dog", "--limit", "2", "--json"];
    let run = eval(&dataset, &flags).succeeded();
    let note = "--limit takes the first 2 pairs of the list: cat 2 of 3, dog 0 of 3";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_satisfies_schema(&report);
    assert_eq!(report["notes"], serde_json::json!([note]));
}

#[test]
fn network_gives_the_same_scores_for_every_batch_and_cache_size() {
    let dataset = TinySpair::write();
    let pairs = |arguments: &[&str]| {
        let Run { code, stdout, stderr } = eval(&dataset, &[&["--json"], arguments].concat());
        assert_eq!(code, 0, "{stderr}");
        let report: Value = serde_json::from_str(&stdout).unwrap();
        assert_satisfies_schema(&report);
        assert_eq!(report["model"]["kind"], "network");
        report["pairs"].clone()
    };
    let one = pairs(&["--batch-size", "1", "--feature-cache", "0"]);
    assert_eq!(one.as_array().unwrap().len(), 6);
    assert_eq!(one, pairs(&["--batch-size", "4", "--feature-cache", "64MiB", "--threads", "1"]));
}

#[test]
fn drop_below_the_baseline_exits_with_3_and_says_so_everywhere() {
    let dataset = TinySpair::write();
    let [good, bad] = [("good.jsonl", [3, 3, 3, 3, 3, 3]), ("bad.jsonl", [3, 3, 3, 3, 3, 2])]
        .map(|(name, right)| dataset.predictions(name, &right));
    let [before, after, junit] =
        ["before.json", "after.json", "junit.xml"].map(|name| dataset.path(name));
    eval(&dataset, &["--predictions", text(&good), "--report", text(&before)]);
    let judged = |max_drop: &str| {
        eval(
            &dataset,
            &[
                "--predictions",
                text(&bad),
                "--report",
                text(&after),
                "--baseline",
                text(&before),
                "--max-drop",
                max_drop,
                "--junit",
                text(&junit),
                "--markdown",
                "-",
            ],
        )
    };
    let Run { code, stdout, stderr } = judged("5");
    assert_eq!(code, 3, "{stderr}");
    let verdict = "regression: `standard` PCK@0.1 100.00 -> 94.44 (-5.56 points, 95 % interval";
    assert!(stdout.contains(verdict) && stderr.contains(verdict), "{stdout}{stderr}");
    assert!(fs::read_to_string(&junit).unwrap().contains("<failure type=\"regression\""));
    let Run { code, .. } = judged("6");
    assert_eq!(code, 0);
    assert!(!fs::read_to_string(&junit).unwrap().contains("<failure"));

    let compare = |arguments: &[&str]| lpmflow([&["compare"], arguments].concat());
    let both = [text(&before), text(&after)];
    let Run { code, stdout, .. } = compare(&both);
    assert_eq!(code, 0);
    assert!(stdout.contains("standard        0.1  100.00  94.44   -5.56"), "{stdout}");
    assert_eq!(compare(&[both[0], both[1], "--max-drop", "5"]).code, 3);
    assert_eq!(compare(&[both[1], both[0], "--max-drop", "0"]).code, 0);
    let Run { code, stdout, .. } =
        compare(&[both[0], both[1], "--json", "--protocol", "paper", "--alpha", "0.05"]);
    let comparison: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &comparison["headline"]["protocol"]), (0, &"paper".into()));
}

#[test]
fn set_up_that_fails_is_told_by_code_junit_markdown_and_annotation() {
    let dataset = TinySpair::write();
    let [report, junit, markdown] =
        ["report.json", "junit.xml", "summary.md"].map(|name| dataset.path(name));
    let good = dataset.predictions("good.jsonl", &[3, 3, 3, 3, 3, 3]);
    eval(&dataset, &["--predictions", text(&good), "--report", text(&report)]).succeeded();
    let run = |arguments: &[&str]| {
        let outputs = ["--junit", text(&junit), "--markdown", text(&markdown)];
        let arguments = dataset.evaluation(&[&outputs, arguments].concat());
        lpmflow_in(&[("GITHUB_ACTIONS", "true")], arguments)
    };
    let foreign = dataset.path("foreign.json");
    let other = fs::read_to_string(&report).unwrap().replace("spair71k", "toy");
    fs::write(&foreign, other).unwrap();
    let photo = dataset.photo("dog/z.png");
    let told = |arguments: &[&str], code: i32, kind: &str, expected: &str| {
        let error = run(arguments).failed_with(code);
        let xml = fs::read_to_string(&junit).unwrap();
        let document = roxmltree::Document::parse(&xml).unwrap();
        let element = document.descendants().find(|node| node.has_tag_name("error")).unwrap();
        assert_eq!(element.attribute("type"), Some(kind));
        assert!(element.attribute("message").unwrap().contains(expected), "{xml}");
        let summary = fs::read_to_string(&markdown).unwrap();
        assert!(summary.contains("❌") && summary.contains(expected), "{summary}");
        let line = error.lines().find(|line| line.starts_with("::error ")).unwrap();
        let title = if kind == "failed" { "lpmflow failed" } else { kind };
        assert!(line.starts_with(&format!("::error title={title}::")), "{error}");
        [&junit, &markdown].iter().for_each(|path| fs::remove_file(path).unwrap());
    };
    let identity = ["--baseline-model", "identity", "--baseline"];
    let with = |path| [&identity[..], &[path]].concat();
    told(&with(text(&foreign)), 5, "baseline-unusable", "different datasets: `toy` and `spair71k`");
    told(&with("absent.json"), 5, "baseline-unusable", "reading report `absent.json`");
    told(&["--weights", "absent.pth"], 1, "failed", "absent.pth");
    let bytes = fs::read(&photo).unwrap();
    fs::write(&photo, &bytes[..bytes.len() / 2]).unwrap();
    told(&[], 4, "data-unusable", "z.png");
    fs::remove_file(&photo).unwrap();
    told(&with(text(&report)), 4, "data-unusable", "z.png");

    // What would take the place of an input is not written, whatever fails.
    let list = dataset.data_root().join("SPair-71k/Layout/large/test.txt");
    let before = fs::read_to_string(&list).unwrap();
    let arguments = ["--baseline-model", "identity", "--junit", text(&list)];
    let error = eval(&dataset, &arguments).failed_with(4);
    assert!(error.contains("in the dataset's folder: choose another place"), "{error}");
    assert_eq!(fs::read_to_string(&list).unwrap(), before);
}

#[test]
fn conditions_fail_one_by_one_and_are_annotated() {
    let dataset = TinySpair::write();
    let [good, bad] = [("good.jsonl", [3, 3, 3, 3, 3, 3]), ("bad.jsonl", [3, 2, 2, 2, 1, 2])]
        .map(|(name, right)| dataset.predictions(name, &right));
    let [before, junit] = ["before.json", "junit.xml"].map(|name| dataset.path(name));
    eval(&dataset, &["--predictions", text(&good), "--report", text(&before)]).succeeded();
    let fixed = ["--predictions", text(&bad), "--baseline", text(&before), "--junit", text(&junit)];
    let conditions = ["--max-drop", "40", "--max-drop-category", "40", "--fail-if", "significant"];
    let flags = [&fixed[..], &conditions, &["--alphas", "all", "--protocol", "standard"]].concat();
    let run = lpmflow_in(&[("GITHUB_ACTIONS", "true")], dataset.evaluation(&flags));
    assert_eq!(run.code, 3, "{}", run.stderr);
    let xml = fs::read_to_string(&junit).unwrap();
    let document = roxmltree::Document::parse(&xml).unwrap();
    let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
    let failing: Vec<_> = cases
        .filter(|case| case.children().any(|node| node.has_tag_name("failure")))
        .map(|case| case.attribute("name").unwrap())
        .collect();
    let names = ["0.05", "0.1", "0.15"].map(|alpha| {
        [format!("significant PCK@{alpha}"), format!("max-drop-category PCK@{alpha} dog")]
    });
    assert_eq!(failing.len(), 6, "{xml}");
    assert!(names.iter().flatten().all(|name| failing.contains(&name.as_str())), "{failing:?}");
    let annotations: Vec<_> =
        run.stderr.lines().filter(|line| line.starts_with("::error file=")).collect();
    assert_eq!(annotations.len(), 6, "{}", run.stderr);
    assert!(annotations[0].contains("before.json,title=accuracy fell::significant PCK@0.05"));
    assert!(run.stdout.contains("5 pairs got worse, 0 pairs got better"), "{}", run.stdout);
    let usage = eval(&dataset, &["--fail-if", "significant"]).failed_with(2);
    assert!(usage.contains("--baseline REPORT"), "{usage}");
}
