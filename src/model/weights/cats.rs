//! CATs as its authors' training saves it, backbone included.

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::model::backbone::resnet::config::ResNetConfig;
use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::matcher::cats::config::CatsConfig;
use crate::model::part::Chosen;
use crate::model::weights::arguments::Arguments;
use crate::model::weights::published::{HEADS, Holds, Published, Tensors};
use crate::model::weights::resnet::{stages, without_norms};

/// The argument that names the blocks of ResNet-101 whose correlations are aggregated.
const BLOCKS: &str = "hyperpixel";

/// A whole model.
pub(crate) const CATS: Published = Published {
    name: "CATs",
    marks: &["decoder.blocks.0.attn_multiscale.qkv.weight"],
    rename: str::to_owned,
    adapt: folded_backbone,
    config: |tensors, arguments| {
        let matcher = matcher(tensors, arguments)?;
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
    meanings: &[
        (BLOCKS, "matcher.levels"),
        ("feature_size", "matcher.side"),
        ("feature_proj_dim", "matcher.projection"),
        ("depth", "matcher.depth"),
        (HEADS, "matcher.heads"),
    ],
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

/// The matcher that the file is for. Which blocks of the backbone it reads, and how many heads attend, stands beside it; the
/// file knows how many blocks there are and how wide each is.
fn matcher(tensors: &Tensors, arguments: &Arguments) -> Result<CatsConfig> {
    let widths: Vec<i64> = (0..)
        .map_while(|index| tensors.get(&format!("proj.{index}.weight")))
        .map(|projection| projection.size().get(1).copied().unwrap_or_default())
        .collect();
    let fits = |blocks: &[i64]| {
        blocks.is_sorted() && blocks.iter().map(|&block| width(block)).eq(widths.iter().copied())
    };
    let told = arguments.numbers(BLOCKS).filter(|blocks| fits(blocks));
    let known = [&CatsConfig::SPAIR[..], &CatsConfig::PF_PASCAL].map(<[i64]>::to_vec);
    let blocks = told.or_else(|| known.into_iter().find(|blocks| fits(blocks)));
    let blocks = blocks.with_context(|| {
        format!(
            "it aggregates {} levels of {widths:?} values, and which blocks of ResNet-101 these are says the \
             `args.pkl` that its authors' training leaves beside it: put that there",
            widths.len()
        )
    })?;
    let size = |name: &str, axis: usize| {
        tensors.get(name).and_then(|tensor| tensor.size().get(axis).copied())
    };
    let usual = CatsConfig::on_blocks(&blocks);
    Ok(CatsConfig {
        side: size("decoder.pos_embed_x", 3).unwrap_or(usual.side),
        projection: size("proj.0.weight", 0).unwrap_or(usual.projection),
        depth: depth(tensors),
        heads: arguments.number(HEADS).unwrap_or(usual.heads),
        ..usual
    })
}

/// Values per cell behind a block of ResNet-101; of none for what is none.
fn width(block: i64) -> i64 {
    match block {
        0 => 64,
        1..=3 => 256,
        4..=7 => 512,
        8..=30 => 1024,
        31..=33 => 2048,
        _ => 0,
    }
}

fn depth(tensors: &Tensors) -> i64 {
    let is_there =
        |block: &i64| tensors.contains_key(&format!("decoder.blocks.{block}.norm1.weight"));
    (0..).take_while(is_there).count() as i64
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::model::weights::arguments::test_files::beside;

    /// Projections of levels of these widths to 128 values, on a grid of 16 x 16 cells.
    fn file(widths: &[i64]) -> Tensors {
        let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        let projections = widths
            .iter()
            .enumerate()
            .map(|(index, &width)| (format!("proj.{index}.weight"), zeros(&[128, width])));
        let levels = widths.len() as i64;
        let others = [
            ("decoder.pos_embed_x".to_owned(), zeros(&[1, levels, 1, 16, 192])),
            ("decoder.blocks.0.norm1.weight".to_owned(), zeros(&[384])),
        ];
        projections.chain(others).collect()
    }

    #[test]
    fn what_the_authors_training_was_told_says_which_blocks_and_heads() {
        let widths = [256, 512, 1024];
        let error = matcher(&file(&widths), &Arguments::default()).unwrap_err().to_string();
        assert!(error.contains("says the `args.pkl`"), "{error}");
        let told = beside(&[("hyperpixel", "[2,5,20]"), ("num_heads", "4")]);
        let found = matcher(&file(&widths), &told).unwrap();
        assert_eq!(found, CatsConfig { heads: 4, ..CatsConfig::on_blocks(&[2, 5, 20]) });
    }

    #[test]
    fn arguments_of_another_file_are_told_and_not_taken() {
        let widths = CatsConfig::SPAIR.map(width);
        let told = beside(&[("hyperpixel", "[2,17,21]"), ("benchmark", "pfpascal")]);
        let found = matcher(&file(&widths), &told).unwrap();
        assert_eq!(found, CatsConfig::on_blocks(&CatsConfig::SPAIR));
        let config = ModelConfig { matcher: Chosen::of(Arc::new(found)), ..ModelConfig::cats() };
        let notes = told.notes(&config, CATS.meanings);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].starts_with("trained on pfpascal"), "{notes:?}");
        let wanted = "says hyperpixel [2,17,21], but these weights are taken with [0, 8, 20, 21, 26, 28, 29, 30]";
        assert!(notes[1].contains(wanted), "{notes:?}");
    }
}
