//! Losses, gradients and one optimizer step against `train-seedN.safetensors` and its JSON.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tch::{Kind, Tensor, no_grad};

use crate::geometry::Point;
use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::model::config::ModelConfig;
use crate::model::features::Role;
use crate::model::matcher::lpmflow::config::LpmFlowConfig;
use crate::model::part::Chosen;
use crate::nn::parameters::{Group, Parameter};
use crate::nn::runtime::recompute::Recompute;
use crate::train::objective::contrastive::contrastive_loss;
use crate::train::objective::flow::{end_point_error, known_cells};
use crate::train::optim::adamw::{AdamW, AdamWConfig};
use crate::train::optim::optimizer::Optimizer;
use crate::train::samples::target::FlowGrid;

/// The contrastive loss's weight in the reference numbers.
const WEIGHT: f64 = 0.2;

/// What the two position embeddings that share storage in the reference hold: (name, whose values).
const SHARED: [(&str, &str); 2] = [
    ("encoder.pos_embed_trg", "encoder.pos_embed_src"),
    ("encoder.cls_pos_embed_src", "encoder.cls_pos_embed_trg"),
];

#[test]
fn losses_gradients_and_an_optimizer_step_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("train") {
            check(seed, &file);
        }
    });
}

/// The paper's network without dropout. Each position embedding is a variable of its own, so that
/// each has its own gradient; [`SHARED`] gives them the values that the reference's had.
fn config() -> ModelConfig {
    let mut config = ModelConfig::base();
    config.matcher = Chosen::of(Arc::new(LpmFlowConfig {
        dropout: 0.0,
        feature_dropout: 0.0,
        shared_position_embeddings: false,
        ..LpmFlowConfig::base()
    }));
    config
}

fn check(seed: u64, file: &Path) {
    let golden = golden::tensors(file);
    let json: Value =
        serde_json::from_slice(&std::fs::read(file.with_extension("json")).unwrap()).unwrap();
    let (model, variables) = formula::model_with_variables(&config(), seed);
    let by_name: BTreeMap<&str, &Parameter> =
        variables.iter().map(|variable| (variable.name.as_str(), variable)).collect();
    for (name, origin) in SHARED {
        by_name[name].tensor.shallow_clone().copy_(&by_name[origin].tensor);
    }
    let trained: Vec<&Parameter> = variables.iter().collect();
    let mut optimizer = AdamW::new(&trained, AdamWConfig::default());

    let grid = FlowGrid { frame: 512, cells: 128, reach: 17.0 / 512.0 };
    let flow = grid.target(&keypoints("kps.source", seed), &keypoints("kps.target", seed));
    let target = Tensor::from_slice(&[flow.dx, flow.dy].concat()).view([1, 2, 128, 128]);
    let difference = golden::distance("flow_gt", &target.squeeze_dim(0), &golden["flow_gt"]);
    assert!(difference.maximum <= 1e-4, "seed {seed}: target flow {difference:?}");

    let [source, other] =
        ["source", "target"].map(|name| model.features(&formula::image(name, seed), Role::Source));
    let ranks: Vec<i64> = (0..16).map(|index| 4 * index).collect();
    let ranks = Tensor::from_slice2(&[ranks]);
    let output = model.matcher().forward_train(&source, &other, Some(&ranks), &Recompute::plain());
    let masked = output.masked.unwrap();
    assert_eq!(
        serde_json::json!(Vec::<i64>::try_from(masked.indices.squeeze_dim(0)).unwrap()),
        json["masked_token_indices"]
    );
    let known = known_cells(&target);
    let error = end_point_error(&output.flow, &target, &known) / known.sum(Kind::Float);
    let contrastive = contrastive_loss(&masked.tokens, &masked.indices);
    let contrastive = contrastive / masked.indices.numel() as f64;
    let total = &error + &contrastive * WEIGHT;
    let mut failures = Vec::new();
    for (name, loss) in [("epe", &error), ("contrastive", &contrastive), ("total", &total)] {
        let (found, wanted) = (loss.double_value(&[]), json["losses"][name].as_f64().unwrap());
        println!("seed {seed} {name}: {found}, reference {wanted}");
        if (found / wanted - 1.0).abs() > 1e-4 {
            failures.push(format!("loss {name}: {found}, not {wanted}"));
        }
    }

    optimizer.zero_gradients();
    total.backward();
    failures.extend(compare_gradients(&by_name, &json["gradient_norm"], &golden));
    optimizer.step(&learning_rate).unwrap();
    failures.extend(compare_step(&by_name, &golden));
    assert!(failures.is_empty(), "seed {seed}: outside the tolerance: {failures:#?}");
}

fn learning_rate(group: Group) -> f64 {
    if group == Group::BACKBONE { 3e-6 } else { 4e-5 }
}

