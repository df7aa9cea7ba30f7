//! MMNet as its authors' training saves it, backbone included.

use std::sync::Arc;

use anyhow::Result;

use crate::model::backbone::resnet::config::{ResNetConfig, Stem};
use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::input::{ImageShape, InputRule};
use crate::model::matcher::mmnet::config::MmNetConfig;
use crate::model::part::Chosen;
use crate::model::weights::published::{Holds, Published, Tensors};
use crate::model::weights::resnet::{folded_layers, stages, without_norms};

/// Where the backbone stands in a file.
const PUBLISHED: &str = "backbone.";

/// Of the three layers of these names, 960 MB in a file, nothing is ever called.
const NEVER_CALLED: [&str; 3] = ["upsample_4.", "upsample_8.", "upsample_16."];

/// A whole model.
pub(crate) const MMNET: Published = Published {
    name: "MMNet",
    marks: &["msblock4_1.conv3.weight"],
    rename: str::to_owned,
    adapt: folded_backbone,
    config: |tensors, _| {
        let stages = stages(tensors);
        let matcher =
            MmNetConfig::on_stages(stages.iter().map(|&blocks| blocks as usize).collect());
        let hyperpixel = vec![stages.iter().sum()];
        let is_dilated = tensors.contains_key(&format!("{BACKBONE}conv1.6.weight"));
        let backbone = ResNetConfig {
            shape: ImageShape::Wide,
            stem: if is_dilated { Stem::Deep } else { Stem::Plain },
            dilated: is_dilated,
            ..ResNetConfig::new(MmNetConfig::IMAGE, stages, hyperpixel)
        };
        Ok(ModelConfig {
            input_size: MmNetConfig::IMAGE as usize,
            input: InputRule::SampledWide,
            backbone: Chosen::of(Arc::new(backbone)),
            head: None,
            matcher: Chosen::of(Arc::new(matcher)),
        })
    },
    holds: Holds::Model,
    meanings: &[],
    origin: "checkpoint of the authors of MMNet; batch norm folded",
    licence: "as https://github.com/wintersun661/MMNet states (nothing so far)",
};

fn folded_backbone(tensors: Tensors) -> Result<Tensors> {
    let (mut matcher, mut backbone) = (Tensors::new(), Tensors::new());
    for (name, tensor) in tensors {
        match name.strip_prefix(PUBLISHED) {
            Some(own) => drop(backbone.insert(own.to_owned(), tensor)),
            None if NEVER_CALLED.iter().any(|layer| name.starts_with(layer)) => {}
            None => drop(matcher.insert(name, tensor)),
        }
    }
    // That of the fully convolutional network, dilated, or torchvision's.
    let is_dilated = backbone.contains_key("conv1.6.weight");
    matcher.extend(if is_dilated { folded_layers(backbone)? } else { without_norms(backbone)? });
    Ok(matcher)
}
