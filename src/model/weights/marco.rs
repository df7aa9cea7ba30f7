//! MARCO as its authors publish it: adapters and upscaler alone, for a backbone that is DINOv2's.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use tch::Tensor;

use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::head::upscaler::UpscalerConfig;
use crate::model::input::InputRule;
use crate::model::matcher::windowed::config::WindowedConfig;
use crate::model::part::{Chosen, Tagged};
use crate::model::weights::published::{Holds, Published, Tensors};

/// Patches along a side of the square that its authors evaluate on.
const PATCHES: i64 = 55;

/// The adapters and the upscaler.
pub(crate) const MARCO: Published = Published {
    name: "the head of MARCO",
    marks: &["upscale.0.conv1.weight"],
    rename: |name| match (name.strip_prefix("dino."), name.strip_prefix("upscale.")) {
        (Some(part), _) => format!("{BACKBONE}{part}"),
        (_, Some(part)) => format!("{}.{part}", UpscalerConfig::KIND),
        _ => name.to_owned(),
    },
    adapt: Ok,
    config: |_, _| {
        bail!(
            "it holds adapters and an upscaler without their backbone, which is DINOv2's ViT-L/14 with registers: \
             give both, --backbone dinov2_vitl14_reg4_pretrain.pth --head FILE"
        )
    },
    holds: Holds::Head(joined),
    meanings: &[],
    origin: "adapters and upscaler of MARCO",
    licence: "as https://github.com/visinf/MARCO states (Apache-2.0)",
};

/// A backbone with adapters and upscaler, in the frame and by the rule that its authors evaluate with.
fn joined(backbone: &ModelConfig, head: &Tensors) -> Result<ModelConfig> {
    let mut settings = serde_json::to_value(&backbone.backbone)?;
    let upscaler = format!("{}.0.norm.weight", UpscalerConfig::KIND);
    let dim = size(head, &upscaler)?[0];
    ensure!(
        settings["kind"] == "vit" && settings["dim"] == dim,
        "it is for a vision transformer of {dim} values per token, and this backbone ({}) has {}",
        backbone.backbone.kind(),
        settings["dim"]
    );
    ensure!(
        settings["registers"].as_i64().is_some_and(|registers| registers > 0),
        "it is for a backbone with registers, and this one has none: take dinov2_vitl14_reg4_pretrain.pth"
    );
    let adapted: Vec<i64> = head.keys().filter_map(|name| adapted_block(name)).collect();
    let (first, last) = adapted
        .iter()
        .min()
        .zip(adapted.iter().max())
        .context("it has no adapters in the backbone's blocks")?;
    let width = size(head, &format!("{BACKBONE}blocks.{first}.adapter.down_proj.weight"))?[0];
    // Blocks are counted from 0 in names.
    settings["adapters"] =
        serde_json::json!({ "first": first + 1, "last": last + 1, "width": width });
    let patch = settings["patch"].as_i64().context("its backbone has no patches")?;
    let side = PATCHES * patch;
    settings["image"] = side.into();
    let step = |name: &str| -> Option<u32> {
        name.strip_prefix(UpscalerConfig::KIND)?.strip_prefix('.')?.split('.').next()?.parse().ok()
    };
    let steps = head.keys().filter_map(|name| step(name)).max().map_or(0, |last| last + 1);
    let stride = 1i64.checked_shl(steps).context("its upscaler has too many steps")?;
    Ok(ModelConfig {
        input_size: usize::try_from(side)?,
        input: InputRule::Stretch,
        backbone: serde_json::from_value(settings)?,
        head: Some(Chosen::of(Arc::new(UpscalerConfig { steps }))),
        matcher: Chosen::of(Arc::new(WindowedConfig::marco(stride))),
    })
}

/// The block, counted from 0, whose adapter a tensor belongs to.
fn adapted_block(name: &str) -> Option<i64> {
    let rest = name.strip_prefix(BACKBONE)?.strip_prefix("blocks.")?;
    let (block, _) = rest.split_once(".adapter.")?;
    block.parse().ok()
}

fn size(head: &Tensors, name: &str) -> Result<Vec<i64>> {
    let size = head.get(name).map(Tensor::size).with_context(|| format!("it has no `{name}`"))?;
    ensure!(!size.is_empty(), "`{name}` is a single number");
    Ok(size)
}
