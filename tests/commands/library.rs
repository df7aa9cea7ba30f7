//! What other programs may use of the library, used from outside it.

use std::path::{Path, PathBuf};

use lpmflow::{Engine, Error, Evaluator, Options, Point, Weights};

use crate::command::{lpmflow, write};
use crate::support::files::Folder;
use crate::support::spair::TinySpair;

fn demo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/demo").join(name)
}

fn options() -> Options {
    Options { device: "cpu".into(), ..Options::default() }
}

#[test]
fn two_photos_correspond_as_predict_says() {
    let mut engine = Engine::load(&options()).unwrap();
    let pair = engine.correspond(&demo("source.png"), &demo("target.png")).unwrap();
    let flow = pair.flow();
    assert_eq!(flow.size, pair.source_size());
    let position = Point::new(60.0, 30.0);
    let step = flow.at(30, 60);
    let moved = pair.transfer(position);
    assert!(moved.distance(Point::new(60.0 + step.x, 30.0 + step.y)) < 1e-3);
    assert!((0.0..=1.0).contains(&pair.confidence(position)));
    // What the command prints of the same point.
    let folder = Folder::new();
    let points = write(&folder, "points.json", "[[60, 30]]");
    let [source, target] =
        ["source.png", "target.png"].map(|name| demo(name).display().to_string());
    let run = lpmflow(["predict", &source, &target, "--keypoints", &points]);
    let printed = &run.succeeded().json_lines()[0]["target"][0];
    let printed = Point::new(printed[0].as_f64().unwrap(), printed[1].as_f64().unwrap());
    assert!(moved.distance(printed) < 1e-3, "{moved:?}, {printed:?}");
}

#[test]
fn weights_tell_what_they_are() {
    let weights = Weights::open(Path::new("lite")).unwrap();
    assert!(weights.configuration().unwrap().contains("\"kind\":\"consensus\""));
    assert!(weights.tensors().any(|(name, shape)| name == "adapter.gain" && shape == [328]));
    assert!(weights.origin_and_licence().1.contains("Apache-2.0"));
    assert!(weights.path().is_some_and(|path| path.ends_with("lite.safetensors")));
}

#[test]
fn a_dataset_is_scored_by_named_protocols() {
    let data = TinySpair::write();
    let evaluator = Evaluator::open("spair71k", data.data_root(), None, None).unwrap();
    assert_eq!(evaluator.pairs(), 6);
    let scores = evaluator.score(&data.predictions("p.jsonl", &[3, 3, 0, 0])).unwrap();
    assert_eq!(scores.pairs(), 4);
    assert_eq!(scores.protocols().next(), Some("standard"));
    assert_eq!(scores.pck("standard", 0.1), Some(50.0));
    assert_eq!(scores.pck("keypoint-box", 0.1), None);
    let mut engine = Engine::load(&options()).unwrap();
    let scores = evaluator.evaluate(&mut engine).unwrap();
    assert!(scores.pck("standard", 1.0).unwrap() >= scores.pck("standard", 0.05).unwrap());
}

#[test]
fn errors_are_told_apart() {
    let engine = |options: Options| Engine::load(&options).unwrap_err();
    assert!(matches!(engine(Options { weights: "none".into(), ..options() }), Error::Weights(_)));
    assert!(matches!(engine(Options { device: "tpu".into(), ..options() }), Error::Device(_)));
    assert!(matches!(engine(Options { precision: "int8".into(), ..options() }), Error::Device(_)));
    let absent = Path::new("absent.png");
    let mut engine = Engine::load(&options()).unwrap();
    let error = engine.correspond(absent, &demo("target.png")).unwrap_err();
    assert!(matches!(error, Error::Photo(_)));
    assert!(error.to_string().contains("absent.png"), "{error}");
    let error = Evaluator::open("spair", Path::new("."), None, None).unwrap_err();
    assert!(matches!(error, Error::Dataset(_)) && error.to_string().contains("spair71k"));
}
