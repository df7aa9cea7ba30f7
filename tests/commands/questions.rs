//! `datasets export-pairs` and `eval --predictions`: questions out, answers in, by the example program that README
//! shows, by `predict`, and by systems that do not find everything.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::command::{Run, lpmflow, lpmflow_reading, names};
use crate::support::evaluation::{assert_satisfies_schema, text};
use crate::support::spair::TinySpair;

/// The questions of the tiny dataset, with `more` flags.
fn questions(dataset: &TinySpair, more: &[&str]) -> (String, Vec<Value>) {
    let file = dataset.path("pairs.jsonl");
    let root = text(dataset.data_root());
    let fixed = ["datasets", "export-pairs", "spair71k", "--data-root", root, "-o", text(&file)];
    lpmflow(fixed.iter().chain(more)).succeeded();
    let lines = fs::read_to_string(&file).unwrap();
    (
        text(&file).to_owned(),
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
    )
}

fn report(dataset: &TinySpair, answers: &str, arguments: &[&str]) -> (Value, String) {
    let words = dataset.evaluation(&[arguments, &["--json"]].concat());
    let Run { stdout, stderr, .. } = lpmflow_reading(answers, words).succeeded();
    (serde_json::from_str(&stdout).unwrap(), stderr)
}

#[test]
fn questions_hold_what_a_system_needs_and_nothing_of_the_truth() {
    let dataset = TinySpair::write();
    let (_, pairs) = questions(&dataset, &[]);
    assert_eq!(pairs.len(), 6);
    let source = fs::canonicalize(dataset.photo("dog/x.png")).unwrap();
    let named = fs::canonicalize(pairs[3]["source"].as_str().unwrap()).unwrap();
    assert_eq!((named, &pairs[3]["index"]), (source, &json!(3)));
    assert_eq!(pairs[3]["keypoints"], json!([[12.0, 12.0], [28.0, 22.0], [30.0, 40.0]]));
    assert_eq!(pairs[3]["target_size"], json!({"height": 48, "width": 64}));
    assert_eq!((&pairs[3]["category"], &pairs[3]["answer"]), (&json!("dog"), &json!("predicted")));
    assert!(!pairs[3].to_string().contains("45"), "the target's keypoints are the answer");
    let (_, dogs) = questions(&dataset, &["--category", "dog", "--limit", "2"]);
    assert_eq!(dogs.iter().map(|pair| &pair["index"]).collect::<Vec<_>>(), [3, 4]);
    // For CATs' evaluator the target's keypoints are moved into the source.
    let (_, turned) = questions(&dataset, &["--protocol", "cats"]);
    assert_eq!(turned[3]["keypoints"], json!([[10.0, 10.0], [30.0, 20.0], [45.0, 40.0]]));
    assert_eq!(turned[3]["source"], pairs[3]["target"]);
}

