//! A model of padded squares through the commands: an untrained one whose matcher moves nothing, so that photos
//! laid into the squares' upper left corners differ by their scales alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;
use serde_json::Value;
use tch::Device;

use crate::commands::testing::lpmflow;
use crate::model::Model;
use crate::model::backbone::vit::VitConfig;
use crate::model::config::ModelConfig;
use crate::model::input::InputRule;
use crate::model::matcher::identity::Identity;
use crate::model::part::Chosen;
use crate::model::weights::description::{Description, Provenance};
use crate::model::weights::save::{Storage, save};
use crate::nn::parameters::VarBuilder;

const SIDE: f64 = 96.0;

fn weights(folder: &Path) -> String {
    written(
        folder,
        ModelConfig {
            input_size: SIDE as usize,
            input: InputRule::PaddedSquare,
            backbone: Chosen::of(Arc::new(VitConfig::tiny())),
            head: None,
            matcher: Chosen::of(Arc::new(Identity {})),
        },
    )
}

/// A weight file of a fresh model.
fn written(folder: &Path, config: ModelConfig) -> String {
    let path = VarBuilder::fresh(Device::Cpu);
    drop(Model::new(&path, &config).unwrap());
    let parameters = path.finish().0;
    let tensors = parameters.iter().map(|v| (v.name.clone(), v.tensor.shallow_clone())).collect();
    let file = folder.join("padded.safetensors");
    let description = Description::new(config, Provenance::default());
    save(&file, &tensors, &description, Storage::Float32).unwrap();
    file.display().to_string()
}

fn photo(path: PathBuf, width: u32, height: u32) -> String {
    let photo = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]));
    photo.save(&path).unwrap();
    path.display().to_string()
}

/// Where a pixel lies in the other photo, whose longer side becomes the square's as well.
fn wanted(pixel: &Value, source: [f64; 2], target: [f64; 2]) -> [f64; 2] {
    let scale = target[0].max(target[1]) / source[0].max(source[1]);
    [0, 1].map(|axis| (pixel[axis].as_f64().unwrap() + 0.5) * scale - 0.5)
}

fn assert_near(found: &Value, wanted: [f64; 2]) {
    for (axis, wanted) in wanted.into_iter().enumerate() {
        assert!((found[axis].as_f64().unwrap() - wanted).abs() < 2e-3, "{found}, not {wanted}");
    }
}

#[test]
fn predict_moves_points_between_photos_of_any_aspect() {
    let folder = tempfile::tempdir().unwrap();
    let weights = weights(folder.path());
    // Multiples that leave no rounding: a frame's covered part has whole pixels.
    let sizes = [("wide.png", 120, 60), ("high.png", 48, 96), ("square.png", 64, 64)];
    for (source, width, height) in sizes {
        let source_size = [f64::from(width), f64::from(height)];
        let source = photo(folder.path().join(source), width, height);
        let at = |x: f64, y: f64| [x * source_size[0], y * source_size[1]];
        let points = serde_json::json!([at(0.25, 0.25), at(0.3, 0.5), at(0.5, 0.3)]);
        let file = folder.path().join("points.json");
        std::fs::write(&file, points.to_string()).unwrap();
        for (target, width, height) in sizes {
            let target = photo(folder.path().join(target), width, height);
            let flow = folder.path().join("flow.npy").display().to_string();
            let keypoints = file.display().to_string();
            let run = lpmflow([
                "predict",
                &source,
                &target,
                "--weights",
                &weights,
                "--keypoints",
                &keypoints,
                "-o",
                &flow,
            ])
            .succeeded();
            let found: Value = serde_json::from_str(&run.stdout).unwrap();
            for (index, point) in points.as_array().unwrap().iter().enumerate() {
                let target_size = [f64::from(width), f64::from(height)];
                assert_near(&found["target"][index], wanted(point, source_size, target_size));
            }
        }
    }
}

#[test]
fn eval_moves_keypoints_by_the_same_rule() {
    let folder = tempfile::tempdir().unwrap();
    let weights = weights(folder.path());
    let root = folder.path().display().to_string();
    lpmflow(["datasets", "make-toy", &root, "--images", "3", "--pairs", "3"]).succeeded();
    let out = folder.path().join("predicted.jsonl");
    let predictions = out.display().to_string();
    let arguments = ["eval", "--dataset", "toy", "--data-root", &root, "--weights", &weights];
    lpmflow(arguments.into_iter().chain(["--predictions-out", &predictions])).succeeded();
    let catalog = crate::data::catalog::Catalog::load(None).unwrap();
    let entry = catalog.get("toy").unwrap();
    let dataset = crate::data::load::Dataset::new("toy", entry, folder.path());
    let annotations = crate::data::load::load_split(&dataset, "test", false);
    let pairs = annotations.unwrap().split.pairs;
    let lines = std::fs::read_to_string(out).unwrap();
    assert_eq!(lines.lines().count(), pairs.len());
    let mut checked = 0;
    for (line, pair) in lines.lines().zip(&pairs) {
        let line: Value = serde_json::from_str(line).unwrap();
        let size = |size: crate::geometry::Size| [size.width as f64, size.height as f64];
        let (source, target) = (size(pair.source.size), size(pair.target.size));
        for (index, point) in pair.source.keypoints.iter().enumerate() {
            // The outermost half cell of the 4 x 4 grid repeats the rim.
            let inside = |position: f64, side: f64| (0.13..0.87).contains(&(position / side));
            if inside(point.x, source[0]) && inside(point.y, source[1]) {
                let point = serde_json::json!([point.x, point.y]);
                let wanted = wanted(&point, source, target);
                let found = &line["predicted"][index];
                for (axis, wanted) in wanted.into_iter().enumerate() {
                    // Half a pixel of the square, where sides do not come out in whole ones.
                    let room = 0.51 * target[0].max(target[1]) / SIDE + 2e-3;
                    assert!((found[axis].as_f64().unwrap() - wanted).abs() < room, "{line}");
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 0);
}

#[test]
fn export_takes_the_squares_and_training_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let weights = weights(folder.path());
    let exported = folder.path().join("padded.pt").display().to_string();
    lpmflow(["export", "--weights", &weights, "--output", &exported, "--verify"]).succeeded();
    for name in ["a.png", "b.png"] {
        photo(folder.path().join(name), 20, 30);
    }
    // One that learns.
    let learning = ModelConfig { input: InputRule::PaddedSquare, ..ModelConfig::tiny() };
    let weights = written(folder.path(), learning);
    let (photos, run) = (folder.path().display().to_string(), folder.path().join("run"));
    let run = run.display().to_string();
    let error = lpmflow(["train", "--photos", &photos, "--init", &weights, "--output", &run])
        .failed_with(1);
    assert!(
        error.contains("frames that are padded") && error.contains("not trained yet"),
        "{error}"
    );
}
