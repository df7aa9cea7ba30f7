//! The one list of what models are made of. A further backbone, head, matcher, preset or published form of
//! weights is a file of its own and a line here; everything else goes by these lists.

use std::sync::Arc;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::backbone::BackboneConfig;
use crate::model::backbone::efficientnet::EfficientNetConfig;
use crate::model::backbone::resnet::config::ResNetConfig;
use crate::model::backbone::twins::TwinsConfig;
use crate::model::backbone::vit::VitConfig;
use crate::model::config::ModelConfig;
use crate::model::head::HeadConfig;
use crate::model::head::adapter::AdapterConfig;
use crate::model::head::bottleneck::BottleneckConfig;
use crate::model::head::upscaler::UpscalerConfig;
use crate::model::matcher::MatcherConfig;
use crate::model::matcher::actr::config::ActrConfig;
use crate::model::matcher::cats::config::CatsConfig;
use crate::model::matcher::chm::config::ChmConfig;
use crate::model::matcher::consensus::config::ConsensusConfig;
use crate::model::matcher::dhpf::config::DhpfConfig;
use crate::model::matcher::identity::Identity;
use crate::model::matcher::lpmflow::config::LpmFlowConfig;
use crate::model::matcher::mmnet::config::MmNetConfig;
use crate::model::matcher::ncnet::config::NcNetConfig;
use crate::model::matcher::nearest::Nearest;
use crate::model::matcher::scot::config::ScotConfig;
use crate::model::matcher::transformatcher::config::TransforMatcherConfig;
use crate::model::matcher::windowed::config::WindowedConfig;
use crate::model::part::{Family, Kind, Tagged};
use crate::model::weights::actr::ACTR;
use crate::model::weights::cats::CATS;
use crate::model::weights::chm::CHM;
use crate::model::weights::dhpf::DHPF;
use crate::model::weights::efficientnet::EFFICIENTNET_LITE;
use crate::model::weights::fcn::FCN;
use crate::model::weights::heads::DIY_SC;
use crate::model::weights::marco::MARCO;
use crate::model::weights::mmnet::MMNET;
use crate::model::weights::ncnet::NCNET;
use crate::model::weights::published::{LPMFLOW, Published};
use crate::model::weights::resnet::RESNET;
use crate::model::weights::transformatcher::TRANSFORMATCHER;
use crate::model::weights::vision_transformers::{DINO, DINOV2, DINOV2_TRANSFORMERS, DINOV3};

/// Backbones by the `kind` of their settings.
const BACKBONES: &[Kind<dyn BackboneConfig>] = &[
    backbone::<VitConfig>(),
    backbone::<EfficientNetConfig>(),
    // As files name it that were written when there was only the smallest.
    Kind { name: "efficientnet-lite0", ..backbone::<EfficientNetConfig>() },
    backbone::<ResNetConfig>(),
    backbone::<TwinsConfig>(),
    #[cfg(test)]
    backbone::<crate::model::backbone::toy::ToyBackbone>(),
];

/// Heads.
const HEADS: &[Kind<dyn HeadConfig>] =
    &[head::<AdapterConfig>(), head::<BottleneckConfig>(), head::<UpscalerConfig>()];

/// Matchers.
const MATCHERS: &[Kind<dyn MatcherConfig>] = &[
    matcher::<Identity>(),
    matcher::<LpmFlowConfig>(),
    matcher::<ActrConfig>(),
    matcher::<CatsConfig>(),
    matcher::<NcNetConfig>(),
    matcher::<DhpfConfig>(),
    matcher::<ChmConfig>(),
    matcher::<TransforMatcherConfig>(),
    matcher::<MmNetConfig>(),
    matcher::<ScotConfig>(),
    matcher::<Nearest>(),
    matcher::<ConsensusConfig>(),
    matcher::<WindowedConfig>(),
    #[cfg(test)]
    matcher::<crate::model::matcher::toy::ToyMatcher>(),
];

