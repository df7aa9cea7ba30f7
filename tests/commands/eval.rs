//! `eval` and `compare` through the real binary, on a small dataset that the tests write.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::{Run, lpmflow};
use crate::spair::TinySpair;

/// Runs `eval` on the tiny dataset.
fn eval(dataset: &TinySpair, arguments: &[&str]) -> Run {
    let root = dataset.data_root().to_string_lossy().into_owned();
    lpmflow([&["eval", "--dataset", "spair71k", "--data-root", &root], arguments].concat())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a report")).expect("JSON")
}

fn assert_satisfies_schema(report: &Value) {
    assert_satisfies(include_str!("../../src/eval/report/report.schema.json"), report);
}

fn assert_satisfies(schema: &str, report: &Value) {
    let schema = serde_json::from_str(schema).expect("a JSON schema");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let errors: Vec<String> = validator
        .iter_errors(report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
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
fn stored_predictions_of_our_own_score_as_the_run_that_wrote_them() {
    let dataset = TinySpair::write();
    let predictions = dataset.path("own.jsonl");
    let first = ["--baseline-model", "identity", "--json", "--predictions-out", text(&predictions)];
    let Run { stdout: written, stderr, .. } = eval(&dataset, &first);
    let Run { stdout: read, .. } = eval(&dataset, &["--predictions", text(&predictions), "--json"]);
    let [written, read]: [Value; 2] = [written, read].map(|text| {
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {stderr}"))
    });
    assert_eq!(written["pairs"], read["pairs"]);
    assert_eq!(written["dataset"]["fingerprint"], read["dataset"]["fingerprint"]);
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
fn damaged_photo_stops_the_run_or_is_left_out_and_counted() {
    let dataset = TinySpair::write();
    let photo = dataset.photo("dog/z.png");
    let bytes = fs::read(&photo).unwrap();
    fs::write(&photo, &bytes[..bytes.len() / 2]).unwrap();
    let Run { code, stderr, .. } = eval(&dataset, &[]);
    assert_eq!(code, 1);
    assert!(stderr.contains("--skip-bad") && stderr.contains("z.png"), "{stderr}");
    let Run { code, stdout, stderr } = eval(&dataset, &["--skip-bad", "--json"]);
    assert_eq!(code, 0, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&report["dataset"]["pairs"], &report["dataset"]["skipped"]),
        (&5.into(), &1.into())
    );
    assert!(
        stderr.contains("warning: left out: loading pair 5 (`dog/x.png` -> `dog/z.png`)"),
        "{stderr}"
    );
}

#[test]
fn failures_say_what_is_wrong_and_exit_with_1() {
    let dataset = TinySpair::write();
    let wrong = dataset.path("wrong.jsonl");
    fs::write(&wrong, "{\"index\": 0, \"predicted\": [[1, 2]]}\nnonsense\n").unwrap();
    for (arguments, expected) in [
        (
            vec!["--predictions", text(&wrong)],
            "line 1: pair 0 (`cat/a.png` -> `cat/b.png`) has 3 keypoints",
        ),
        (vec!["--predictions", text(&wrong)], "line 2: expected ident at column 2"),
        (vec!["--predictions", "absent.jsonl"], "reading predictions `absent.jsonl`"),
        (vec!["--baseline-model", "identity", "--protocol", "keypoint-box"], "use `standard`"),
        (vec!["--baseline-model", "identity", "--category", "dgo"], "did you mean `dog`?"),
        (
            vec!["--baseline-model", "identity", "--html", "absent/report.html"],
            "the folder `absent` does not exist: create it first",
        ),
        (vec!["--baseline-model", "identity", "--baseline", text(&wrong)], "reading report"),
        (vec!["--baseline-model", "identity", "--split", "nowhere"], "nowhere"),
    ] {
        let Run { code, stdout, stderr } = eval(&dataset, &arguments);
        assert_eq!((code, stdout.as_str()), (1, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "`{expected}` is not in:\n{stderr}");
    }
}

#[test]
fn wrong_flags_exit_with_2() {
    let dataset = TinySpair::write();
    for arguments in [
        &["--protocol", "pck"][..],
        &["--alpha", "0"],
        &["--max-drop", "1"],
        &["--predictions", "a.jsonl", "--baseline-model", "identity"],
        &["--predictions", "a.jsonl", "--weights", "zero-shot"],
        &["--json", "--markdown", "-"],
        &["--feature-cache", "much"],
    ] {
        let Run { code, stdout, stderr } = eval(&dataset, arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
    }
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
fn a_category_that_falls_is_named_everywhere_and_decides_where_it_is_to() {
    let dataset = TinySpair::write();
    // Cats rise by as much as dogs fall.
    let [before, after] =
        [("before.jsonl", [2, 2, 2, 2, 2, 2]), ("after.jsonl", [3, 3, 3, 1, 1, 1])]
            .map(|(name, right)| dataset.predictions(name, &right));
    let [old, new, junit, html] =
        ["old.json", "new.json", "junit.xml", "page.html"].map(|name| dataset.path(name));
    eval(&dataset, &["--predictions", text(&before), "--report", text(&old)]);
    let run = |flags: &[&str]| {
        let fixed = ["--predictions", text(&after), "--baseline", text(&old), "--max-drop", "1"];
        let outputs = ["--report", text(&new), "--junit", text(&junit), "--html", text(&html)];
        eval(&dataset, &[&fixed[..], &outputs, &["--markdown", "-"], flags].concat())
    };
    let drop = "dog -33.33 (66.67 -> 33.33)";
    let Run { code, stdout, .. } = run(&[]);
    assert_eq!(code, 0);
    assert!(stdout.contains("| dog | 66.67 | 33.33 | -33.33 |"), "{stdout}");
    assert!(fs::read_to_string(&html).unwrap().contains("categories that fell: dog -33.33"));
    let Run { code, stdout, stderr } = run(&["--max-drop-category", "5"]);
    assert_eq!(code, 3, "{stderr}");
    assert!(stdout.contains("| ❌ dog | 66.67 | 33.33 |"), "{stdout}");
    assert!(stderr.contains(&format!("regression by category: {drop}")), "{stderr}");
    let written = fs::read_to_string(&junit).unwrap();
    let document = roxmltree::Document::parse(&written).unwrap();
    let failures = document.descendants().filter(|node| node.has_tag_name("failure"));
    let names: Vec<_> =
        failures.map(|node| node.parent_element().unwrap().attribute("name").unwrap()).collect();
    assert_eq!(names, ["dog"]);

    let compare = |flags: &[&str]| lpmflow([&["compare", text(&old), text(&new)], flags].concat());
    let Run { code, stdout, .. } = compare(&[]);
    assert_eq!(code, 0);
    assert!(stdout.ends_with(&format!("categories that fell: {drop}\n")), "{stdout}");
    assert_eq!(compare(&["--max-drop", "1", "--max-drop-category", "34"]).code, 0);
    let Run { code, stderr, .. } = compare(&["--max-drop-category", "33"]);
    assert_eq!(code, 3);
    assert!(stderr.contains("regression by category: dog"), "{stderr}");
    let json: Value = serde_json::from_str(&compare(&["--json"]).stdout).unwrap();
    assert_eq!(json["fallen"][0]["category"], "dog");
    assert_satisfies(include_str!("../../src/eval/compare/comparison.schema.json"), &json);
}

#[test]
fn unusable_prediction_lines_are_left_out_and_counted_where_that_is_wanted() {
    let dataset = TinySpair::write();
    let path = dataset.predictions("predictions.jsonl", &[3, 3, 3, 3]);
    let lines = fs::read_to_string(&path).unwrap();
    fs::write(&path, lines + "nonsense\n{\"index\": 4, \"predicted\": [[1, 2]]}\n").unwrap();
    let predictions = ["--predictions", text(&path), "--json"];
    let error = eval(&dataset, &predictions).failed_with(1);
    assert!(error.contains("2 lines are unusable") && error.contains("--skip-bad"), "{error}");
    let run = eval(&dataset, &[&predictions[..], &["--skip-bad"]].concat()).succeeded();
    assert!(run.stderr.contains("2 lines are unusable:\n  line 5: expected"), "{}", run.stderr);
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
    let note = "the first 2 pairs of the list (--limit) are: cat 2 of 3, dog 0 of 3";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_satisfies_schema(&report);
    assert_eq!(report["notes"], serde_json::json!([note]));
}

#[test]
fn predictions_in_another_convention_are_doubted_but_scored_as_they_stand() {
    let dataset = TinySpair::write();
    let predictions = |name: &str, write: &dyn Fn([f64; 2]) -> [f64; 2]| {
        let path = dataset.predictions(name, &[3, 3, 3, 3, 3, 2]);
        let lines = fs::read_to_string(&path).unwrap();
        let rewritten = lines.lines().map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            for point in line["predicted"].as_array_mut().unwrap() {
                let [x, y] = [0, 1].map(|axis| point[axis].as_f64().unwrap());
                *point = serde_json::json!(write([x, y]));
            }
            line.to_string() + "\n"
        });
        fs::write(&path, rewritten.collect::<String>()).unwrap();
        path
    };
    for (name, write, expected) in [
        ("sound.jsonl", &(|[x, y]: [f64; 2]| [x, y]) as &dyn Fn([f64; 2]) -> [f64; 2], None),
        ("frame.jsonl", &|[x, y]| [x * 8.0, y * 512.0 / 48.0], Some("stretched to 512x512")),
        ("parts.jsonl", &|[x, y]| [x / 64.0, y / 48.0], Some("from 0 to 1")),
        ("one.jsonl", &|[x, y]| [x + 1.0, y + 1.0], Some("count from 1")),
    ] {
        let path = predictions(name, write);
        let markdown = ["--predictions", text(&path), "--markdown", "-"];
        let Run { stdout, stderr, .. } = eval(&dataset, &markdown).succeeded();
        match expected {
            Some(expected) => {
                assert!(stderr.contains(expected) && stdout.contains(expected), "{stdout}{stderr}");
                assert!(stderr.contains("nothing was changed"), "{stderr}");
            }
            None => assert!(!stderr.contains("warning") && !stdout.contains("⚠️"), "{stderr}"),
        }
    }
    let identity = dataset.path("identity.jsonl");
    let write = ["--baseline-model", "identity", "--predictions-out", text(&identity)];
    eval(&dataset, &write).succeeded();
    let Run { stderr, .. } = eval(&dataset, &["--predictions", text(&identity)]).succeeded();
    assert!(!stderr.contains("warning"), "{stderr}");
}

#[test]
fn photos_with_an_exif_orientation_are_told_and_turned_where_that_is_wanted() {
    let dataset = TinySpair::write();
    let pairs = |flags: &[&str]| {
        let run = eval(&dataset, &[&["--category", "cat", "--json"], flags].concat()).succeeded();
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_satisfies_schema(&report);
        (report["pairs"].clone(), report["notes"].to_string(), run.stderr)
    };
    let (upright, notes, _) = pairs(&[]);
    assert_eq!(notes, "null");
    dataset.turn("cat/a.png", 3);
    let (ignored, notes, stderr) = pairs(&[]);
    assert_ne!(ignored, upright);
    let told = "1 of 3 photos have an EXIF orientation that is ignored";
    assert!(
        notes.contains(told) && stderr.contains(told) && stderr.contains("--exif apply"),
        "{stderr}"
    );
    let (applied, notes, _) = pairs(&["--exif", "apply"]);
    assert_eq!(applied, upright);
    assert!(notes.contains("1 of 3 photos were turned by their EXIF orientation"), "{notes}");

    dataset.turn("cat/b.png", 6);
    let error = eval(&dataset, &["--category", "cat"]).failed_with(1);
    let hint =
        "annotated as 64x48, is 48x64; its EXIF orientation 6 turns it to that (--exif apply)";
    assert!(error.contains(hint), "{error}");
    assert_eq!(pairs(&["--exif", "apply"]).0, upright);
    let root = dataset.data_root().to_str().unwrap();
    let check = ["datasets", "check", "spair71k", "--data-root", root];
    let found = lpmflow([&check[..], &["--exif", "apply"]].concat()).succeeded().stdout;
    assert!(
        found.contains("that was applied (--exif apply) (2):\n  JPEGImages/cat/a.png: 3"),
        "{found}"
    );
    let found = lpmflow(check);
    assert!(found.code == 1 && found.stdout.contains("eval ignores"), "{}", found.stdout);
}

#[test]
fn reports_on_different_pairs_are_not_compared() {
    let dataset = TinySpair::write();
    let [all, some] = ["all.json", "some.json"].map(|name| dataset.path(name));
    eval(&dataset, &["--baseline-model", "identity", "--report", text(&all)]);
    let limited = ["--baseline-model", "identity", "--limit", "4"];
    eval(&dataset, &[&limited[..], &["--report", text(&some)]].concat());
    let Run { code, stderr, .. } = lpmflow(["compare", text(&all), text(&some)]);
    assert_eq!(code, 1);
    assert!(stderr.contains("different pairs or annotations: 6 pairs"), "{stderr}");
    let Run { code, stderr, .. } =
        eval(&dataset, &[&limited[..], &["--baseline", text(&all)]].concat());
    assert_eq!(code, 1);
    assert!(stderr.contains("comparing with --baseline"), "{stderr}");
}