#[test]
fn the_example_program_answers_through_a_pipe_as_the_same_position_does() {
    let dataset = TinySpair::write();
    let (pairs, _) = questions(&dataset, &[]);
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/examples/answer.py");
    let readme = include_str!("../../README.md");
    let block = format!("```python\n{}```\n", fs::read_to_string(program).unwrap());
    assert!(readme.contains(&block), "README shows another answer.py");
    let Ok(output) = Command::new("python3").args([program, &pairs]).output() else {
        println!("skipped: there is no python3");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers = String::from_utf8(output.stdout).unwrap();
    let (found, _) = report(&dataset, &answers, &["--predictions", "-"]);
    let (wanted, _) = report(&dataset, "", &["--baseline-model", "identity"]);
    assert_eq!(found["headline"], wanted["headline"]);
    assert_eq!(found["pairs"][4]["pck"]["standard"], wanted["pairs"][4]["pck"]["standard"]);
    assert_eq!(found["model"]["weights"], "standard input");
}

#[test]
fn what_predict_writes_is_scored_as_it_is() {
    let dataset = TinySpair::write();
    let (pairs, _) = questions(&dataset, &[]);
    let folder = dataset.path("results");
    let predict = ["predict", "--pairs", &pairs, "--exif", "ignore", "--output-dir", text(&folder)];
    let lines = lpmflow(predict).succeeded().stdout;
    let standard = ["--protocol", "standard"];
    let (run, _) = report(&dataset, "", &standard);
    let (by_lines, _) =
        report(&dataset, &lines, &[&standard[..], &["--predictions", "-"]].concat());
    let by_folder = [&standard[..], &["--predictions", text(&folder)]].concat();
    let (by_folder, _) = report(&dataset, "", &by_folder);
    for stored in [by_lines, by_folder] {
        assert_eq!((&stored["headline"], &stored["dataset"]), (&run["headline"], &run["dataset"]));
        let scores = |report: &Value| -> Vec<Value> {
            report["pairs"].as_array().unwrap().iter().map(|pair| pair["pck"].clone()).collect()
        };
        assert_eq!(scores(&stored), scores(&run));
        assert_eq!(stored["confidence"]["keypoints"], 18);
    }
    // Another list over the same photos: what was done stays, and is called what it is called now.
    let before = names(&folder);
    let renamed = fs::read_to_string(&pairs).unwrap().replace("\"index\":", "\"index\":1");
    fs::write(&pairs, renamed).unwrap();
    let rerun = lpmflow(predict).succeeded();
    assert!(rerun.stderr.contains("0 pairs done, 6 done before"), "{}", rerun.stderr);
    assert_eq!(rerun.json_lines()[3]["index"], 13);
    let words = dataset.evaluation(&["--predictions", text(&folder)]);
    let error = lpmflow(words).failed_with(4);
    assert!(error.contains(".json`: the split has no pair 10"), "{error}");
    assert_eq!(names(&folder), before);
}

#[test]
fn results_of_other_keypoints_or_turned_photos_or_failures_are_told() {
    let dataset = TinySpair::write();
    let (_, questions) = questions(&dataset, &["--limit", "1"]);
    let answer = |size: Value, source: Value| {
        let mut line = questions[0].clone();
        line["status"] = "done".into();
        line["target_size"] = size;
        line["keypoints"] = json!({"source": source, "target": [[1, 1], [2, 2], [3, 3]]});
        line.to_string()
    };
    let (size, points) = (questions[0]["target_size"].clone(), questions[0]["keypoints"].clone());
    let error = |answer: &str| {
        let words = dataset.evaluation(&["--predictions", "-"]);
        lpmflow_reading(answer, words).failed_with(4)
    };
    report(&dataset, &answer(size.clone(), points.clone()), &["--predictions", "-"]);
    let turned = error(&answer(json!({"width": 48, "height": 64}), points));
    assert!(turned.contains("but `predict` saw") && turned.contains("--exif ignore"), "{turned}");
    let others = error(&answer(size, json!([[12, 12], [28, 23], [30, 40]])));
    assert!(others.contains("has other keypoints than those that `predict` was given"), "{others}");
    let failed = error(r#"{"index": 0, "status": "failed", "error": "no photo"}"#);
    assert!(failed.contains("`predict` failed on it: \"no photo\""), "{failed}");
    let elsewhere = dataset.path("SPair-71k");
    let error = lpmflow(dataset.evaluation(&["--predictions", text(&elsewhere)])).failed_with(4);
    assert!(error.contains("the folder holds no results: `lpmflow predict --pairs`"), "{error}");
}

#[test]
fn what_was_not_found_is_wrong_and_told() {
    let dataset = TinySpair::write();
    let answers = r#"{"index": 0, "predicted": [[10, 10], null, [45, 40]], "confidence": [0.9, null, 0.8]}
        {"index": 1, "predicted": null, "confidence": [null, null, null]}
        {"index": 2, "predicted": [[10, 10], [30, 20], [45, 40]], "confidence": [0.9, 0.5, 0.7]}"#;
    let [html, out] = ["report.html", "out.jsonl"].map(|name| dataset.path(name));
    let arguments = ["--predictions", "-", "--html", text(&html), "--predictions-out", text(&out)];
    let (found, stderr) = report(&dataset, answers, &arguments);
    let note = "4 of 9 points are `null`, not found: they count as wrong";
    assert!(stderr.contains(note), "{stderr}");
    assert_eq!(found["notes"], json!([note]));
    assert_satisfies_schema(&found);
    assert_eq!(found["confidence"]["keypoints"], 5);
    assert_eq!(found["pairs"][0]["confidence"], json!([0.9, null, 0.8]));
    let kept = dataset.path("found.json");
    fs::write(&kept, found.to_string()).unwrap();
    lpmflow(["compare", text(&kept), text(&kept)]).succeeded();
    let pck = |pair: usize| &found["pairs"][pair]["pck"]["standard"]["0.1"];
    assert_eq!([pck(0), pck(1), pck(2)], [&json!(200.0 / 3.0), &json!(0.0), &json!(100.0)]);
    let html = fs::read_to_string(html).unwrap();
    // Pictures are letters, too.
    let mut words = html.split(|letter: char| !letter.is_alphanumeric());
    assert!(html.contains("keypoint 2: not found") && words.all(|word| word != "inf"));
    let written = fs::read_to_string(out).unwrap();
    assert!(written.contains("\"predicted\":[[10.0,10.0],null,[45.0,40.0]]"), "{written}");
    let (again, _) = report(&dataset, &written, &["--predictions", "-"]);
    assert_eq!(again["pairs"], found["pairs"]);
}

#[test]
fn answers_of_another_machine_are_known_by_what_lies_below_the_dataset() {
    let dataset = TinySpair::write();
    let line = |folder: &str| {
        let photo = |name: &str| format!("{folder}/{name}");
        let points = [[1, 1], [2, 2], [3, 3]];
        json!({"source": photo("x.png"), "target": photo("y"), "predicted": points}).to_string()
    };
    let (found, _) =
        report(&dataset, &line("/cluster/SPair-71k/JPEGImages/dog"), &["--predictions", "-"]);
    assert_eq!(found["pairs"][0]["index"], 3);
    for other in ["/cluster/SPair-71k/JPEGImages/cat", "/cluster/dog", "/JPEGImages"] {
        let words = dataset.evaluation(&["--predictions", "-"]);
        let error = lpmflow_reading(&line(other), words).failed_with(4);
        assert!(error.contains("the split has no pair"), "{error}");
    }
}

/// Written by NumPy 2 and `pickle.dump` as GeoAware-SC's evaluator does, of the pair `dog/x` to `dog/y`: a list with one
/// dictionary, `src_kpts_pred` float32 [30, 2] in the square of 840 pixels. Keypoints 3 and 7 are exact, 9 lies at (60, 40).
const GEOAWARE: &[u8] = include_bytes!("../numpy/geoaware.pkl");

#[test]
fn results_of_geoawares_evaluator_become_predictions() {
    let dataset = TinySpair::write();
    let pickle = dataset.path("result.pkl");
    fs::write(&pickle, GEOAWARE).unwrap();
    let words = dataset.evaluation(&["--predictions", text(&pickle)]);
    let error = lpmflow(words).failed_with(4);
    assert!(error.contains("scripts/examples/geoaware.py turns"), "{error}");
    let root = dataset.data_root().join("SPair-71k");
    let annotations = root.join("ImageAnnotation/dog");
    fs::create_dir_all(&annotations).unwrap();
    let points = [("x", [[12, 12], [28, 22], [30, 40]]), ("y", [[10, 10], [30, 20], [45, 40]])];
    for (name, [first, second, third]) in points {
        // One more is to be seen in each photo alone.
        let alone = if name == "x" { "1" } else { "10" };
        let mut keypoints: serde_json::Map<String, Value> =
            (0..12).map(|number| (number.to_string(), Value::Null)).collect();
        for (number, point) in [("3", first), ("7", second), ("9", third), (alone, [1, 1])] {
            keypoints[number] = json!(point);
        }
        let annotation = json!({"image_width": 64, "image_height": 48, "kps": keypoints});
        fs::write(annotations.join(format!("{name}.json")), annotation.to_string()).unwrap();
    }
    let results = dataset.path("result.pkl");
    fs::write(&results, GEOAWARE).unwrap();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/examples/geoaware.py");
    let run = |results: &std::path::Path| {
        Command::new("python3").args([program, text(results), text(&root)]).output()
    };
    let Ok(output) = run(&results) else {
        println!("skipped: there is no python3");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let arguments = ["--predictions", "-", "--protocol", "geoaware-point,standard"];
    let (found, _) = report(&dataset, &lines, &arguments);
    assert_eq!(found["pairs"][0]["index"], 3);
    assert_eq!(found["pairs"][0]["pck"]["geoaware-point"]["0.1"], 200.0 / 3.0);
    let line: Value = serde_json::from_str(lines.trim()).unwrap();
    let near = |value: &Value, wanted: f64| (value.as_f64().unwrap() - wanted).abs() < 1e-4;
    assert!(near(&line["predicted"][2][0], 60.0) && near(&line["predicted"][2][1], 40.0), "{line}");
    // What a file of results never holds is not run.
    fs::write(&results, b"cos\nsystem\n(S'true'\ntR.").unwrap();
    let output = run(&results).unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("os.system has no place"), "{error}");
}
