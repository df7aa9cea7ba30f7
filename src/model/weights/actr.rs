//! ACTR as its authors' training saves it, backbone included.

use std::sync::Arc;

use crate::model::config::ModelConfig;
use crate::model::matcher::actr::config::ActrConfig;
use crate::model::part::Chosen;
use crate::model::weights::published::{HEADS, Holds, Published, Tensors};

/// A whole model.
pub(crate) const ACTR: Published = Published {
    name: "ACTR",
    marks: &["decoder.last_block.0.pos_embed"],
    rename: str::to_owned,
    adapt: Ok,
    config: |tensors, arguments| {
        let mut matcher = ActrConfig { depth: depth(tensors), ..ActrConfig::default() };
        matcher.heads = arguments.number(HEADS).unwrap_or(matcher.heads);
        Ok(ModelConfig { matcher: Chosen::of(Arc::new(matcher)), ..ModelConfig::actr() })
    },
    holds: Holds::Model,
    meanings: &[("depth", "matcher.depth"), (HEADS, "matcher.heads")],
    origin: "checkpoint of the authors of ACTR",
    licence: "not stated by https://github.com/YXSUNMADMAX/ACTR",
};

/// Blocks that match; the last one stands apart.
fn depth(tensors: &Tensors) -> i64 {
    let is_there = |block: &i64| tensors.contains_key(&format!("decoder.blocks.{block}.pos_embed"));
    1 + (0..).take_while(is_there).count() as i64
}
