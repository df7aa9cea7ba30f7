//! Caltech-101: outlines instead of keypoints, measures of areas instead of PCK.

use std::fs;
use std::path::Path;

use image::RgbImage;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::commands::testing::{Run, lpmflow};
use crate::inside::support::evaluation::{assert_satisfies_schema, json as read_json, text};

/// Two pairs of photos of 20 x 10 pixels: an ant of 4 x 4 pixels that lies two further to the right in the source, and
/// a bass where it was.
fn write() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("Caltech-101");
    for name in ["ant/a.png", "ant/b.png", "bass/a.png", "bass/b.png"] {
        let photo = root.join("101_ObjectCategories").join(name);
        fs::create_dir_all(photo.parent().unwrap()).unwrap();
        RgbImage::new(20, 10).save(photo).unwrap();
    }
    let square = |left: u32| format!("\"{left},{0},{0},{left}\",\"3,3,6,6\"", left + 3);
    let row = |class: &str, source: u32| {
        let photos = format!("{class}/a.png,101_ObjectCategories/{class}/b.png");
        format!("{photos},1,{},{}", square(4), square(source))
    };
    let list = ["source_image,target_image,class,XA,YA,XB,YB", &row("ant", 6), &row("bass", 4)];
    fs::write(root.join("test_pairs_caltech_with_category.csv"), list.join("\n")).unwrap();
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Run {
    lpmflow([&["eval", "-d", "caltech-101", "--data-root", text(folder)], arguments].concat())
}

#[test]
fn areas_are_in_every_report_and_a_drop_of_iou_is_a_regression() {
    let folder = write();
    let path = |name: &str| folder.path().join(name);
    let (report, html, junit) = (path("report.json"), path("report.html"), path("junit.xml"));
    let files = ["--report", text(&report), "--html", text(&html), "--junit", text(&junit)];
    let Run { code, stdout, stderr } =
        run(folder.path(), &[&["--baseline-model", "identity"], &files[..]].concat());
    assert_eq!(code, 0, "{stderr}");
    for expected in [
        "areas in percent of identity",
        "LT-ACC",
        "IoU",
        "LOC-ERR",
        "category     pairs    LT-ACC    IoU  LOC-ERR",
    ] {
        assert!(stdout.contains(expected), "`{expected}` is not in:\n{stdout}");
    }
    let found = read_json(&report);
    assert_satisfies_schema(&found);
    // Of 16 and 16 pixels of the ant 8 are common, and every place is off by half of its width.
    let headline = &found["headline"];
    assert_eq!((&headline["protocol"], &headline["alpha"]), (&json!("areas"), &json!("IoU")));
    assert!((headline["pck"].as_f64().unwrap() - (100.0 + 100.0 / 3.0) / 2.0).abs() < 1e-9);
    let protocol = &found["protocols"][0];
    assert_eq!((&protocol["alphas"], &protocol["threshold"]), (&json!([]), &json!("none")));
    let bass = json!({"LT-ACC": 100.0, "IoU": 100.0, "LOC-ERR": 0.0});
    assert_eq!(protocol["categories"]["bass"]["pck"], bass);
    let ant = &protocol["categories"]["ant"]["pck"];
    assert_eq!((&ant["LT-ACC"], &ant["LOC-ERR"]), (&json!(92.0), &json!(50.0)));
    let page = fs::read_to_string(html).unwrap();
    assert!(
        page.contains("LT-ACC 92 %, IoU 33 %, LOC-ERR 50 %")
            && page.contains("<polygon class=\"found\"")
    );
    assert!(!page.contains("PCK"), "areas are no PCK");
    assert!(
        fs::read_to_string(junit)
            .unwrap()
            .contains("1 pair\nLT-ACC 92.00 %\nIoU 33.33 %\nLOC-ERR 50.00 %")
    );

    // Flows of any system; one that finds the bass nowhere.
    let (lines, markdown) = (path("list.jsonl"), path("report.md"));
    let flow = |name: &str, step: f32| {
        let header = [&b"PIEH"[..], &20u32.to_le_bytes(), &10u32.to_le_bytes()].concat();
        let values = std::iter::repeat_n([step, 0.0].map(f32::to_le_bytes).concat(), 200);
        fs::write(path(name), [header, values.flatten().collect()].concat()).unwrap();
    };
    flow("ant.flo", -2.0);
    flow("bass.flo", 1e10);
    let listed = [json!({"index": 0, "flow": "ant.flo"}), json!({"index": 1, "flow": "bass.flo"})];
    fs::write(&lines, listed.map(|line| line.to_string()).join("\n")).unwrap();
    let stored = ["--predictions", text(&lines), "--baseline", text(&report), "--max-drop", "1"];
    let Run { code, stdout, stderr } =
        run(folder.path(), &[&stored[..], &["--markdown", text(&markdown)]].concat());
    assert_eq!(code, 3, "{stderr}");
    let verdict = "regression: `areas` IoU 66.67 -> 50.00 (-16.67 points";
    assert!(stderr.contains(verdict) && !stderr.contains("NaN"), "{stderr}");
    let markdown = fs::read_to_string(markdown).unwrap();
    for expected in [verdict, "## caltech-101 test: IoU 50.0 %", "| bass | 1 | 92.0 | 0.0 | |"] {
        assert!(markdown.contains(expected), "`{expected}` is not in:\n{markdown}");
    }
    assert!(stdout.contains("areas     LOC-ERR   25.00   0.00  -25.00"), "{stdout}");
}

#[test]
fn what_is_of_keypoints_alone_is_refused() {
    let folder = write();
    for (arguments, expected) in [
        (vec!["--alpha", "0.1"], "measured by outlines, which alphas play no part in"),
        (vec!["--protocol", "image"], "has outlines: use `areas`"),
        (
            vec!["--predictions-out", "out.jsonl"],
            "`caltech-101` has outlines: `lpmflow predict --pairs`",
        ),
    ] {
        let arguments = [&["--baseline-model", "identity"], &arguments[..]].concat();
        let Run { code, stderr, .. } = run(folder.path(), &arguments);
        assert_eq!(code, 1);
        assert!(stderr.contains(expected), "`{expected}` is not in:\n{stderr}");
    }
    let checked =
        ["datasets", "check", "caltech-101", "--json", "--data-root", text(folder.path())];
    let Run { code, stdout, stderr } = lpmflow(checked);
    assert_eq!(code, 0, "{stderr}");
    let split = &serde_json::from_str::<Value>(&stdout).unwrap()["splits"][0];
    assert_eq!((&split["pairs"], &split["categories"]), (&json!(2), &json!({"ant": 1, "bass": 1})));
}
