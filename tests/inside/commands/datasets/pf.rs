//! PF-WILLOW and PF-PASCAL: their lists and annotations, and every fault of them.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{assert_has, check, photo, problems, write};
use crate::commands::testing::lpmflow;

/// Two photos of 40 x 30 pixels, and rows of a list.
fn willow(root: &Path, rows: &[String], line_end: &str) {
    let folder = root.join("PF-WILLOW");
    photo(&folder.join("car(G)/a.png"), 40, 10);
    photo(&folder.join("car(G)/b.png"), 40, 20);
    let header = "imageA,imageB,XA1,whatever";
    let list = [&[header.to_owned()], rows].concat().join(line_end);
    write(&folder.join("test_pairs.csv"), list);
}

fn willow_row(second: &str, first_number: &str) -> String {
    let numbers = vec!["5.5"; 39].join(",");
    format!("PF-dataset/car(G)/a.png,PF-dataset/{second},{first_number},{numbers}")
}

#[test]
fn pf_willow_list_reads_whatever_its_line_ends_header_and_surplus_columns() {
    for (line_end, mark) in [("\n", ""), ("\r\n", ""), ("\r\n", "\u{feff}")] {
        let folder = tempfile::tempdir().unwrap();
        let rows = [willow_row("car(G)/b.png", "1.5"), willow_row("car(G)/a.png", "39") + ",new,7"];
        willow(folder.path(), &rows, line_end);
        let list = folder.path().join("PF-WILLOW/test_pairs.csv");
        fs::write(&list, format!("{mark}{}", fs::read_to_string(&list).unwrap())).unwrap();
        let (sound, found) = check("pf-willow", folder.path());
        assert!(sound, "{found:#}");
        let split = &found["splits"][0];
        assert_eq!((&split["pairs"], &split["images"]), (&json!(2), &json!(2)));
        assert_eq!(split["keypoints"], 20);
        assert_eq!(split["categories"], json!({"car(G)": 2}));
    }
}

#[test]
fn every_fault_of_a_pf_willow_list_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let cut_row = willow_row("car(G)/b.png", "1").rsplit_once(',').unwrap().0.to_owned();
    let rows = [
        willow_row("car(G)/b.png", "1"),
        willow_row("car(G)/missing.png", "1"),
        cut_row,
        willow_row("car(G)/b.png", "nan"),
        willow_row("car(G)/b.png", "-inf"),
        willow_row("car(G)/b.png", "41.5"),
        willow_row("car(G)/b.png", "left"),
        willow_row("duck(S)/b.png", "1"),
        // 1-based pixels and rounding: still usable.
        willow_row("car(G)/b.png", "40"),
        willow_row("car(G)/b.png", "-0.5"),
    ];
    willow(folder.path(), &rows, "\r\n");
    let (sound, found) = check("pf-willow", folder.path());
    assert!(!sound);
    let split = &found["splits"][0];
    assert_eq!((&split["pairs"], &split["bad_pairs"]), (&json!(3), &json!(7)));
    let problems = problems(split);
    assert_eq!(problems.len(), 7, "{problems:#?}");
    assert_has(&problems, &["missing: no such image"]);
    assert_has(&problems, &["wrong-count line 4: 41 columns instead of 42"]);
    assert_has(&problems, &["not-finite line 5: keypoint 0 of a.png"]);
    assert_has(&problems, &["not-finite line 6"]);
    assert_has(&problems, &["keypoint-outside line 7", "(41.5, 5.5) of a.png, 40x30"]);
    assert_has(&problems, &["unreadable line 8: `left` in column 3"]);
    assert_has(&problems, &["unreadable line 9: photos of two categories"]);
}

// PF-PASCAL: MATLAB annotations of photos of 50 x 30 pixels.

/// A MATLAB file with `kps` and `bbox`, not compressed.
fn mat(keypoints: &[[f64; 2]], bounds: &[f64]) -> Vec<u8> {
    fn element(kind: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_le_bytes(), (content.len() as u32).to_le_bytes()].concat();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }
    let matrix = |name: &str, rows: usize, values: &[f64]| {
        let size = [rows as u32, (values.len() / rows) as u32].map(u32::to_le_bytes).concat();
        let values: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let flags = [6, 0, 0, 0, 0, 0, 0, 0];
        let parts = [(6, flags.as_slice()), (5, &size), (1, name.as_bytes()), (9, &values)];
        element(14, &parts.map(|(kind, content)| element(kind, content)).concat())
    };
    let columns: Vec<f64> =
        (0..2).flat_map(|axis| keypoints.iter().map(move |point| point[axis])).collect();
    let mut file = vec![b' '; 124];
    file.extend([0x00, 0x01, b'I', b'M']);
    file.extend(matrix("kps", keypoints.len(), &columns));
    file.extend(matrix("bbox", 1, bounds));
    file
}

const UNLABELLED: [f64; 2] = [f64::NAN, f64::NAN];
const BOUNDS: [f64; 4] = [1.0, 2.0, 50.0, 30.0];

fn pascal_image(root: &Path, name: &str, annotation: &[u8]) {
    let folder = root.join("PF-PASCAL");
    photo(&folder.join(format!("JPEGImages/{name}.jpg")), 50, name.len() as u8 * 20);
    write(&folder.join(format!("Annotations/cat/{name}.mat")), annotation);
}