/// A whole model and the name that users choose it by.
type Preset = (&'static str, fn() -> ModelConfig);

/// Whole models.
const PRESETS: &[Preset] = &[
    ("base", ModelConfig::base),
    ("actr", ModelConfig::actr),
    ("cats", ModelConfig::cats),
    ("chm", ModelConfig::chm),
    ("lite", ModelConfig::lite),
    ("ncnet", ModelConfig::ncnet),
    ("scot", || ModelConfig::scot(ScotConfig::spair())),
    ("scot-fcn", ModelConfig::scot_fcn),
    ("scot-pf", || ModelConfig::scot(ScotConfig::pf())),
    ("tiny", ModelConfig::tiny),
    ("transformatcher", ModelConfig::transformatcher),
    ("zero-shot", ModelConfig::zero_shot),
    #[cfg(test)]
    ("toy", crate::model::matcher::toy::preset),
    #[cfg(test)]
    ("actr-tiny", ModelConfig::actr_tiny),
    #[cfg(test)]
    ("cats-tiny", ModelConfig::cats_tiny),
    #[cfg(test)]
    ("chm-tiny", ModelConfig::chm_tiny),
    #[cfg(test)]
    ("ncnet-tiny", ModelConfig::ncnet_tiny),
    #[cfg(test)]
    ("transformatcher-tiny", ModelConfig::transformatcher_tiny),
];

/// Published forms of weights, the most particular first.
pub(crate) const PUBLISHED: &[&Published] = &[
    &ACTR,
    &CATS,
    &NCNET,
    &TRANSFORMATCHER,
    &CHM,
    &MMNET,
    &LPMFLOW,
    &EFFICIENTNET_LITE,
    &DINOV3,
    &DINOV2,
    &DINOV2_TRANSFORMERS,
    &DINO,
    &FCN,
    &RESNET,
    &DHPF,
    &DIY_SC,
    &MARCO,
];

/// The names of the presets.
pub(crate) fn presets() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

/// The names of those that are there to be trained.
pub(crate) fn learned_presets() -> impl Iterator<Item = &'static str> {
    let is_trained =
        |config: ModelConfig| config.is_learned() && config.matcher.objective().is_some();
    PRESETS.iter().filter(move |(_, config)| is_trained(config())).map(|(name, _)| *name)
}

/// The names of those that a backbone's weights are all of.
pub(crate) fn untrained_presets() -> impl Iterator<Item = &'static str> {
    let is_backbone =
        |config: ModelConfig| config.head.is_none() && !config.matcher.has_parameters();
    PRESETS.iter().filter(move |(_, config)| is_backbone(config())).map(|(name, _)| *name)
}

/// The preset of a name.
///
/// # Errors
/// When there is none of that name.
pub(crate) fn preset(name: &str) -> Result<ModelConfig> {
    let preset = PRESETS.iter().find(|(other, _)| *other == name).with_context(|| {
        format!(
            "there is no model `{name}`; there are: {}",
            presets().collect::<Vec<_>>().join(", ")
        )
    })?;
    Ok(preset.1())
}

impl Family for dyn BackboneConfig {
    const PART: &'static str = "backbone";

    fn kinds() -> &'static [Kind<Self>] {
        BACKBONES
    }
}

impl Family for dyn HeadConfig {
    const PART: &'static str = "head";

    fn kinds() -> &'static [Kind<Self>] {
        HEADS
    }
}

impl Family for dyn MatcherConfig {
    const PART: &'static str = "matcher";

    fn kinds() -> &'static [Kind<Self>] {
        MATCHERS
    }
}

const fn backbone<T: BackboneConfig + Tagged + DeserializeOwned>() -> Kind<dyn BackboneConfig> {
    Kind { name: T::KIND, read: |settings| Ok(Arc::new(read::<T>(settings)?)) }
}

const fn head<T: HeadConfig + Tagged + DeserializeOwned>() -> Kind<dyn HeadConfig> {
    Kind { name: T::KIND, read: |settings| Ok(Arc::new(read::<T>(settings)?)) }
}

const fn matcher<T: MatcherConfig + Tagged + DeserializeOwned>() -> Kind<dyn MatcherConfig> {
    Kind { name: T::KIND, read: |settings| Ok(Arc::new(read::<T>(settings)?)) }
}

fn read<T: DeserializeOwned>(settings: Value) -> serde_json::Result<T> {
    serde_json::from_value(settings)
}
