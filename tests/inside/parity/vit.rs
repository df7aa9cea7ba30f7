//! Published vision transformers against their authors' code, on formula weights under the published names:
//! `NAME-seedN.safetensors` in `golden/vit`.

use std::collections::{BTreeMap, BTreeSet};

use tch::{Device, Kind, Tensor, no_grad};

use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::model::backbone::vit::VitConfig;
use crate::model::backbone::vit::config::{Facet, Output, Positions};
use crate::model::backbone::vit::network::VisionTransformer;
use crate::model::backbone::{Backbone, BackboneConfig};
use crate::model::config::BACKBONE;
use crate::model::features::{LAST, LevelShape};
use crate::model::weights::arguments::Arguments;
use crate::model::weights::published::{Published, Tensors};
use crate::model::weights::vision_transformers::{DINOV2, DINOV2_TRANSFORMERS, DINOV3};
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

/// A published network.
pub(super) struct Case {
    /// The name of its reference files.
    pub name: &'static str,
    pub form: &'static Published,
    pub rotary: bool,
    pub registers: i64,
    /// Hidden values of a gated perceptron.
    pub gated: Option<i64>,
    /// Values per token, and blocks.
    pub size: (i64, i64),
}

/// DINOv2's small network, from which the others differ.
const SMALL: Case = Case {
    name: "dinov2_vits14",
    form: &DINOV2,
    rotary: false,
    registers: 0,
    gated: None,
    size: (384, 12),
};

const CASES: [Case; 5] = [
    SMALL,
    Case { name: "dinov2_vits14_reg", registers: 4, ..SMALL },
    Case { name: "dinov2_gated", registers: 4, gated: Some(512), size: (192, 2), ..SMALL },
    Case { name: "dinov3_vits16", form: &DINOV3, rotary: true, registers: 4, ..SMALL },
    Case {
        name: "dinov3_gated",
        form: &DINOV3,
        rotary: true,
        registers: 4,
        gated: Some(768),
        size: (192, 2),
    },
];

/// Larger ones, whose numbers are not in the repository.
const LARGE: [Case; 3] = [
    Case { name: "dinov2_vitb14", size: (768, 12), ..SMALL },
    Case { name: "dinov2_vitl14_reg", registers: 4, size: (1024, 24), ..SMALL },
    Case { name: "dinov2_vitg14", gated: Some(4096), size: (1536, 40), ..SMALL },
];

impl Case {
    /// The network as it stands in a file.
    pub(super) fn published(&self, seed: u64) -> Tensors {
        let (dim, blocks) = self.size;
        let patch = if self.rotary { 16 } else { 14 };
        let mut shapes: Vec<(String, Vec<i64>)> = Vec::new();
        let mut add = |name: &str, shape: &[i64]| shapes.push((name.to_owned(), shape.to_vec()));
        add("cls_token", &[1, 1, dim]);
        add("mask_token", &[1, dim]);
        add("patch_embed.proj.weight", &[dim, 3, patch, patch]);
        add("patch_embed.proj.bias", &[dim]);
        if self.registers > 0 {
            let name = if self.rotary { "storage_tokens" } else { "register_tokens" };
            add(name, &[1, self.registers, dim]);
        }
        if !self.rotary {
            add("pos_embed", &[1, 1370, dim]);
        }
        let perceptron: Vec<(&str, i64, i64)> = match (self.gated, self.rotary) {
            (None, _) => vec![("fc1", 4 * dim, dim), ("fc2", dim, 4 * dim)],
            (Some(hidden), false) => vec![("w12", 2 * hidden, dim), ("w3", dim, hidden)],
            (Some(hidden), true) => {
                vec![("w1", hidden, dim), ("w2", hidden, dim), ("w3", dim, hidden)]
            }
        };
        for block in 0..blocks {
            for part in ["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"] {
                add(&format!("blocks.{block}.{part}"), &[dim]);
            }
            for part in ["ls1.gamma", "ls2.gamma", "attn.proj.bias"] {
                add(&format!("blocks.{block}.{part}"), &[dim]);
            }
            add(&format!("blocks.{block}.attn.qkv.weight"), &[3 * dim, dim]);
            add(&format!("blocks.{block}.attn.qkv.bias"), &[3 * dim]);
            add(&format!("blocks.{block}.attn.proj.weight"), &[dim, dim]);
            for (part, outputs, inputs) in &perceptron {
                add(&format!("blocks.{block}.mlp.{part}.weight"), &[*outputs, *inputs]);
                add(&format!("blocks.{block}.mlp.{part}.bias"), &[*outputs]);
            }
        }
        add("norm.weight", &[dim]);
        add("norm.bias", &[dim]);
        let mut tensors: Tensors = shapes
            .into_iter()
            .map(|(name, shape)| {
                let values = formula::weight(&name, &shape, seed);
                (name, values)
            })
            .collect();
        if self.rotary {
            let exponents = Tensor::arange(16, (Kind::Float, Device::Cpu)) / 16.0;
            let periods = (exponents * 100f64.ln()).exp();
            tensors.insert("rope_embed.periods".into(), periods);
            for block in 0..blocks {
                let mask = Tensor::ones([3 * dim], (Kind::Float, Device::Cpu));
                let _ = mask.narrow(0, dim, dim).fill_(0.0);
                tensors.insert(format!("blocks.{block}.attn.qkv.bias_mask"), mask);
            }
        }
        tensors
    }

