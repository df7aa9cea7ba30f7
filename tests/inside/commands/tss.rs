//! TSS: what is measured are all pixels that a true flow knows, in both directions.

use std::fs;
use std::path::Path;

use image::RgbImage;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::commands::testing::{Run, lpmflow};
use crate::flow::Flow;
use crate::geometry::Size;
use crate::inside::support::evaluation::{assert_satisfies_schema, text};

/// Two pairs of photos of 40 x 20 pixels: a car that lies one pixel further to the right in the second, and a bike that
/// lies three further. The first row of every flow is unknown.
fn write() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pair = |name: &str, step: f32| {
        let pair = folder.path().join("TSS_CVPR2016").join(name);
        fs::create_dir_all(&pair).unwrap();
        for (number, sign) in [(1, 1.0), (2, -1.0)] {
            RgbImage::new(40, 20).save(pair.join(format!("image{number}.png"))).unwrap();
            write_flow(&pair.join(format!("flow{number}.flo")), &[sign * step; 40]);
        }
    };
    pair("FG3DCar/001_005", 1.0);
    pair("PASCAL/bike_01_03", 3.0);
    folder
}

/// A flow of 20 rows to the right by so much in each column, its first row unknown.
fn write_flow(path: &Path, columns: &[f32]) {
    let size = Size::new(20, columns.len());
    let dx: Vec<f32> = (0..20).flat_map(|_| columns.to_vec()).collect();
    let flow = Flow { size, dy: vec![0.0; dx.len()], dx };
    let known: Vec<bool> = (0..size.area()).map(|pixel| pixel >= size.width).collect();
    let mut file = fs::File::create(path).unwrap();
    crate::predict::format::flo::write(&mut file, &flow, Some(&known)).unwrap();
}

fn run(folder: &TempDir, arguments: &[&str]) -> Run {
    let root = ["--data-root", text(folder.path())];
    lpmflow([arguments, &root].concat())
}

#[test]
fn every_known_pixel_of_both_directions_is_scored_by_the_larger_side_of_the_target() {
    let folder = write();
    let html = folder.path().join("report.html");
    let eval =
        ["eval", "-d", "tss", "--baseline-model", "identity", "--json", "--html", text(&html)];
    let Run { code, stdout, stderr } = run(&folder, &eval);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("the pairs of `JODS` are not there"), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_satisfies_schema(&report);
    // A hundredth of 40 pixels is 0.4: one pixel is right from 0.03 on, three from 0.08.
    assert_eq!(report["headline"], json!({"protocol": "image", "alpha": "0.05", "pck": 50.0}));
    let protocols = report["protocols"].as_array().unwrap();
    assert_eq!(protocols.len(), 1);
    let overall = json!({"0.01": 0.0, "0.02": 0.0, "0.03": 50.0, "0.04": 50.0, "0.05": 50.0});
    assert_eq!(protocols[0]["overall"], overall);
    assert_eq!(protocols[0]["categories"]["FG3DCar"]["pck"]["0.05"], 100.0);
    assert_eq!(report["pairs"][0]["keypoints"], 19 * 40);
    let html = fs::read_to_string(html).unwrap();
    assert!(html.contains("760 of 760 right; ") && html.contains(" of them drawn, evenly spread"));
}

#[test]
fn flows_of_any_system_are_scored_and_points_are_not() {
    let folder = write();
    let lines = folder.path().join("flows/list.jsonl");
    fs::create_dir(lines.parent().unwrap()).unwrap();
    // Right in the left half alone; unknown, and so wrong, in the first row, which is not measured.
    let columns: Vec<f32> = (0..40).map(|x| if x < 20 { 3.0 } else { -7.0 }).collect();
    write_flow(&lines.with_file_name("bike.flo"), &columns);
    let listed = |line: Value| {
        fs::write(&lines, line.to_string()).unwrap();
        run(&folder, &["eval", "-d", "tss", "--predictions", text(&lines), "--json"])
    };
    let pair = "bike_01_03/image";
    let Run { code, stdout, stderr } = listed(json!({
        "source": format!("{pair}1.png"), "target": format!("{pair}2.png"), "flow": "bike.flo",
    }));
    assert_eq!(code, 0, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["protocols"][0]["overall"]["0.01"], 50.0);
    assert_eq!(
        (&report["dataset"]["pairs"], &report["dataset"]["missing"]),
        (&json!(1), &json!(3))
    );

    write_flow(&lines.with_file_name("small.flo"), &columns[..7]);
    for (line, expected) in [
        (json!({"index": 0, "flow": "small.flo"}), "small.flo` has 7x20 pixels, but the source"),
        (
            json!({"index": 0, "predicted": []}),
            "is measured at every pixel: `flow` must name a flow",
        ),
        (json!({"index": 0, "flow": "absent.flo"}), "reading the flow `"),
    ] {
        let Run { code, stderr, .. } = listed(line);
        assert_eq!(code, 4);
        assert!(stderr.contains(expected), "`{expected}` is not in:\n{stderr}");
    }
    let out =
        ["eval", "-d", "tss", "--baseline-model", "identity", "--predictions-out", "out.jsonl"];
    let Run { code, stderr, .. } = run(&folder, &out);
    assert!(code == 1 && stderr.contains("`tss` has flows"), "{stderr}");
}

#[test]
fn check_counts_pixels_and_names_what_is_missing() {
    let folder = write();
    fs::remove_file(folder.path().join("TSS_CVPR2016/PASCAL/bike_01_03/flow2.flo")).unwrap();
    let Run { code, stdout, stderr } = run(&folder, &["datasets", "check", "tss", "--json"]);
    assert_eq!(code, 4, "{stderr}");
    let split = &serde_json::from_str::<Value>(&stdout).unwrap()["splits"][0];
    assert_eq!((&split["pairs"], &split["keypoints"]), (&json!(3), &json!(3 * 19 * 40)));
    assert_eq!(split["problems"][0]["detail"], "no such flow");
    fs::remove_dir_all(folder.path().join("TSS_CVPR2016/PASCAL")).unwrap();
    fs::remove_dir_all(folder.path().join("TSS_CVPR2016/FG3DCar")).unwrap();
    let Run { code, stderr, .. } = run(&folder, &["datasets", "check", "tss"]);
    assert!(code == 4 && stderr.contains("holds no folders of pairs"), "{stderr}");
}
