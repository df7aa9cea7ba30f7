//! Vision transformers as DINO, iBOT, DINOv2 and DINOv3 publish them: one network, whose kind and size follow from
//! a file's names and shapes.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use tch::Tensor;

use crate::model::backbone::vit::VitConfig;
use crate::model::backbone::vit::config::{Output, Positions};
use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::input::InputRule;
use crate::model::matcher::MatcherConfig;
use crate::model::matcher::consensus::config::ConsensusConfig;
use crate::model::matcher::windowed::config::WindowedConfig;
use crate::model::part::Chosen;
use crate::model::weights::published::{Holds, Published, Tensors};

/// Values per attention head, in every published network.
const HEAD_DIM: i64 = 64;

/// DINO and iBOT.
pub(crate) const DINO: Published = Published {
    name: "a DINO or iBOT backbone",
    marks: &["patch_embed.proj.weight", "backbone.patch_embed.proj.weight"],
    rename: below_backbone,
    adapt: Ok,
    config: |tensors, _| {
        let backbone = vit(tensors, Positions::Offset)?;
        let side = if backbone.patch == 16 { 256 } else { 32 * backbone.patch };
        // The paper resizes twice: photos to 512 pixels, and these to 256.
        let input_size = if side == 256 { 512 } else { side as usize };
        Ok(ModelConfig { input_size, ..model(backbone, side, ConsensusConfig::default()) })
    },
    holds: Holds::Backbone,
    meanings: &[],
    origin: "DINO or iBOT pretraining",
    licence: "as https://github.com/facebookresearch/dino or https://github.com/bytedance/ibot states \
              (Apache-2.0)",
};

/// DINOv2.
pub(crate) const DINOV2: Published = Published {
    name: "a DINOv2 backbone",
    marks: &["blocks.0.ls1.gamma"],
    rename: below_backbone,
    adapt: Ok,
    config: |tensors, _| dinov2(tensors),
    holds: Holds::Backbone,
    meanings: &[],
    origin: "DINOv2 pretraining",
    licence: "as https://github.com/facebookresearch/dinov2 states (Apache-2.0)",
};

/// DINOv2 under the names of Hugging Face's library.
pub(crate) const DINOV2_TRANSFORMERS: Published = Published {
    name: "a DINOv2 backbone in Hugging Face's naming",
    marks: &["encoder.layer.0.layer_scale1.lambda1"],
    rename: transformers_name,
    adapt: |tensors| joined(tensors, &["query", "key", "value"], "qkv"),
    config: |tensors, _| dinov2(tensors),
    ..DINOV2
};

/// DINOv3.
pub(crate) const DINOV3: Published = Published {
    name: "a DINOv3 backbone",
    marks: &["rope_embed.periods"],
    rename: below_backbone,
    adapt: |tensors| joined(without_masked_biases(tensors)?, &["w1", "w2"], "w12"),
    config: |tensors, _| {
        let backbone = vit(tensors, Positions::Rotary)?;
        let side = 32 * backbone.patch;
        Ok(model(backbone, side, WindowedConfig::default()))
    },
    holds: Holds::Backbone,
    meanings: &[],
    origin: "DINOv3 pretraining",
    licence: "as https://github.com/facebookresearch/dinov3 states (DINOv3 License)",
};

fn below_backbone(name: &str) -> String {
    format!("{BACKBONE}{}", name.strip_prefix("backbone.").unwrap_or(name))
}

fn dinov2(tensors: &Tensors) -> Result<ModelConfig> {
    let has_registers = tensors.contains_key(&format!("{BACKBONE}register_tokens"));
    let positions = if has_registers { Positions::Antialiased } else { Positions::Offset };
    let backbone = vit(tensors, positions)?;
    // The grid of pretraining: 37 x 37 patches.
    let side = backbone.pretrained_grid * backbone.patch;
    Ok(model(backbone, side, WindowedConfig::default()))
}

fn model(backbone: VitConfig, side: i64, matcher: impl MatcherConfig) -> ModelConfig {
    ModelConfig {
        input_size: side as usize,
        input: InputRule::Stretch,
        backbone: Chosen::of(Arc::new(VitConfig { image: side, ..backbone })),
        head: None,
        matcher: Chosen::of(Arc::new(matcher)),
    }
}

