//! A dataset layout that one line of the list makes known goes through every command that reads datasets.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

use crate::commands::testing::lpmflow;

const CATALOG: &str = r#"
[squares]
title = "Squares"
layout = "toy"
root = "squares"
default_split = "val"
protocol = "keypoint-box"
alphas = [0.1, 0.5]
categories = ["square"]
source = "this test"
citation = "none"

[squares.splits]
trn = "trn.txt"
val = "val.txt"
"#;

const SIDE: u32 = 48;

/// Four photos of a square in different places; `trn` and `val` pair them.
fn dataset() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("squares/photos");
    fs::create_dir_all(&photos).unwrap();
    let places = [(4, 6), (10, 12), (16, 8), (20, 20)];
    for (number, (left, top)) in places.into_iter().enumerate() {
        let photo = RgbImage::from_fn(SIDE, SIDE, |x, y| {
            let inside = (left..left + 20).contains(&x) && (top..top + 20).contains(&y);
            Rgb(if inside { [200, (x * 5) as u8, (y * 5) as u8] } else { [40; 3] })
        });
        photo.save(photos.join(format!("{number}.png"))).unwrap();
    }
    let line = |source: usize, target: usize| {
        let corner = |(left, top): (u32, u32), right: u32, down: u32| {
            format!("{} {}", left + 20 * right, top + 20 * down)
        };
        let both = |right, down| {
            [corner(places[source], right, down), corner(places[target], right, down)].join(" ")
        };
        let keypoints = [both(0, 0), both(1, 0), both(0, 1), both(1, 1)].join(" ");
        format!("square {source}.png {target}.png {keypoints}\n")
    };
    let write = |name: &str, text: String| {
        fs::write(folder.path().join(name), text).unwrap();
    };
    write("squares/trn.txt", line(0, 1) + &line(1, 2));
    write("squares/val.txt", line(2, 3) + &line(3, 0));
    write("datasets.toml", CATALOG.to_owned());
    folder
}

/// A command on the dataset.
fn arguments(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let catalog = ["--datasets".to_owned(), text(&folder.join("datasets.toml"))];
    let root = ["--data-root".to_owned(), text(folder)];
    let arguments = arguments.iter().map(|argument| (*argument).to_owned());
    arguments.chain(catalog).chain(root).collect()
}

#[test]
fn a_layout_of_the_list_is_listed_checked_and_evaluated_on() {
    let folder = dataset();
    let run = |words: &[&str]| lpmflow(arguments(folder.path(), words));
    let listed = run(&["datasets", "list"]).succeeded().stdout;
    let row = listed.lines().find(|line| line.starts_with("squares")).unwrap();
    assert!(row.contains("  toy  ") && row.contains("trn, val"), "{row}");
    let checked = run(&["datasets", "check", "squares"]).succeeded().stdout;
    assert!(
        checked.contains("layout toy") && checked.contains("every pair can be used"),
        "{checked}"
    );
    let evaluated =
        run(&["eval", "--dataset", "squares", "--baseline-model", "identity", "--json"]);
    let report: Value = serde_json::from_str(&evaluated.succeeded().stdout).unwrap();
    assert_eq!(
        (&report["dataset"]["layout"], &report["dataset"]["pairs"]),
        (&"toy".into(), &2.into())
    );
    // Without object boxes, the protocols that need them are left out.
    let names: Vec<&Value> =
        report["protocols"].as_array().unwrap().iter().map(|protocol| &protocol["name"]).collect();
    assert!(names.contains(&&"keypoint-box".into()) && !names.contains(&&"standard".into()));
    let refused = ["eval", "--dataset", "squares", "--baseline-model", "identity", "--protocol"];
    let error = run(&[&refused[..], &["standard"]].concat()).failed_with(1);
    assert!(error.contains("layout `toy` has none: use `keypoint-box`"), "{error}");
}

#[test]
fn faults_of_its_records_are_told() {
    let folder = dataset();
    let list = folder.path().join("squares/val.txt");
    let text = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{text}square 0.png\nsquare 0.png 9.png 1 1 1 1\n")).unwrap();
    let run = lpmflow(arguments(folder.path(), &["datasets", "check", "squares"]));
    assert_eq!(run.code, 4);
    assert!(run.stdout.contains("val.txt:3: too few words"), "{}", run.stdout);
    assert!(run.stdout.contains("9.png: no such image"), "{}", run.stdout);
}

#[test]
fn a_layout_of_the_list_is_trained_on() {
    let folder = dataset();
    let output = folder.path().join("run");
    let words =
        ["train", "--model", "tiny", "--epochs", "1", "--batch-size", "2", "--dataset", "squares"];
    let output = ["--output", output.to_str().unwrap()];
    let log = lpmflow(arguments(folder.path(), &[&words[..], &output].concat())).succeeded().stderr;
    assert!(log.contains("2 training pairs of 3 photos"), "{log}");
    assert!(log.contains("keypoint-box"), "{log}");
    assert!(folder.path().join("run/best.safetensors").is_file());
}
