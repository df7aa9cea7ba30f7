//! `eval` and `compare`, on a small dataset that the tests write: what is refused, what fell, what is doubted.

use std::fs;

use serde_json::Value;

use crate::commands::testing::{Run, lpmflow};
use crate::inside::support::evaluation::{assert_satisfies, text};
use crate::inside::support::spair::TinySpair;

/// Runs `eval` on the tiny dataset.
fn eval(dataset: &TinySpair, arguments: &[&str]) -> Run {
    lpmflow(dataset.evaluation(arguments))
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
fn damaged_photo_stops_the_run_or_is_left_out_and_counted() {
    let dataset = TinySpair::write();
    let photo = dataset.photo("dog/z.png");
    let bytes = fs::read(&photo).unwrap();
    fs::write(&photo, &bytes[..bytes.len() / 2]).unwrap();
    let Run { code, stderr, .. } = eval(&dataset, &[]);
    assert_eq!(code, 4);
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
fn failures_say_what_is_wrong_and_whose_fault_it_is() {
    let dataset = TinySpair::write();
    let wrong = dataset.path("wrong.jsonl");
    fs::write(&wrong, "{\"index\": 0, \"predicted\": [[1, 2]]}\nnonsense\n").unwrap();
    for (expected_code, arguments, expected) in [
        (
            4,
            vec!["--predictions", text(&wrong)],
            "line 1: pair 0 (`cat/a.png` -> `cat/b.png`) has 3 keypoints",
        ),
        (4, vec!["--predictions", text(&wrong)], "line 2: expected ident at column 2"),
        (4, vec!["--predictions", "absent.jsonl"], "reading predictions `absent.jsonl`"),
        (1, vec!["--baseline-model", "identity", "--protocol", "keypoint-box"], "use `standard`"),
        (4, vec!["--baseline-model", "identity", "--category", "dgo"], "did you mean `dog`?"),
        (
            1,
            vec!["--baseline-model", "identity", "--html", "absent/report.html"],
            "the folder `absent` does not exist: create it first",
        ),
        (5, vec!["--baseline-model", "identity", "--baseline", text(&wrong)], "reading report"),
        (4, vec!["--baseline-model", "identity", "--split", "nowhere"], "nowhere"),
    ] {
        let Run { code, stdout, stderr } = eval(&dataset, &arguments);
        assert_eq!((code, stdout.as_str()), (expected_code, ""), "{arguments:?}: {stderr}");
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
fn a_category_that_falls_is_named_everywhere_and_decides_where_it_is_to() {
    let dataset = TinySpair::write();
    // Cats rise by as much as dogs fall.
    let [before, after] =
        [("before.jsonl", [2, 2, 2, 2, 2, 2]), ("after.jsonl", [3, 3, 3, 1, 1, 1])]
            .map(|(name, right)| dataset.predictions(name, &right));
    let [old, new, junit, html] =
        ["old.json", "new.json", "junit.xml", "page.html"].map(|name| dataset.path(name));
    eval(&dataset, &["--predictions", text(&before), "--report", text(&old)]);
    let markdown = dataset.path("summary.md");
    let run = |flags: &[&str]| {
        let fixed = ["--predictions", text(&after), "--baseline", text(&old), "--max-drop", "1"];
        let outputs = ["--report", text(&new), "--junit", text(&junit), "--html", text(&html)];
        let run = eval(
            &dataset,
            &[&fixed[..], &outputs, &["--markdown", text(&markdown)], flags].concat(),
        );
        (run.code, fs::read_to_string(&markdown).unwrap(), run.stderr)
    };
    let drop = "dog -33.33 (66.67 -> 33.33)";
    let (code, summary, _) = run(&[]);
    assert_eq!(code, 0);
    assert!(summary.contains("| ▼ dog | 66.67 | 33.33 | -33.33 |"), "{summary}");
    assert!(fs::read_to_string(&html).unwrap().contains("categories that fell: dog -33.33"));
    let (code, summary, stderr) = run(&["--max-drop-category", "5"]);
    assert_eq!(code, 3, "{stderr}");
    assert!(summary.contains("| ❌ dog | 66.67 | 33.33 |"), "{summary}");
    assert!(stderr.contains(&format!("regression by category: {drop}")), "{stderr}");
    let written = fs::read_to_string(&junit).unwrap();
    let document = roxmltree::Document::parse(&written).unwrap();
    let failures = document.descendants().filter(|node| node.has_tag_name("failure"));
    let names: Vec<_> =
        failures.map(|node| node.parent_element().unwrap().attribute("name").unwrap()).collect();
    assert_eq!(names, ["max-drop-category PCK@0.1 dog"]);

    let compare = |flags: &[&str]| lpmflow([&["compare", text(&old), text(&new)], flags].concat());
    let Run { code, stdout, .. } = compare(&[]);
    assert_eq!(code, 0);
    assert!(
        stdout.contains(&format!(
            "categories that fell: {drop}\n3 pairs got worse, 3 pairs got better\n"
        )),
        "{stdout}"
    );
    assert_eq!(compare(&["--max-drop", "1", "--max-drop-category", "34"]).code, 0);
    let Run { code, stderr, .. } = compare(&["--max-drop-category", "33"]);
    assert_eq!(code, 3);
    assert!(stderr.contains("regression by category: dog"), "{stderr}");
    let json: Value = serde_json::from_str(&compare(&["--json"]).stdout).unwrap();
    assert_eq!(json["fallen"][0]["category"], "dog");
    assert_satisfies(include_str!("../../../src/eval/compare/comparison.schema.json"), &json);
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
        let markdown = dataset.path("summary.md");
        let flags = ["--predictions", text(&path), "--markdown", text(&markdown)];
        let Run { stderr, .. } = eval(&dataset, &flags).succeeded();
        let summary = fs::read_to_string(&markdown).unwrap();
        match expected {
            Some(expected) => {
                assert!(
                    stderr.contains(expected) && summary.contains(expected),
                    "{summary}{stderr}"
                );
                assert!(stderr.contains("nothing was changed"), "{stderr}");
            }
            None => assert!(!stderr.contains("warning") && !summary.contains("⚠️"), "{stderr}"),
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
    let error = eval(&dataset, &["--category", "cat"]).failed_with(4);
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
    assert!(found.code == 4 && found.stdout.contains("eval ignores"), "{}", found.stdout);
}

#[test]
fn reports_on_different_pairs_are_not_compared() {
    let dataset = TinySpair::write();
    let [all, some] = ["all.json", "some.json"].map(|name| dataset.path(name));
    eval(&dataset, &["--baseline-model", "identity", "--report", text(&all)]);
    let limited = ["--baseline-model", "identity", "--limit", "4"];
    eval(&dataset, &[&limited[..], &["--report", text(&some)]].concat());
    let Run { code, stderr, .. } = lpmflow(["compare", text(&all), text(&some)]);
    assert_eq!(code, 5);
    assert!(stderr.contains("different pairs or annotations: 6 pairs"), "{stderr}");
    let Run { code, stderr, .. } =
        eval(&dataset, &[&limited[..], &["--baseline", text(&all)]].concat());
    assert_eq!(code, 5);
    assert!(stderr.contains("comparing with --baseline"), "{stderr}");
}