/// The network that a file's tensors belong to; its image is still to be chosen.
fn vit(tensors: &Tensors, positions: Positions) -> Result<VitConfig> {
    let size = |name: &str| tensors.get(&format!("{BACKBONE}{name}")).map(Tensor::size);
    let length = |name: &str, axis: usize| {
        let size = size(name).with_context(|| format!("it has no `{name}`"))?;
        size.get(axis).copied().with_context(|| format!("`{name}` has the shape {size:?}"))
    };
    let dim = length("cls_token", 2)?;
    ensure!(
        dim > 0 && dim % HEAD_DIM == 0,
        "its tokens have {dim} values, which no published network has"
    );
    let block = |name: &String| -> Option<i64> {
        name.strip_prefix(BACKBONE)?.strip_prefix("blocks.")?.split('.').next()?.parse().ok()
    };
    let Some(last) = tensors.keys().filter_map(block).max() else { bail!("it has no blocks") };
    let registers = size("register_tokens").or_else(|| size("storage_tokens"));
    let pretrained_grid = match positions {
        Positions::Rotary => 0,
        Positions::Offset | Positions::Antialiased => {
            let positions = length("pos_embed", 1)?;
            let grid = (positions - 1).max(0).isqrt();
            ensure!(
                positions == 1 + grid * grid,
                "its {positions} positions are no square grid and a class token"
            );
            grid
        }
    };
    Ok(VitConfig {
        image: 0,
        patch: length("patch_embed.proj.weight", 2)?,
        dim,
        depth: last + 1,
        heads: dim / HEAD_DIM,
        pretrained_grid,
        positions,
        registers: registers.and_then(|size| size.get(1).copied()).unwrap_or(0),
        layer_scale: size("blocks.0.ls1.gamma").is_some(),
        gated: size("blocks.0.mlp.w12.weight").map(|size| size[0] / 2),
        adapters: None,
        output: Output::default(),
    })
}

/// The official name for one of Hugging Face's.
fn transformers_name(name: &str) -> String {
    const PARTS: [(&str, &str); 11] = [
        ("embeddings.patch_embeddings.projection.", "patch_embed.proj."),
        ("embeddings.position_embeddings", "pos_embed"),
        ("embeddings.", ""),
        ("encoder.layer.", "blocks."),
        (".attention.attention.", ".attn."),
        (".attention.output.dense.", ".attn.proj."),
        (".layer_scale1.lambda1", ".ls1.gamma"),
        (".layer_scale2.lambda1", ".ls2.gamma"),
        (".mlp.weights_in.", ".mlp.w12."),
        (".mlp.weights_out.", ".mlp.w3."),
        ("layernorm.", "norm."),
    ];
    let mut name = name.to_owned();
    for (theirs, official) in PARTS {
        name = name.replacen(theirs, official, 1);
    }
    format!("{BACKBONE}{name}")
}

/// Joins the outputs of linear maps that stand beside one another into one map.
fn joined(mut tensors: Tensors, parts: &[&str], whole: &str) -> Result<Tensors> {
    let mark = format!(".{}.", parts[0]);
    let firsts: Vec<String> = tensors.keys().filter(|name| name.contains(&mark)).cloned().collect();
    for first in firsts {
        let name = |part: &str| first.replacen(&mark, &format!(".{part}."), 1);
        let maps: Vec<Tensor> = parts
            .iter()
            .map(|part| {
                let part = name(part);
                tensors.remove(&part).with_context(|| format!("it has no `{part}`"))
            })
            .collect::<Result<_>>()?;
        tensors.insert(name(whole), Tensor::f_cat(&maps, 0)?);
    }
    Ok(tensors)
}