    /// The network as the form says that it is to be built.
    fn read(&self, seed: u64) -> (VitConfig, Tensors) {
        let renamed = |(name, tensor): (String, Tensor)| ((self.form.rename)(&name), tensor);
        let tensors = self.published(seed).into_iter().map(renamed).collect();
        let tensors = (self.form.adapt)(tensors).unwrap();
        let config = (self.form.config)(&tensors, &Arguments::default()).unwrap();
        config.check().unwrap();
        let mut settings = serde_json::to_value(&config.backbone).unwrap();
        settings.as_object_mut().unwrap().remove("kind");
        let below = |(name, tensor): (String, Tensor)| {
            (name.strip_prefix(BACKBONE).unwrap().to_owned(), tensor)
        };
        (serde_json::from_value(settings).unwrap(), tensors.into_iter().map(below).collect())
    }
}

/// The levels of these names, in their order.
fn levels(config: &VitConfig, names: &[&str], tensors: &Tensors, image: &Tensor) -> Vec<Tensor> {
    let is_wanted = |level: &LevelShape| names.contains(&level.name.as_str());
    let wanted: Vec<LevelShape> = config.levels().into_iter().filter(is_wanted).collect();
    let copies = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
    let path = VarBuilder::stored(copies.collect(), Device::Cpu);
    let network = VisionTransformer::new(&path, config, &wanted);
    let (_, outcome) = path.finish();
    assert_eq!((outcome.missing, outcome.mismatched), (vec![], vec![]));
    for name in outcome.unexpected {
        assert!(config.is_unused(&name), "{name}");
    }
    let features = no_grad(|| network.forward(image, &Recompute::plain()));
    names.iter().map(|name| features.level(name).tokens.shallow_clone()).collect()
}

fn check(case: &Case, seed: u64, wanted: &BTreeMap<String, Tensor>) {
    let (config, tensors) = case.read(seed);
    assert_eq!(config.positions == Positions::Rotary, case.rotary);
    let side_of = |name: &String| name.split('.').next().unwrap().parse::<i64>().unwrap();
    let sides: BTreeSet<i64> = wanted.keys().map(side_of).collect();
    for side in sides {
        let pixels = formula::values("image.vit", (3 * side * side) as usize, seed);
        let image = Tensor::from_slice(&pixels).view([1, 3, side, side]);
        let config = VitConfig { image: side, ..config.clone() };
        let [middle, last] = [config.depth / 2, config.depth].map(|block| format!("block-{block}"));
        let tokens = levels(&config, &[&middle, &last, LAST], &tensors, &image);
        let mut found = vec![
            // Their code gives the patches of inner blocks alone.
            (middle.as_str(), tokens[0].slice(1, 1, None, 1)),
            ("prenorm", tokens[1].shallow_clone()),
            ("norm", tokens[2].shallow_clone()),
        ];
        if wanted.contains_key(&format!("{side}.keys")) {
            let output = Output { norm: false, facet: Facet::Keys, ..Output::default() };
            let config = VitConfig { output, ..config.clone() };
            found.push(("keys", levels(&config, &[LAST], &tensors, &image).remove(0)));
        }
        for (what, tokens) in found {
            let name = format!("{side}.{what}");
            let reference = &wanted[&name];
            let sample = tokens.get(0).slice(0, None, None, 16).slice(1, None, None, 4);
            let maximum = golden::distance(&name, &sample, reference).maximum;
            let length = |xs: &Tensor| xs.norm().double_value(&[]);
            let relative = length(&(sample - reference)) / length(reference);
            println!("{} seed {seed} {name:12} {maximum:.1e}, relative {relative:.1e}", case.name);
            assert!(maximum <= 1e-4 && relative <= 5e-6, "{} {name}", case.name);
        }
    }
}

#[test]
fn features_equal_those_of_the_published_networks() {
    in_own_process(&golden::ARITHMETIC, || {
        for case in &CASES {
            for (seed, file) in golden::seeds_in("vit", case.name) {
                check(case, seed, &golden::tensors(&file));
            }
        }
        for case in &LARGE {
            for (seed, file) in golden::further_seeds(case.name) {
                check(case, seed, &golden::tensors(&file));
            }
        }
    });
}

#[test]
fn a_file_of_the_other_library_is_the_same_network() {
    let case = &CASES[0];
    let (config, tensors) = case.read(0);
    let mut theirs = Tensors::new();
    for (name, tensor) in case.published(0) {
        let name = name
            .replace("patch_embed.proj", "embeddings.patch_embeddings.projection")
            .replace("pos_embed", "embeddings.position_embeddings")
            .replace("cls_token", "embeddings.cls_token")
            .replace("mask_token", "embeddings.mask_token")
            .replace("blocks.", "encoder.layer.")
            .replace("attn.proj", "attention.output.dense")
            .replace("ls1.gamma", "layer_scale1.lambda1")
            .replace("ls2.gamma", "layer_scale2.lambda1");
        let name =
            name.strip_prefix("norm.").map_or(name.clone(), |rest| format!("layernorm.{rest}"));
        if name.contains("attn.qkv") {
            for (part, values) in ["query", "key", "value"].iter().zip(tensor.chunk(3, 0)) {
                theirs.insert(
                    name.replace("attn.qkv", &format!("attention.attention.{part}")),
                    values,
                );
            }
        } else {
            theirs.insert(name, tensor);
        }
    }
    let form = &DINOV2_TRANSFORMERS;
    let renamed = |(name, tensor): (String, Tensor)| ((form.rename)(&name), tensor);
    let found = (form.adapt)(theirs.into_iter().map(renamed).collect()).unwrap();
    let official = (form.config)(&found, &Arguments::default()).unwrap();
    assert_eq!(serde_json::to_value(&official.backbone).unwrap()["depth"], config.depth);
    assert_eq!(found.len(), tensors.len());
    for (name, tensor) in tensors {
        assert_eq!(found[&format!("{BACKBONE}{name}")], tensor, "{name}");
    }
}
