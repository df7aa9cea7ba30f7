//! NC-Net as its authors' training saves it, backbone included.

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::model::backbone::resnet::config::ResNetConfig;
use crate::model::config::ModelConfig;
use crate::model::matcher::ncnet::config::NcNetConfig;
use crate::model::part::Chosen;
use crate::model::weights::published::{Holds, Published, Tensors};
use crate::model::weights::resnet::{stages, without_norms};

/// Where the backbone's parameters stand in a file; older ones call it `vgg` whatever it is.
const BACKBONES: [&str; 2] = ["FeatureExtraction.model.", "FeatureExtraction.vgg."];

/// A whole model.
pub(crate) const NCNET: Published = Published {
    name: "NC-Net",
    marks: &["NeighConsensus.conv.0.weight"],
    rename: str::to_owned,
    adapt: folded_backbone,
    config: |tensors, _| {
        let stages = stages(tensors);
        let deepest = stages.iter().sum();
        let image = NcNetConfig::IMAGE;
        let backbone = ResNetConfig::new(image, stages, vec![deepest]);
        let (kernels, channels) = layers(tensors).into_iter().unzip();
        let matcher = NcNetConfig { level: format!("block-{deepest}"), kernels, channels };
        Ok(ModelConfig {
            backbone: Chosen::of(Arc::new(backbone)),
            matcher: Chosen::of(Arc::new(matcher)),
            ..ModelConfig::ncnet()
        })
    },
    holds: Holds::Model,
    meanings: &[],
    origin: "checkpoint of the authors of NC-Net; batch norm folded",
    licence: "as https://github.com/ignacio-rocco/ncnet states (MIT)",
};

/// The backbone is a list of torchvision's parts, of which those with parameters have numbers.
fn folded_backbone(tensors: Tensors) -> Result<Tensors> {
    let (mut matcher, mut backbone) = (Tensors::new(), Tensors::new());
    for (name, tensor) in tensors {
        match BACKBONES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
            Some(own) => drop(backbone.insert(torchvisions(own)?, tensor)),
            None => drop(matcher.insert(name, tensor)),
        }
    }
    matcher.extend(without_norms(backbone)?);
    Ok(matcher)
}

/// What torchvision calls a parameter of the list.
fn torchvisions(name: &str) -> Result<String> {
    let (number, rest) =
        name.split_once('.').with_context(|| format!("`{name}` is no part of a ResNet"))?;
    let part = match number {
        "0" => "conv1",
        "1" => "bn1",
        "4" => "layer1",
        "5" => "layer2",
        "6" => "layer3",
        "7" => "layer4",
        other => other,
    };
    Ok(format!("{part}.{rest}"))
}

/// Kernel's side and channels out of each layer.
fn layers(tensors: &Tensors) -> Vec<(i64, i64)> {
    let weight = |index: usize| tensors.get(&format!("NeighConsensus.conv.{}.weight", 2 * index));
    let sizes = |weight: &tch::Tensor| match weight.size()[..] {
        [kernel, outputs, ..] => (kernel, outputs),
        _ => (0, 0),
    };
    (0..).map_while(weight).map(sizes).collect()
}
