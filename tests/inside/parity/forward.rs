//! Every stage of the forward pass against `forward-seedN.safetensors`.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::model::config::ModelConfig;
use crate::model::features::Role;
use crate::model::matcher::lpmflow::LpmFlow;

#[test]
fn every_stage_of_the_forward_pass_equals_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("forward") {
            check(seed, &golden::tensors(&file));
        }
    });
}

fn check(seed: u64, wanted: &BTreeMap<String, Tensor>) {
    let model = formula::model(&ModelConfig::base(), seed);
    let reference = &wanted["weight_probe.qkv"];
    let probe = formula::values("encoder.blocks.3.attn.qkv.weight", 64, seed);
    let scaled = Tensor::from_slice(&probe) * Tensor::from((3.0f64 / 768.0).sqrt() as f32);
    assert_eq!(golden::distance("weights", &scaled, reference).maximum, 0.0);
    let images = ["source", "target"].map(|name| formula::image(name, seed));
    let probe = images[0].flatten(0, -1).narrow(0, 0, 64);
    assert_eq!(golden::distance("image", &probe, &wanted["image_probe.source"]).maximum, 0.0);

    let mut observed = BTreeMap::new();
    let flow = tch::no_grad(|| {
        let features =
            model.features(&Tensor::cat(&images, 0), Role::Source).last().tokens.shallow_clone(); // both photos in one batch
        let [source, target] = [0, 1].map(|photo| features.narrow(0, photo, 1));
        observed.insert("backbone.0".to_owned(), source.shallow_clone());
        observed.insert("backbone.1".to_owned(), target.shallow_clone());
        let matcher: &LpmFlow = model.matcher().as_any().downcast_ref().unwrap();
        matcher.forward_observed(&source, &target, &mut |name, stage| {
            observed.insert(name.to_owned(), stage.shallow_clone());
        })
    });
    observed.insert("flow".to_owned(), flow);

    let mut failures = Vec::new();
    for (name, reference) in wanted.iter().filter(|(name, _)| !name.contains("probe")) {
        let stage = observed.get(name).unwrap_or_else(|| panic!("stage {name} was not observed"));
        let distance = golden::distance(name, &thin(name, &stage.squeeze_dim(0)), reference);
        println!("seed {seed} {name:18} {distance:?}");
        let within = match name.as_str() {
            "flow" => distance.maximum <= 5e-2 && distance.mean <= 2e-3,
            "flow_residual.0" => distance.maximum <= 5e-2,
            name if name.starts_with("flow_") => distance.maximum <= 2e-3,
            name if name.ends_with(".corr") => distance.maximum <= 2e-5,
            _ => distance.relative <= 1e-4,
        };
        if !within {
            failures.push(format!("{name}: {distance:?}"));
        }
    }
    assert!(failures.is_empty(), "seed {seed}: outside the tolerance: {failures:#?}");
}

/// The sample that the reference keeps of a big tensor.
fn thin(name: &str, stage: &Tensor) -> Tensor {
    let step = |xs: &Tensor, dimension: i64, step: i64| xs.slice(dimension, None, None, step);
    match name {
        "flow" | "flow_11" | "flow_12" | "flow_21" | "flow_22" | "flow_residual.0" => {
            stage.shallow_clone()
        }
        "query_proj.0" => step(&step(&step(stage, 0, 8), 1, 4), 2, 4),
        name if name.starts_with("refine_") => step(&step(&step(stage, 0, 8), 1, 16), 2, 16),
        name if name.ends_with(".corr") => step(&step(stage, 0, 16), 1, 16),
        _ => step(&step(stage, 0, 8), 1, 8),
    }
}
