//! ResNet-50 and its deeper siblings in torchvision's naming, which timm shares: every convolution is followed by a
//! batch norm, which is folded into it here.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};

use crate::model::backbone::resnet::config::{ResNetConfig, STEM};
use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::input::InputRule;
use crate::model::matcher::consensus::config::ConsensusConfig;
use crate::model::part::Chosen;
use crate::model::weights::batch_norm::folded;
use crate::model::weights::published::{Holds, Published, Tensors};

/// Added to the variance by the published networks' batch norms.
pub(super) const EPSILON: f64 = 1e-5;

/// Side of the square that photos are brought to, in pixels.
const IMAGE: i64 = 384;

/// The published networks.
pub(crate) const RESNET: Published = Published {
    name: "a ResNet of bottlenecks",
    marks: &["layer1.0.conv1.weight"],
    rename: str::to_owned,
    adapt: without_norms,
    config: |tensors, _| {
        let stages = stages(tensors);
        let hyperpixel = hyperpixel(&stages);
        // The same part of the photo as in the small model of this project, whose grid is the same.
        let consensus = ConsensusConfig { radius_squared: 22, ..ConsensusConfig::default() };
        Ok(ModelConfig {
            input_size: IMAGE as usize,
            input: InputRule::Stretch,
            backbone: Chosen::of(Arc::new(ResNetConfig::new(IMAGE, stages, hyperpixel))),
            head: None,
            matcher: Chosen::of(Arc::new(consensus)),
        })
    },
    holds: Holds::Backbone,
    meanings: &[],
    origin: "ResNet as others trained it; batch norm folded",
    licence: "as whoever published it states (torchvision: BSD-3-Clause)",
};

/// The blocks whose features are matched: those that beam search found for these networks on PF-PASCAL and
/// SPair-71k (Min et al. 2019); of others the last one of the third stage.
fn hyperpixel(stages: &[i64]) -> Vec<i64> {
    match stages {
        [3, 4, 6, ..] => vec![2, 7, 11, 12, 13],
        [3, 4, 23, ..] => vec![0, 8, 20, 21, 26, 28, 29, 30],
        others => vec![others.iter().take(3).sum()],
    }
}

/// Blocks of each stage.
pub(super) fn stages(tensors: &Tensors) -> Vec<i64> {
    let has = |stage: usize, block: i64| {
        tensors.contains_key(&format!("{BACKBONE}layer{stage}.{block}.conv1.weight"))
    };
    let blocks = |stage: usize| (0..).take_while(|&block| has(stage, block)).count() as i64;
    (1..=4).map(blocks).take_while(|&blocks| blocks > 0).collect()
}

/// The tensors under the names of [`crate::model::backbone::resnet`]; what belongs to no layer keeps its own, so that
/// it is noticed.
pub(super) fn without_norms(published: Tensors) -> Result<Tensors> {
    ensure!(
        published.contains_key("layer1.0.conv3.weight"),
        "its blocks have two convolutions, as ResNet-18 and ResNet-34 have them; ResNet-50 and deeper ones can be \
         read"
    );
    let first =
        published.get("layer1.0.conv1.weight").context("it has no `layer1.0.conv1.weight`")?;
    let width = first.size()[0];
    ensure!(
        width == STEM,
        "the first of its blocks are {width} channels wide, as in wide ResNets and ResNeXt; ResNet's are {STEM}"
    );
    if published.contains_key("conv1.0.weight") {
        bail!(
            "its first layer is made of several convolutions, as in ResNet-D; torchvision's has one"
        );
    }
    folded_layers(published)
}

/// The same of a network that may begin with three convolutions.
pub(super) fn folded_layers(mut published: Tensors) -> Result<Tensors> {
    let mut tensors = Tensors::new();
    for (convolution, norm, name) in layers(&published) {
        let [weight, bias] = folded(&published, &convolution, &norm, EPSILON)?;
        published.remove(&format!("{convolution}.weight"));
        for part in ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"] {
            published.remove(&format!("{norm}.{part}"));
        }
        tensors.insert(format!("{BACKBONE}{name}.weight"), weight);
        tensors.insert(format!("{BACKBONE}{name}.bias"), bias);
    }
    let rest = published.into_iter().map(|(name, tensor)| (format!("{BACKBONE}{name}"), tensor));
    tensors.extend(rest);
    Ok(tensors)
}

