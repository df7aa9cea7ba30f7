//! `eval` and `compare` through the real binary, on a small dataset that the tests write: reports as users get them,
//! threads, stdout and exit codes. `tests/inside/commands/eval.rs` has the rest.

use std::fs;

use serde_json::Value;

use crate::command::{Run, lpmflow};
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
    // Nobody knows what pair the nonsense was for.
    assert_eq!(counts, [4, 1, 1]);
    let told = "no prediction for 1 of 6 pairs, and 1 prediction was of no use; the scores are of the other 4";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[test]
fn pairs_left_out_of_the_dataset_count_once_whatever_was_predicted_for_them() {
    let dataset = TinySpair::write();
    fs::remove_file(dataset.photo("dog/z.png")).unwrap();
    let predictions = dataset.predictions("predictions.jsonl", &[3; 6]);
    let flags = ["--predictions", text(&predictions), "--json", "--skip-bad"];
    let run = eval(&dataset, &flags).succeeded();
    let note = "passed over: 1 prediction for pairs that were left out of the dataset as unusable";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    assert!(
        !run.stderr.contains("no pair 5") && !run.stderr.contains("no prediction for"),
        "{}",
        run.stderr
    );
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let counts =
        ["pairs", "missing", "skipped"].map(|key| report["dataset"][key].as_u64().unwrap());
    assert_eq!(counts, [5, 0, 1]);
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
