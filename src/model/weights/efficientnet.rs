//! EfficientNet-Lite0 to Lite4 as their authors' checkpoints hold them: every convolution is followed by a batch norm,
//! which is folded into it here, and layers behind the features are left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use tch::Tensor;

use crate::model::backbone::efficientnet::{EfficientNetConfig, Variant};
use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::part::Chosen;
use crate::model::weights::batch_norm;
use crate::model::weights::published::{Holds, Published};

/// Added to the variance by the published network's batch norms.
const EPSILON: f64 = 1e-3;

/// The published networks.
pub(crate) const EFFICIENTNET_LITE: Published = Published {
    name: "EfficientNet-Lite",
    marks: &["_conv_stem.weight"],
    rename: str::to_owned,
    adapt: folded,
    config: |tensors, _| {
        let last_channels = |block| channels(tensors, &format!("{BACKBONE}blocks.{block}.project"));
        let variant = variant(last_channels)?;
        let backbone = Arc::new(EfficientNetConfig { variant, ..EfficientNetConfig::default() });
        Ok(ModelConfig { backbone: Chosen::of(backbone), ..ModelConfig::zero_shot() })
    },
    holds: Holds::Backbone,
    meanings: &[],
    origin: "EfficientNet-Lite trained on ImageNet by its authors; batch norm folded, without the last stage",
    licence: "Apache-2.0",
};

/// Which network it is, by the channels of the blocks that it has.
fn variant(channels: impl Fn(usize) -> Option<i64>) -> Result<Variant> {
    let is_whole = |variant: &Variant| {
        channels(variant.blocks() - 1).is_some_and(|last| last == variant.last_channels())
    };
    // A deeper network has all blocks of the others.
    let found = Variant::ALL.into_iter().rev().find(is_whole);
    found.context("its blocks are those of none of EfficientNet-Lite0 to Lite4")
}

/// Channels that a convolution gives.
fn channels(tensors: &BTreeMap<String, Tensor>, convolution: &str) -> Option<i64> {
    tensors.get(&format!("{convolution}.weight")).map(|weight| weight.size()[0])
}

/// The tensors under the names of [`crate::model::backbone::efficientnet`].
fn folded(published: BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>> {
    let last_channels = |block| channels(&published, &format!("_blocks.{block}._project_conv"));
    let blocks = variant(last_channels)?.blocks();
    let mut tensors = BTreeMap::new();
    for (name, convolution, norm) in layers(blocks) {
        let [weight, bias] = batch_norm::folded(&published, &convolution, &norm, EPSILON)?;
        tensors.insert(format!("{BACKBONE}{name}.weight"), weight);
        tensors.insert(format!("{BACKBONE}{name}.bias"), bias);
    }
    Ok(tensors)
}

/// Each layer of ours with its convolution and its batch norm.
fn layers(blocks: usize) -> Vec<(String, String, String)> {
    const PARTS: [(&str, &str, &str); 3] = [
        ("expand", "_expand_conv", "_bn0"),
        ("depthwise", "_depthwise_conv", "_bn1"),
        ("project", "_project_conv", "_bn2"),
    ];
    let mut layers = vec![("stem".to_owned(), "_conv_stem".to_owned(), "_bn0".to_owned())];
    for block in 0..blocks {
        // The first block does not widen its input.
        for (name, convolution, norm) in PARTS.into_iter().skip(usize::from(block == 0)) {
            let published = |part: &str| format!("_blocks.{block}.{part}");
            let ours = format!("blocks.{block}.{name}");
            layers.push((ours, published(convolution), published(norm)));
        }
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn a_folded_layer_is_the_convolution_and_its_batch_norm() {
        let options = (Kind::Float, Device::Cpu);
        let mut published = BTreeMap::new();
        let last = Variant::Lite0.blocks() - 1;
        for (_, convolution, norm) in layers(Variant::Lite0.blocks()) {
            let outputs = match convolution.starts_with(&format!("_blocks.{last}.")) {
                true => Variant::Lite0.last_channels(),
                false => 4,
            };
            let weight = Tensor::randn([outputs, 3, 1, 1], options);
            published.insert(format!("{convolution}.weight"), weight);
            for part in ["weight", "bias", "running_mean", "running_var"] {
                published.insert(format!("{norm}.{part}"), Tensor::rand([outputs], options) + 0.5);
            }
        }
        let xs = Tensor::randn([2, 3, 5, 5], options);
        let norm = |part: &str| Some(&published[&format!("_blocks.3._bn2.{part}")]);
        let convolved = xs.conv2d(
            &published["_blocks.3._project_conv.weight"],
            None::<Tensor>,
            [1],
            [0],
            [1],
            1,
        );
        let wanted = convolved.batch_norm(
            norm("weight"),
            norm("bias"),
            norm("running_mean"),
            norm("running_var"),
            false,
            0.0,
            EPSILON,
            false,
        );
        let ours = folded(published.iter().map(|(n, t)| (n.clone(), t.copy())).collect()).unwrap();
        let part = |part: &str| &ours[&format!("{BACKBONE}blocks.3.project.{part}")];
        let found = xs.conv2d(part("weight"), Some(part("bias")), [1], [0], [1], 1);
        assert!(found.allclose(&wanted, 1e-5, 1e-5, false));
        assert!(!ours.contains_key(&format!("{BACKBONE}blocks.0.expand.weight")));
        published.remove("_blocks.14._bn1.bias");
        let copy = |tensors: &BTreeMap<String, Tensor>| {
            tensors.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect()
        };
        let error = folded(copy(&published)).unwrap_err().to_string();
        assert_eq!(error, "it has no `_blocks.14._bn1.bias`");
        published.remove("_blocks.14._project_conv.weight");
        let error = folded(published).unwrap_err().to_string();
        assert!(error.contains("none of EfficientNet-Lite0 to Lite4"), "{error}");
    }
}
