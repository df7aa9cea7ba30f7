//! A folder of photos with the annotations of an annotation tool goes through checking, evaluation and training
//! as it is.

use std::fs;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::commands::testing::{Run, lpmflow};

/// Ten photos of a square in different places, with its corners annotated.
fn annotated() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("images")).unwrap();
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for number in 0..10_u32 {
        let (left, top) = (2 * number, 20 - 2 * number);
        let photo = RgbImage::from_fn(48, 48, |x, y| {
            let inside = (left..left + 20).contains(&x) && (top..top + 20).contains(&y);
            Rgb(if inside { [200, (x * 5) as u8, (y * 5) as u8] } else { [number as u8 * 20; 3] })
        });
        let name = format!("{number}.png");
        photo.save(folder.path().join("images").join(&name)).unwrap();
        images.push(json!({"id": number, "file_name": name, "width": 48, "height": 48}));
        annotations.push(json!({
            "id": number, "image_id": number, "category_id": 1, "iscrowd": 0, "bbox": [left, top, 20, 20],
            "keypoints": [left, top, 2, left + 20, top, 2, left, top + 20, 2, left + 20, top + 20, 1],
        }));
    }
    let categories =
        json!([{"id": 1, "name": "square", "keypoints": ["a", "b", "c", "d"], "skeleton": []}]);
    let all = json!({"images": images, "annotations": annotations, "categories": categories});
    fs::write(folder.path().join("result.json"), all.to_string()).unwrap();
    folder
}

/// A command on the folder, without a word about datasets elsewhere.
fn run(folder: &TempDir, words: &[&str]) -> Run {
    lpmflow([words, &["--data-root", folder.path().to_str().unwrap()]].concat())
}

#[test]
fn annotated_photos_are_checked_and_evaluated_on() {
    let folder = annotated();
    let listed = run(&folder, &["datasets", "list"]).succeeded().stdout;
    let row = listed.lines().find(|line| line.starts_with("coco-keypoints")).unwrap();
    assert_eq!(row.matches("trn, val, all, test").count(), 2, "{row}");
    let checked = run(&folder, &["datasets", "check", "coco-keypoints"]).succeeded().stdout;
    assert!(
        checked.contains("every pair can be used") && checked.contains("all pairs: square 90"),
        "{checked}"
    );
    assert!(!checked.contains("several splits"), "{checked}");
    let evaluate =
        ["eval", "--dataset", "coco-keypoints", "--baseline-model", "identity", "--json"];
    let report: Value = serde_json::from_str(&run(&folder, &evaluate).succeeded().stdout).unwrap();
    assert_eq!(
        (&report["dataset"]["pairs"], &report["headline"]["protocol"]),
        (&90.into(), &"standard".into())
    );
}

#[test]
fn annotated_photos_are_trained_on() {
    let folder = annotated();
    let output = folder.path().join("run");
    let words = [
        "train",
        "--dataset",
        "coco-keypoints",
        "--model",
        "tiny",
        "--epochs",
        "1",
        "--batch-size",
        "30",
    ];
    let output_flag = ["--output", output.to_str().unwrap()];
    let log = run(&folder, &[&words[..], &output_flag].concat()).succeeded().stderr;
    assert!(log.contains("30 training pairs of 6 photos"), "{log}");
    assert!(output.join("best.safetensors").is_file());
}

#[test]
fn folders_without_annotations_and_unsound_ones_are_told() {
    let folder = annotated();
    fs::remove_file(folder.path().join("images/3.png")).unwrap();
    let checked = run(&folder, &["datasets", "check", "coco-keypoints"]);
    assert_eq!(checked.code, 4);
    assert!(checked.stdout.contains("no photo `3.png` below"), "{}", checked.stdout);
    fs::remove_file(folder.path().join("result.json")).unwrap();
    for words in [&["datasets", "check", "coco-keypoints"][..], &["eval", "-d", "coco-keypoints"]] {
        let error = run(&folder, words).failed_with(4);
        assert!(error.contains("no COCO annotations in"), "{error}");
    }
    let error = lpmflow(["eval", "-d", "coco-keypoints", "--data-root", "/nowhere"]).failed_with(4);
    assert!(error.contains("name it with --data-root"), "{error}");
}
