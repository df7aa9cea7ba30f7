//! Limits on what weights of strangers may say of themselves.

use std::fs;

use serde_json::{Value, json};

use crate::commands::testing::lpmflow;
use crate::inside::support::files::Folder;
use crate::inside::support::strangers::{described, vit};

/// What a stranger changes in a configuration.
type Change = Box<dyn Fn(&mut Value)>;

#[test]
fn sizes_beyond_the_limits_are_refused() {
    let lpmflow_with = |name: &'static str, value: Value| {
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
        ("heads, at most 32", Box::new(lpmflow_with("heads", 768.into()))),
        ("at most 64 blocks", Box::new(lpmflow_with("encoder_depth", 1_000_000.into()))),
        ("cells, at most 16", Box::new(lpmflow_with("upsampler_window", 32.into()))),
        ("channels, 16 to 520", Box::new(lpmflow_with("feature_channels", 4096.into()))),
        ("1 to 512 channels", Box::new(lpmflow_with("residual_channels", 100_000.into()))),
    ];
    let folder = Folder::new();
    let (photo, flow) = (folder.photo("photo.png", 64, 64), folder.text("flow.npy"));
    for (wanted, change) in changes {
        let weights = folder.path("stranger.safetensors");
        fs::write(&weights, described(change)).unwrap();
        let weights = weights.to_str().unwrap();
        let error = lpmflow(["predict", &photo, &photo, "--weights", weights, "-o", &flow]);
        let error = error.failed_with(1);
        assert!(error.contains(wanted), "`{wanted}` is not in: {error}");
    }
}
