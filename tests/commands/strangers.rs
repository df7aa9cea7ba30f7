//! Weights of strangers: what a file says of itself is not believed before it is checked against limits and
//! against its tensors, so that no small file takes gigabytes or minutes.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::command::write;
use crate::support::ZERO_SHOT;
use crate::support::files::Folder;

/// What a stranger changes in a configuration.
type Change = Box<dyn Fn(&mut Value)>;

/// Far more than refusing takes, and far less than the claims would take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The untrained weights with another description of the model, as a stranger might have written them.
fn described(change: impl Fn(&mut Value)) -> Vec<u8> {
    let file = fs::read(ZERO_SHOT).unwrap();
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let (header, data) = file[8..].split_at(length);
    let mut header: Value = serde_json::from_slice(header).unwrap();
    let about = header["__metadata__"]["lpmflow"].as_str().unwrap();
    let mut about: Value = serde_json::from_str(about).unwrap();
    change(&mut about["config"]);
    header["__metadata__"] = json!({"lpmflow": about.to_string()});
    let header = header.to_string();
    let mut changed = (header.len() as u64).to_le_bytes().to_vec();
    changed.extend(header.bytes());
    changed.extend(data);
    changed
}

/// The error of `predict` with such weights, in memory that fits the program and no more.
fn error_of(content: &[u8]) -> String {
    let folder = Folder::new();
    let weights = write(&folder, "stranger.safetensors", content);
    let photo = folder.photo("photo.png", 64, 64);
    let start = Instant::now();
    let output = Command::new("bash")
        .args(["-c", "ulimit -v 12000000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_lpmflow")])
        .args(["predict", &photo, &photo, "--weights", &weights, "-o", &folder.text("flow.npy")])
        .env("LPMFLOW_DEVICE", "cpu")
        .env("LPMFLOW_THREADS", "1")
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(start.elapsed() < PATIENCE, "{:?}: {error}", start.elapsed());
    assert!(error.contains("stranger.safetensors`"), "{error}");
    error
}

fn vit(image: i64, patch: i64, dim: i64, depth: i64, heads: i64) -> Value {
    json!({"kind": "vit", "image": image, "patch": patch, "dim": dim, "depth": depth, "heads": heads, "pretrained_grid": 14})
}

#[test]
fn sizes_beyond_the_limits_are_refused_before_any_work() {
    let lpmflow = |name: &'static str, value: Value| {
        move |config: &mut Value| {
            config["backbone"] = vit(256, 16, 768, 12, 12);
            config["matcher"] = json!({
                "kind": "lpmflow", "encoder_depth": 6, "heads": 8, "upsampler_window": 4,
                "feature_channels": 88, "residual_channels": 32, "dropout": 0.1, "feature_dropout": 0.5,
                "shared_position_embeddings": false,
            });
            config["matcher"][name] = value.clone();
        }
    };
    let backbone =
        |backbone: Value| move |config: &mut Value| config["backbone"] = backbone.clone();
    let set = |pointer: &'static str, value: i64| {
        move |config: &mut Value| *config.pointer_mut(pointer).unwrap() = value.into()
    };
    let changes: Vec<(&str, Change)> = vec![
        ("input size must lie in", Box::new(set("/input_size", 8192))),
        ("image side must be a multiple of 32 up to 1024", Box::new(set("/backbone/image", 4096))),
        ("`iterations` must lie in 1 to 50", Box::new(set("/matcher/iterations", 1000))),
        ("`radius_squared` must lie in", Box::new(set("/matcher/radius_squared", i64::MAX))),
        (
            "beyond the limit of 5",
            Box::new(|config: &mut Value| {
                config["backbone"]["image"] = 1024.into();
                config["matcher"]["iterations"] = 40.into();
            }),
        ),
        ("at most 2048", Box::new(backbone(vit(4096, 16, 32, 1, 1)))),
        ("128 x 128 cells, beyond the limit", Box::new(backbone(vit(2048, 16, 32, 1, 1)))),
        ("512 x 512 cells, beyond the limit", Box::new(backbone(vit(512, 1, 32, 1, 1)))),
        ("at most 4096", Box::new(backbone(vit(256, 16, 8192, 256, 64)))),
        ("1 to 64 blocks", Box::new(backbone(vit(256, 16, 4096, 256, 64)))),
        ("heads, at most 64", Box::new(backbone(vit(256, 16, 768, 1, 768)))),
        ("heads, at most 32", Box::new(lpmflow("heads", 768.into()))),
        ("at most 64 blocks", Box::new(lpmflow("encoder_depth", 1_000_000.into()))),
        ("cells, at most 16", Box::new(lpmflow("upsampler_window", 32.into()))),
        ("channels, 16 to 520", Box::new(lpmflow("feature_channels", 4096.into()))),
        ("1 to 512 channels", Box::new(lpmflow("residual_channels", 100_000.into()))),
    ];
    for (wanted, change) in changes {
        let error = error_of(&described(change));
        assert!(error.contains(wanted), "`{wanted}` is not in: {error}");
    }
}

#[test]
fn a_model_that_the_file_does_not_hold_is_reported_without_being_made() {
    // 12.9 thousand million values.
    let error = error_of(&described(|config| config["backbone"] = vit(256, 16, 4096, 64, 64)));
    assert!(error.contains("its tensors do not fit the model"), "{error}");
    assert!(error.contains("missing: ") && error.contains(" more"), "{error}");
    assert!(error.len() < 20_000, "{}", error.len());
}