/// Biases multiplied by the masks that stand beside them: the keys' are 0, whatever the file says.
fn without_masked_biases(mut tensors: Tensors) -> Result<Tensors> {
    const MASK: &str = ".bias_mask";
    let masks: Vec<String> = tensors.keys().filter(|name| name.ends_with(MASK)).cloned().collect();
    for mask_name in masks {
        let bias_name = mask_name.replace(MASK, ".bias");
        let Some(mask) = tensors.remove(&mask_name) else { continue };
        let bias = tensors.get(&bias_name).with_context(|| format!("it has no `{bias_name}`"))?;
        let masked = bias.f_mul(&mask.to_kind(bias.kind()))?;
        tensors.insert(bias_name, masked);
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn zeros(entries: &[(&str, &[i64])]) -> Tensors {
        let tensor = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        entries.iter().map(|(name, shape)| (format!("{BACKBONE}{name}"), tensor(shape))).collect()
    }

    #[test]
    fn a_files_shapes_say_which_network_it_is() {
        let mut tensors = zeros(&[
            ("cls_token", &[1, 1, 384]),
            ("pos_embed", &[1, 1370, 384]),
            ("register_tokens", &[1, 4, 384]),
            ("patch_embed.proj.weight", &[384, 3, 14, 14]),
            ("blocks.0.ls1.gamma", &[384]),
            ("blocks.11.norm1.weight", &[384]),
        ]);
        let config = dinov2(&tensors).unwrap();
        assert_eq!(config.input_size, 518);
        let backbone = serde_json::to_value(&config.backbone).unwrap();
        assert_eq!(
            backbone,
            serde_json::json!({
                "kind": "vit", "image": 518, "patch": 14, "dim": 384, "depth": 12, "heads": 6,
                "pretrained_grid": 37, "positions": "antialiased", "registers": 4, "layer_scale": true,
            })
        );
        tensors.extend(zeros(&[("blocks.0.mlp.w12.weight", &[8192, 384])]));
        assert_eq!(vit(&tensors, Positions::Antialiased).unwrap().gated, Some(4096));
        tensors.extend(zeros(&[("pos_embed", &[1, 1371, 384])]));
        let error = dinov2(&tensors).unwrap_err().to_string();
        assert!(error.contains("1371 positions"), "{error}");
        tensors.remove(&format!("{BACKBONE}cls_token"));
        assert_eq!(dinov2(&tensors).unwrap_err().to_string(), "it has no `cls_token`");
    }

    #[test]
    fn names_of_the_other_library_are_the_official_ones() {
        for (theirs, official) in [
            ("embeddings.cls_token", "cls_token"),
            ("embeddings.mask_token", "mask_token"),
            ("embeddings.register_tokens", "register_tokens"),
            ("embeddings.position_embeddings", "pos_embed"),
            ("embeddings.patch_embeddings.projection.bias", "patch_embed.proj.bias"),
            ("encoder.layer.3.attention.attention.query.weight", "blocks.3.attn.query.weight"),
            ("encoder.layer.3.attention.output.dense.bias", "blocks.3.attn.proj.bias"),
            ("encoder.layer.3.layer_scale2.lambda1", "blocks.3.ls2.gamma"),
            ("encoder.layer.3.mlp.fc1.weight", "blocks.3.mlp.fc1.weight"),
            ("encoder.layer.3.mlp.weights_out.weight", "blocks.3.mlp.w3.weight"),
            ("layernorm.weight", "norm.weight"),
        ] {
            assert_eq!(transformers_name(theirs), format!("{BACKBONE}{official}"));
        }
    }

    #[test]
    fn maps_side_by_side_become_one_and_masked_biases_are_masked() {
        let map = |value: f64| Tensor::full([2, 3], value, (Kind::Float, Device::Cpu));
        let tensors = ["query", "key", "value"].iter().zip([1.0, 2.0, 3.0]);
        let tensors = tensors.map(|(part, value)| (format!("b.attn.{part}.weight"), map(value)));
        let found = joined(tensors.collect(), &["query", "key", "value"], "qkv").unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["b.attn.qkv.weight"]);
        let column = found["b.attn.qkv.weight"].select(1, 0);
        assert_eq!(Vec::<f32>::try_from(column).unwrap(), [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);

        let tensors = [("a.bias", [5.0f32, 7.0]), ("a.bias_mask", [1.0, 0.0])];
        let tensors = tensors.map(|(name, values)| (name.to_owned(), Tensor::from_slice(&values)));
        let found = without_masked_biases(tensors.into()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(Vec::<f32>::try_from(&found["a.bias"]).unwrap(), [5.0, 0.0]);
    }
}
