//! TransforMatcher as its authors' training saves it, both networks of its backbone included.

use std::sync::Arc;

use anyhow::ensure;

use crate::model::backbone::resnet::config::ResNetConfig;
use crate::model::backbone::twins::TwinsConfig;
use crate::model::config::ModelConfig;
use crate::model::matcher::transformatcher::config::TransforMatcherConfig;
use crate::model::part::Chosen;
use crate::model::weights::published::{Holds, Published, Tensors};
use crate::model::weights::resnet::stages;
use crate::model::weights::twins::{apart, of_source};

/// A whole model.
pub(crate) const TRANSFORMATCHER: Published = Published {
    name: "TransforMatcher",
    marks: &["match2match.trans_nc.0.0.fn.to_qkv.weight"],
    rename: str::to_owned,
    adapt: apart,
    config: |tensors, _| {
        let stages = stages(&of_source(tensors));
        ensure!(stages.len() == 4, "its backbone has {} stages and not four", stages.len());
        // The blocks of the last two stages.
        let blocks: i64 = stages.iter().sum();
        let levels = stages[0] + stages[1] + 1..=blocks;
        let image = TransforMatcherConfig::IMAGE;
        let resnet = ResNetConfig::new(image, stages, vec![blocks]);
        let backbone = TwinsConfig { each: Chosen::of(Arc::new(resnet)) };
        let matcher = TransforMatcherConfig {
            depth: depth(tensors),
            ..TransforMatcherConfig::on_blocks(levels)
        };
        Ok(ModelConfig {
            backbone: Chosen::of(Arc::new(backbone)),
            matcher: Chosen::of(Arc::new(matcher)),
            ..ModelConfig::transformatcher()
        })
    },
    holds: Holds::Model,
    meanings: &[],
    origin: "checkpoint of the authors of TransforMatcher; batch norm folded",
    licence: "as https://github.com/wookiekim/transformatcher states (nothing so far)",
};

fn depth(tensors: &Tensors) -> i64 {
    let is_there = |block: &i64| {
        tensors.contains_key(&format!("match2match.trans_nc.{block}.0.fn.to_qkv.weight"))
    };
    (0..).take_while(is_there).count() as i64
}
