//! Heads that are published by themselves, for a backbone that others publish.

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::model::config::ModelConfig;
use crate::model::head::bottleneck::BottleneckConfig;
use crate::model::input::InputRule;
use crate::model::matcher::windowed::config::{PointRule, WindowedConfig};
use crate::model::part::{Chosen, Tagged};
use crate::model::weights::published::{Holds, Published, Tensors};

/// The adapter of DIY-SC for one backbone's features.
pub(crate) const DIY_SC: Published = Published {
    name: "the adapter of DIY-SC",
    marks: &["bottleneck_layers.0.0.conv1.weight"],
    rename: |name| match name.strip_prefix("bottleneck_layers.0.0.") {
        Some(part) => format!("{}.{part}", BottleneckConfig::KIND),
        None => name.to_owned(),
    },
    adapt: one_block_alone,
    config: |_, _| {
        bail!(
            "it holds a head without its backbone, which is DINOv2's ViT-B/14: give both, --backbone \
             dinov2_vitb14_pretrain.pth --head FILE"
        )
    },
    holds: Holds::Head(diy_sc),
    meanings: &[],
    origin: "adapter of DIY-SC",
    licence: "as https://github.com/odunkel/DIY-SC states",
};

/// Takes out what is used in training alone; of several blocks or features none can be left out.
fn one_block_alone(mut tensors: Tensors) -> Result<Tensors> {
    let own = format!("{}.", BottleneckConfig::KIND);
    for name in ["logit_scale", "self_logit_scale"] {
        tensors.remove(name);
    }
    // Blocks are weighed by a softmax of these: a single one counts as it is.
    let blocks = tensors.remove("mixing_weights").map_or(1, |weights| weights.numel());
    let others: Vec<&String> = tensors.keys().filter(|name| !name.starts_with(&own)).collect();
    ensure!(
        blocks == 1 && others.is_empty(),
        "the adapter has {blocks} blocks for features of several networks; only one for DINOv2 alone is \
         supported"
    );
    Ok(tensors)
}

/// A backbone with the adapter, in the frame and by the rule that its authors evaluate with.
fn diy_sc(backbone: &ModelConfig, head: &Tensors) -> Result<ModelConfig> {
    let size = |name: &str| {
        let name = format!("{}.{name}", BottleneckConfig::KIND);
        head.get(&name).map(tch::Tensor::size).with_context(|| format!("it has no `{name}`"))
    };
    let [width, dim, ..] = size("conv1.weight")?[..] else {
        bail!("its first convolution is none")
    };
    let mut settings = serde_json::to_value(&backbone.backbone)?;
    ensure!(
        settings["kind"] == "vit" && settings["dim"] == dim,
        "it is for a vision transformer of {dim} values per token, and this backbone ({}) has {}",
        backbone.backbone.kind(),
        settings["dim"]
    );
    // The last block's tokens before the last norm, 60 x 60 of them.
    settings["output"] = json!({ "norm": false });
    let patch = settings["patch"].as_i64().context("its backbone has no patches")?;
    let side = 60 * patch;
    settings["image"] = side.into();
    Ok(ModelConfig {
        input_size: usize::try_from(side)?,
        input: InputRule::CentredSquare,
        backbone: serde_json::from_value(settings)?,
        head: Some(Chosen::of(std::sync::Arc::new(BottleneckConfig { width }))),
        matcher: Chosen::of(std::sync::Arc::new(WindowedConfig {
            points: PointRule::Patch,
            ..WindowedConfig::default()
        })),
    })
}
