//! SPair-71k: the tree of the evaluation's tests, its annotations changed.

use std::fs;

use serde_json::{Value, json};

use super::{assert_has, check, problems};
use crate::commands::testing::lpmflow;
use crate::inside::support::spair::TinySpair;

fn annotation(dataset: &TinySpair, pair: usize) -> (std::path::PathBuf, Value) {
    let root = dataset.data_root().join("SPair-71k");
    let list = fs::read_to_string(root.join("Layout/large/test.txt")).unwrap();
    let name = list.lines().nth(pair).unwrap();
    let path = root.join("PairAnnotation/test").join(format!("{name}.json"));
    let annotation = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    (path, annotation)
}

pub(super) fn change(dataset: &TinySpair, pair: usize, key: &str, value: Value) {
    let (path, mut annotation) = annotation(dataset, pair);
    annotation[key] = value;
    fs::write(path, annotation.to_string()).unwrap();
}

#[test]
fn spair_71k_reads_whatever_the_line_ends_and_surplus_keys() {
    let dataset = TinySpair::write();
    let list = dataset.data_root().join("SPair-71k/Layout/large/test.txt");
    let text = fs::read_to_string(&list).unwrap();
    change(&dataset, 0, "new key", json!({"nested": [null]}));
    let (_, first) = check("spair71k", dataset.data_root());
    fs::write(&list, format!("\u{feff}{}", text.trim_end().replace('\n', "\r\n\r\n"))).unwrap();
    let (sound, second) = check("spair71k", dataset.data_root());
    assert!(sound && first["splits"][0]["pairs"] == 6, "{first:#}");
    assert_eq!(first, second);
}

/// Gives every annotation of the tiny dataset another name.
fn rename_annotations(dataset: &TinySpair, name: impl Fn(&str) -> String) {
    let folder = dataset.data_root().join("SPair-71k/PairAnnotation/test");
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let new = name(path.file_name().unwrap().to_str().unwrap());
        fs::rename(&path, folder.join(new)).unwrap();
    }
}

#[test]
fn copies_of_spair_71k_from_windows_are_read_where_one_letter_stands_for_the_colon() {
    let (_, expected) = check("spair71k", TinySpair::write().data_root());
    for colon in ["_", "-", "\u{f03a}", "%3A", ""] {
        let dataset = TinySpair::write();
        rename_annotations(&dataset, |name| name.replace(':', colon));
        let (sound, found) = check("spair71k", dataset.data_root());
        assert!(sound, "{colon}: {found:#}");
        assert_eq!(found["splits"][0]["fingerprint"], expected["splits"][0]["fingerprint"]);
    }
    // Cut off at the colon: one hint, not a line for each.
    let dataset = TinySpair::write();
    rename_annotations(&dataset, |name| name.split(':').next().unwrap().to_owned());
    let root = dataset.data_root().to_str().unwrap();
    let error = lpmflow(["datasets", "check", "spair71k", "--data-root", root]).failed_with(4);
    assert!(error.contains("none of the 6 annotations") && error.contains("Windows"), "{error}");
    assert!(error.contains("`000001-a-b:cat`, the first file there is `000001-a-b`"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn every_fault_of_spair_71k_is_told() {
    let dataset = TinySpair::write();
    change(&dataset, 0, "src_imsize", json!([65, 48, 3]));
    change(&dataset, 1, "trg_bndbox", json!([8, 8, 70, 42]));
    change(&dataset, 2, "src_kps", json!([[1, 1]]));
    change(&dataset, 3, "truncation", json!(7));
    fs::write(annotation(&dataset, 4).0, "{\"category\": ").unwrap();
    fs::remove_file(annotation(&dataset, 5).0).unwrap();
    let (sound, found) = check("spair71k", dataset.data_root());
    assert!(!sound);
    assert_eq!(found["splits"][0]["bad_pairs"], 6);
    let problems = problems(&found["splits"][0]);
    assert_eq!(problems.len(), 6, "{problems:#?}");
    assert_has(&problems, &["wrong-size", "annotated as 65x48, is 64x48"]);
    assert_has(&problems, &["box-outside", "8, 8, 70, 42"]);
    assert_has(&problems, &["wrong-count", "1 source and 3 target keypoints"]);
    assert_has(&problems, &["unreadable", "`truncation` is 7"]);
    assert_has(&problems, &["unreadable", "EOF while parsing"]);
    assert_has(&problems, &["missing line 6: no annotation"]);
}
