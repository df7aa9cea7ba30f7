//! ACTR's blocks and refiners against its authors' code, on tokens and weights by the formula:
//! `actr_blocks-seedN.safetensors`.

use std::collections::BTreeMap;
use std::sync::Arc;

use tch::Tensor;

use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::model::matcher::actr::Actr;
use crate::model::matcher::actr::config::ActrConfig;
use crate::model::part::Chosen;
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

#[test]
fn correlations_and_flow_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        let matcher = ActrConfig { depth: 2, ..ActrConfig::default() };
        let config = ModelConfig { matcher: Chosen::of(Arc::new(matcher)), ..ModelConfig::actr() };
        for (seed, file) in golden::seeds("actr_blocks") {
            check(&config, seed, &golden::tensors(&file));
        }
    });
}

fn check(config: &ModelConfig, seed: u64, wanted: &BTreeMap<String, Tensor>) {
    let weights = formula::all_published_weights(config, seed);
    let model = Model::new(&VarBuilder::stored(weights, tch::Device::Cpu), config).unwrap();
    let matcher: &Actr = model.matcher().as_any().downcast_ref().unwrap();
    let tokens = ["source", "target"].map(|photo| {
        let values = formula::values(&format!("tokens.{photo}"), 257 * 768, seed);
        Tensor::from_slice(&values).view([1, 257, 768])
    });
    let mut observed = BTreeMap::new();
    let flow = tch::no_grad(|| {
        matcher.flow(tokens.each_ref(), false, &Recompute::plain(), &mut |name, stage| {
            let thinned = stage.get(0).slice(0, None, None, 8).slice(1, None, None, 8);
            observed.insert(name.to_owned(), thinned);
        })
    });
    observed.insert("flow".to_owned(), flow.get(0));
    assert!(observed.keys().eq(wanted.keys()));
    for (name, reference) in wanted {
        let distance = golden::distance(name, &observed[name], reference);
        println!("seed {seed} {name:8} {distance:?}");
        let within = match name.as_str() {
            "flow" => distance.maximum <= 1e-3 && distance.mean <= 1e-4,
            _ => distance.maximum <= 2e-5,
        };
        assert!(within, "seed {seed} {name}: {distance:?}");
    }
}