fn pascal_list(root: &Path, split: &str, rows: &[&str]) {
    let header = if split == "test" { "class,XA,YA,XB,YB" } else { "class,flip" };
    let rows: Vec<String> = rows.iter().map(|row| format!("A/B/{row}")).collect();
    let list = format!("source_image,target_image,{header}\n{}", rows.join("\n"));
    write(&root.join(format!("PF-PASCAL/{split}_pairs.csv")), list);
}

#[test]
fn pf_pascal_keeps_the_keypoints_labelled_in_both_photos() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    pascal_image(root, "a", &mat(&[[1.0, 2.0], [3.0, 4.0], UNLABELLED], &BOUNDS));
    pascal_image(root, "bb", &mat(&[[5.0, 6.0], UNLABELLED, [7.0, 8.0]], &BOUNDS));
    pascal_list(root, "trn", &["a.jpg,A/B/bb.jpg,8,1", "bb.jpg,A/B/a.jpg,8,0"]);
    pascal_list(root, "test", &["a.jpg,A/B/bb.jpg,8,1;2,3;4,5;6,7;8"]);
    let (sound, found) = check("pf-pascal", root);
    assert!(sound, "{found:#}");
    let [training, test] = [&found["splits"][0], &found["splits"][1]];
    assert_eq!((&training["name"], &test["name"]), (&json!("trn"), &json!("test")));
    assert_eq!((&training["keypoints"], &test["keypoints"]), (&json!(2), &json!(1)));
    assert_eq!(found["absent"], json!(["val"]));
    // Both photos are in both splits.
    assert_eq!(found["shared_images"].as_array().unwrap().len(), 2);
}

#[test]
fn every_fault_of_pf_pascal_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let good = mat(&[[1.0, 2.0], [3.0, 4.0]], &BOUNDS);
    pascal_image(root, "good", &good);
    pascal_image(root, "cut", &good[..good.len() - 30]);
    pascal_image(root, "text", b"no annotation");
    pascal_image(root, "other", &mat(&[[1.0, 2.0]], &BOUNDS));
    pascal_image(root, "unlabelled", &mat(&[UNLABELLED, UNLABELLED], &BOUNDS));
    pascal_image(root, "infinite", &mat(&[[f64::INFINITY, 1.0], [1.0, 1.0]], &BOUNDS));
    pascal_image(root, "narrow", &mat(&[[1.0, 1.0], [2.0, 2.0]], &[9.0, 2.0, 9.0, 20.0]));
    pascal_image(root, "short", &mat(&[[1.0, 1.0], [2.0, 2.0]], &[1.0, 2.0, 9.0]));
    let names = ["cut", "text", "other", "unlabelled", "infinite", "narrow", "short", "none"];
    let mut rows: Vec<String> =
        names.iter().map(|name| format!("good.jpg,A/B/{name}.jpg,8,0")).collect();
    rows.extend(["good.jpg,A/B/good.jpg,21,0", "good.jpg,A/B/good.jpg,8,2"].map(str::to_owned));
    // The same fault again is listed once.
    rows.push("cut.jpg,A/B/good.jpg,8,0".to_owned());
    pascal_list(root, "trn", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    let (sound, found) = check("pf-pascal", root);
    assert!(!sound);
    assert_eq!(found["splits"][0]["bad_pairs"], rows.len());
    let problems = problems(&found["splits"][0]);
    assert_eq!(problems.len(), rows.len() - 1, "{problems:#?}");
    assert_has(&problems, &["unreadable", "cut off"]);
    assert_has(&problems, &["unreadable", "MATLAB file's header"]);
    assert_has(&problems, &["wrong-count line 4", "2 parts in the annotation of good.jpg, 1 in"]);
    assert_has(&problems, &["wrong-count line 5", "0 source and 0 target keypoints"]);
    assert_has(&problems, &["not-finite line 6"]);
    assert_has(&problems, &["box-outside line 7", "9, 2, 9, 20"]);
    assert_has(&problems, &["wrong-count", "`bbox` has 3 values"]);
    assert_has(&problems, &["missing", "no such annotation"]);
    assert_has(&problems, &["unreadable line 10", "`21` is no class"]);
    assert_has(&problems, &["unreadable line 11", "flip is `2`"]);
}

#[test]
fn missing_lists_of_pf_pascal_say_where_lists_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let good = mat(&[[1.0, 2.0], [3.0, 4.0]], &BOUNDS);
    pascal_image(root, "a", &good);
    let text = root.to_str().unwrap();
    let check = || lpmflow(["datasets", "check", "pf-pascal", "--data-root", text]).failed_with(4);
    let error = check();
    assert!(
        error.contains("its lists come from https://github.com/ignacio-rocco/ncnet"),
        "{error}"
    );
    write(
        &root.join("PF-PASCAL/image_pairs/train_pairs.csv"),
        "source_image,target_image,class,flip\n",
    );
    let error = check();
    assert!(
        error.contains("train_pairs.csv` may be `trn_pairs.csv` under another name"),
        "{error}"
    );
    let eval =
        ["eval", "--dataset", "pf-pascal", "--data-root", text, "--baseline-model", "identity"];
    let error = lpmflow(eval).failed_with(4);
    let advice = "no list of PF-PASCAL: test_pairs.csv; `lpmflow datasets fetch pf-pascal` gets what is missing; its \
                  lists come from";
    assert!(error.contains(advice), "{error}");
}
