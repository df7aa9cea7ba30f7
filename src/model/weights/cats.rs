//! CATs as its authors' training saves it, backbone included.

use std::sync::Arc;

use anyhow::{Result, bail};

use crate::model::backbone::resnet::config::ResNetConfig;
use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::matcher::cats::config::CatsConfig;
use crate::model::part::Chosen;
use crate::model::weights::published::{Holds, Published, Tensors};
use crate::model::weights::resnet::{stages, without_norms};

/// A whole model.
pub(crate) const CATS: Published = Published {
    name: "CATs",
    marks: &["decoder.blocks.0.attn_multiscale.qkv.weight"],
    rename: str::to_owned,
    adapt: folded_backbone,
    config: |tensors| {
        let matcher = CatsConfig { depth: depth(tensors), ..blocks(tensors)? };
        // The last stage is in the file, and beyond what is asked for.
        let (image, stages) = (CatsConfig::IMAGE, stages(tensors));
        let backbone = ResNetConfig::new(image, stages, vec![CatsConfig::DEEPEST]);
        Ok(ModelConfig {
            backbone: Chosen::of(Arc::new(backbone)),
            matcher: Chosen::of(Arc::new(matcher)),
            ..ModelConfig::cats()
        })
    },
    holds: Holds::Model,
    origin: "checkpoint of the authors of CATs; batch norm folded",
    licence: "as https://github.com/SunghwanHong/Cost-Aggregation-transformers states (GPL-3.0)",
};

/// The backbone stands in a file as torchvision has it, below the model's own name.
fn folded_backbone(tensors: Tensors) -> Result<Tensors> {
    let (backbone, mut matcher): (Tensors, Tensors) =
        tensors.into_iter().partition(|(name, _)| name.starts_with(BACKBONE));
    let own =
        backbone.into_iter().map(|(name, tensor)| (name[BACKBONE.len()..].to_owned(), tensor));
    matcher.extend(without_norms(own.collect())?);
    Ok(matcher)
}

/// The matcher on the blocks of the backbone that the file is for. Which these are stands beside it, in `args.pkl`;
/// the file knows how many there are.
fn blocks(tensors: &Tensors) -> Result<CatsConfig> {
    let is_there = |index: &usize| tensors.contains_key(&format!("proj.{index}.weight"));
    let count = (0..).take_while(is_there).count();
    let known = [&CatsConfig::SPAIR[..], &CatsConfig::PF_PASCAL];
    match known.into_iter().find(|blocks| blocks.len() == count) {
        Some(blocks) => Ok(CatsConfig::on_blocks(blocks)),
        None => bail!(
            "it aggregates {count} levels, and which blocks of ResNet-101 these are is known of files with 8 and 7 alone"
        ),
    }
}

fn depth(tensors: &Tensors) -> i64 {
    let is_there =
        |block: &i64| tensors.contains_key(&format!("decoder.blocks.{block}.norm1.weight"));
    (0..).take_while(is_there).count() as i64
}
