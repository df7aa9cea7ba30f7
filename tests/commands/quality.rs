//! `--quality`: how much work is put into a pair, through the real binary.

use serde_json::Value;

use crate::command::{lpmflow, lpmflow_reading};
use crate::support::files::Folder;

/// Where some points lie, and what was said to standard error.
fn found(source: &str, target: &str, quality: &str) -> (Vec<[f64; 2]>, String) {
    let points = "[[40, 30], [96, 96], [200, 160], [281, 200.5]]";
    let arguments = ["predict", source, target, "--keypoints", "-", "--quality", quality];
    let run = lpmflow_reading(points, arguments).succeeded();
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    (serde_json::from_value(found["target"].clone()).unwrap(), run.stderr)
}

#[test]
fn every_quality_finds_a_smaller_copy_and_the_finest_is_the_most_exact() {
    let folder = Folder::new();
    let (source, target) = (folder.photo("s.png", 320, 240), folder.photo("t.png", 160, 180));
    let miss = |quality: &str| {
        let (points, _) = found(&source, &target, quality);
        let wanted = [[20.0, 22.5], [48.0, 72.0], [100.0, 120.0], [140.5, 150.375]];
        let miss = |(found, wanted): (&[f64; 2], [f64; 2])| {
            (found[0] - wanted[0]).hypot(found[1] - wanted[1])
        };
        points.iter().zip(wanted).map(miss).fold(0.0, f64::max)
    };
    let [fast, standard, fine] = ["fast", "standard", "fine"].map(miss);
    assert!(fast < 5.0 && standard < 5.0 && fine < 5.0, "{fast} {standard} {fine}");
}

#[test]
fn a_photo_pair_is_the_same_alone_and_among_others() {
    let folder = Folder::new();
    let photos = ["a.png", "b.png", "c.png"].map(|name| folder.photo(name, 200, 150));
    let list = folder.text("list.jsonl");
    let line = |(source, target): (usize, usize)| {
        let (source, target) = (&photos[source], &photos[target]);
        let points = [[40, 30], [100, 90]];
        serde_json::json!({ "source": source, "target": target, "keypoints": points }).to_string()
    };
    let lines: Vec<String> = [(0, 1), (1, 2), (2, 0), (0, 2)].map(line).to_vec();
    std::fs::write(&list, lines.join("\n")).unwrap();
    let of_list = |threads: &str| {
        let output = folder.text(threads);
        let fixed = ["predict", "--pairs", &list, "--quality", "fine", "--output-dir", &output];
        let arguments = fixed.into_iter().chain(["--threads", threads]);
        let targets = |line: Value| line["keypoints"]["target"].clone();
        lpmflow(arguments).succeeded().json_lines().into_iter().map(targets).collect::<Vec<_>>()
    };
    let (one, two) = (of_list("1"), of_list("2"));
    assert_eq!(one.len(), 4);
    for (one, two) in one.iter().zip(&two) {
        let numbers =
            |value: &Value| -> Vec<[f64; 2]> { serde_json::from_value(value.clone()).unwrap() };
        for (one, two) in numbers(one).iter().zip(numbers(two)) {
            assert!((one[0] - two[0]).hypot(one[1] - two[1]) < 0.01, "{one:?} {two:?}");
        }
    }
}

#[test]
fn a_graph_holds_one_look_and_models_of_one_quality_say_so() {
    let folder = Folder::new();
    let graph = folder.text("lite.pt");
    let export = ["export", "--weights", "lite", "-o", &graph, "--quality"];
    lpmflow(export.into_iter().chain(["standard", "--verify"])).succeeded();
    let error = lpmflow(export.into_iter().chain(["fine"])).failed_with(1);
    assert!(error.contains("--quality standard"), "{error}");
    let (photo, weights) = (folder.photo("s.png", 60, 40), "zero-shot");
    let error =
        lpmflow(["predict", &photo, &photo, "-w", weights, "--quality", "standard"]).failed_with(1);
    assert!(error.contains("`fast` and `fine`"), "{error}");
    let nearest = ["predict", &photo, &photo, "-w", weights, "--set", "matcher.kind=nearest"];
    let error = lpmflow(nearest.into_iter().chain(["--quality", "fine"])).failed_with(1);
    assert!(error.contains("nearest, has but one quality"), "{error}");
}
