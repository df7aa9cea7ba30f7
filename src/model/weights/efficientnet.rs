//! EfficientNet-Lite0 as its authors' checkpoints hold it: every convolution is followed by a batch norm, which is
//! folded into it here, and layers behind block 14 are left out.

use std::collections::BTreeMap;

use anyhow::Result;
use tch::Tensor;

use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::weights::batch_norm;
use crate::model::weights::published::{Holds, Published};

/// Blocks that the features need: 0 to 14.
const BLOCKS: usize = 15;

/// Added to the variance by the published network's batch norms.
const EPSILON: f64 = 1e-3;

/// The published network.
pub(crate) const EFFICIENTNET_LITE0: Published = Published {
    name: "EfficientNet-Lite0",
    marks: &["_conv_stem.weight"],
    rename: str::to_owned,
    adapt: folded,
    config: |_| Ok(ModelConfig::zero_shot()),
    holds: Holds::Backbone,
    origin: "EfficientNet-Lite0 trained on ImageNet by its authors; batch norm folded, blocks 0 to 14",
    licence: "Apache-2.0",
};

/// The tensors under the names of [`crate::model::backbone::efficientnet`].
fn folded(published: BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>> {
    let mut tensors = BTreeMap::new();
    for (name, convolution, norm) in layers() {
        let [weight, bias] = batch_norm::folded(&published, &convolution, &norm, EPSILON)?;
        tensors.insert(format!("{BACKBONE}{name}.weight"), weight);
        tensors.insert(format!("{BACKBONE}{name}.bias"), bias);
    }
    Ok(tensors)
}

/// Each layer of ours with its convolution and its batch norm.
fn layers() -> Vec<(String, String, String)> {
    const PARTS: [(&str, &str, &str); 3] = [
        ("expand", "_expand_conv", "_bn0"),
        ("depthwise", "_depthwise_conv", "_bn1"),
        ("project", "_project_conv", "_bn2"),
    ];
    let mut layers = vec![("stem".to_owned(), "_conv_stem".to_owned(), "_bn0".to_owned())];
    for block in 0..BLOCKS {
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
        for (_, convolution, norm) in layers() {
            published.insert(format!("{convolution}.weight"), Tensor::randn([4, 3, 1, 1], options));
            for part in ["weight", "bias", "running_mean", "running_var"] {
                published.insert(format!("{norm}.{part}"), Tensor::rand([4], options) + 0.5);
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
        let error = folded(published).unwrap_err().to_string();
        assert_eq!(error, "it has no `_blocks.14._bn1.bias`");
    }
}