/// Each convolution with its batch norm and its name here.
fn layers(published: &Tensors) -> Vec<(String, String, String)> {
    let stem: &[[&str; 2]] = match published.contains_key("conv1.0.weight") {
        true => &[["conv1.0", "conv1.1"], ["conv1.3", "conv1.4"], ["conv1.6", "bn1"]],
        false => &[["conv1", "bn1"]],
    };
    let own =
        |[layer, norm]: &[&str; 2]| ((*layer).to_owned(), (*norm).to_owned(), (*layer).to_owned());
    let mut layers: Vec<_> = stem.iter().map(own).collect();
    for name in published.keys().filter(|name| name.starts_with("layer")) {
        let Some(layer) = name.strip_suffix(".weight") else { continue };
        let Some((block, part)) = layer.split_once(".downsample.").map_or_else(
            || layer.rsplit_once('.').filter(|(_, part)| part.starts_with("conv")),
            |(block, part)| (part == "0").then_some((block, "downsample")),
        ) else {
            continue;
        };
        let norm = match part.strip_prefix("conv") {
            Some(number) => format!("{block}.bn{number}"),
            None => format!("{block}.downsample.1"),
        };
        layers.push((layer.to_owned(), norm, format!("{block}.{part}")));
    }
    layers
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::model::weights::arguments::Arguments;

    /// One block, with its norms.
    fn published() -> Tensors {
        let options = (Kind::Float, Device::Cpu);
        let mut tensors = Tensors::new();
        for (convolution, norm, shape) in [
            ("conv1", "bn1", [64, 3, 7, 7]),
            ("layer1.0.conv1", "layer1.0.bn1", [64, 64, 1, 1]),
            ("layer1.0.conv2", "layer1.0.bn2", [64, 64, 3, 3]),
            ("layer1.0.conv3", "layer1.0.bn3", [256, 64, 1, 1]),
            ("layer1.0.downsample.0", "layer1.0.downsample.1", [256, 64, 1, 1]),
        ] {
            tensors.insert(format!("{convolution}.weight"), Tensor::zeros(shape, options));
            for part in ["weight", "bias", "running_mean", "running_var"] {
                tensors.insert(format!("{norm}.{part}"), Tensor::ones([shape[0]], options));
            }
            tensors.insert(format!("{norm}.num_batches_tracked"), Tensor::from(0i64));
        }
        tensors.insert("fc.weight".to_owned(), Tensor::zeros([10, 256], options));
        tensors
    }

    #[test]
    fn norms_leave_and_what_is_no_layer_stays_to_be_noticed() {
        let mut file = published();
        file.insert("layer1.0.se.fc1.weight".to_owned(), Tensor::from(0.0f32));
        let names: Vec<String> = without_norms(file).unwrap().into_keys().collect();
        let names: Vec<&str> =
            names.iter().map(|name| name.strip_prefix(BACKBONE).unwrap()).collect();
        let layers = ["conv1", "conv2", "conv3", "downsample"];
        let mut wanted = vec!["conv1.bias".to_owned(), "conv1.weight".to_owned()];
        wanted.push("fc.weight".to_owned());
        for layer in layers {
            wanted.extend(["bias", "weight"].map(|part| format!("layer1.0.{layer}.{part}")));
        }
        wanted.push("layer1.0.se.fc1.weight".to_owned());
        assert_eq!(names, wanted);
    }

    #[test]
    fn a_files_blocks_say_which_network_it_is() {
        let zero = || Tensor::from(0.0f32);
        for (counts, hyperpixel) in [
            (vec![3, 4, 6, 3], vec![2, 7, 11, 12, 13]),
            (vec![3, 4, 23], vec![0, 8, 20, 21, 26, 28, 29, 30]),
            (vec![3, 8, 36, 3], vec![47]),
        ] {
            let mut tensors = Tensors::new();
            for (stage, &blocks) in (1..).zip(&counts) {
                for block in 0..blocks {
                    let name = format!("{BACKBONE}layer{stage}.{block}.conv1.weight");
                    tensors.insert(name, zero());
                }
            }
            let config = (RESNET.config)(&tensors, &Arguments::default()).unwrap();
            config.check().unwrap();
            let backbone = serde_json::to_value(&config.backbone).unwrap();
            assert_eq!(backbone["stages"], serde_json::json!(counts));
            assert_eq!(backbone["hyperpixel"], serde_json::json!(hyperpixel));
        }
    }

    #[test]
    fn siblings_that_cannot_be_read_are_called_by_their_names() {
        let mut basic = published();
        basic.remove("layer1.0.conv3.weight");
        assert!(without_norms(basic).unwrap_err().to_string().contains("ResNet-18"));
        let mut deep = published();
        deep.insert("conv1.0.weight".to_owned(), Tensor::from(0.0f32));
        assert!(without_norms(deep).unwrap_err().to_string().contains("ResNet-D"));
        let mut wide = published();
        wide.insert(
            "layer1.0.conv1.weight".to_owned(),
            Tensor::zeros([128, 64, 1, 1], (Kind::Float, Device::Cpu)),
        );
        assert!(without_norms(wide).unwrap_err().to_string().contains("128 channels wide"));
        let mut cut = published();
        cut.remove("layer1.0.bn2.bias");
        assert_eq!(without_norms(cut).unwrap_err().to_string(), "it has no `layer1.0.bn2.bias`");
    }
}