fn keypoints(name: &str, seed: u64) -> Vec<Point> {
    let values = formula::values(name, 14, seed);
    let position = |value: f32| f64::from((value * 0.5 + 0.5) * 511.0);
    (0..7).map(|i| Point::new(position(values[i]), position(values[7 + i]))).collect()
}

/// The values at the flat positions that the reference keeps: 0, k, 2k, ... with k = max(1, n / 16).
fn sample(tensor: &Tensor, count: usize) -> Vec<f64> {
    let flat = tensor.detach().flatten(0, -1);
    let step = (flat.numel() / 16).max(1);
    (0..count).map(|index| flat.double_value(&[(index * step) as i64])).collect()
}

fn compare_gradients(
    variables: &BTreeMap<&str, &Parameter>,
    norms: &Value,
    golden: &BTreeMap<String, Tensor>,
) -> Vec<String> {
    let mut failures = Vec::new();
    let (mut norms_compared, mut worst_norm, mut worst_value) = (0, 0.0_f64, 0.0_f64);
    for (name, wanted) in norms.as_object().unwrap() {
        let gradient = variables.get(name.as_str()).map(|variable| variable.tensor.grad());
        let gradient = gradient.filter(Tensor::defined);
        let Some(wanted) = wanted.as_f64() else {
            if gradient.is_some() {
                failures.push(format!("{name} has a gradient, the reference's has none"));
            }
            continue;
        };
        let Some(gradient) = gradient else {
            failures.push(format!("{name} has no gradient"));
            continue;
        };
        let norm = gradient.norm().double_value(&[]);
        let off = (norm / wanted - 1.0).abs();
        worst_norm = worst_norm.max(off);
        norms_compared += 1;
        if off > 2e-3 {
            failures.push(format!("gradient norm of {name}: {norm}, not {wanted}"));
        }
        let typical = norm / (gradient.numel() as f64).sqrt();
        let reference = &golden[&format!("grad.{name}")];
        let found = sample(&gradient, reference.numel());
        for (found, wanted) in found.into_iter().zip(values(reference)) {
            let off = (found - wanted).abs() / wanted.abs().max(typical);
            worst_value = worst_value.max(off);
            if off > 2e-3 {
                failures.push(format!("gradient of {name}: {found}, not {wanted}"));
            }
        }
    }
    println!(
        "{norms_compared} gradients: norms off by {worst_norm:.1e}, values by {worst_value:.1e}"
    );
    assert_eq!(norms_compared, 386);
    failures
}

fn values(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.flatten(0, -1);
    (0..flat.numel()).map(|index| flat.double_value(&[index as i64])).collect()
}

/// Gradients this far below their tensor's typical one are rounding errors: those of the biases of
/// attention keys are zero in exact arithmetic, as softmax does not see a shift of all its inputs.
const ROUNDING: f64 = 1e-4;

fn compare_step(
    variables: &BTreeMap<&str, &Parameter>,
    golden: &BTreeMap<String, Tensor>,
) -> Vec<String> {
    let mut failures = Vec::new();
    let (mut compared, mut rounding, mut flipped) = (0, 0, 0);
    for (name, reference) in golden {
        let Some(name) = name.strip_prefix("step.") else { continue };
        // The reference applied two tensors' updates to one storage here.
        if name.starts_with("encoder.pos_embed_") || name.starts_with("encoder.cls_pos_embed_") {
            continue;
        }
        let Some(variable) = variables.get(name) else {
            failures.push(format!("no variable {name}"));
            continue;
        };
        let gradient = variable.tensor.grad();
        let typical = gradient.norm().double_value(&[]) / (gradient.numel() as f64).sqrt();
        let found = no_grad(|| sample(&variable.tensor, reference.numel()));
        let gradients = values(&golden[&format!("grad.{name}")]);
        for ((found, wanted), gradient) in found.into_iter().zip(values(reference)).zip(gradients) {
            compared += 1;
            let off = (found - wanted).abs();
            if off <= 1e-6 + 1e-5 * wanted.abs() {
                continue;
            }
            // The first step goes by the gradient's sign alone, whatever its size.
            if gradient.abs() < ROUNDING * typical {
                rounding += 1
            } else {
                flipped += 1
            }
            if off > 2.0 * learning_rate(variable.group) + 1e-6 {
                failures.push(format!("step of {name}: {found}, not {wanted}"));
            }
        }
    }
    println!(
        "step: {compared} values; signs flipped: {rounding} of rounding errors, {flipped} others"
    );
    assert!(compared > 5000, "{compared}");
    if flipped * 100 > compared || rounding * 50 > compared {
        failures
            .push(format!("{flipped} + {rounding} of {compared} values after the step are off"));
    }
    failures
}
