//! The losses against their authors' code (`tests/golden/keypoint_losses.json`).

use serde_json::Value;

use super::*;
use crate::nn::unit_length::unit_length;

const SIDE: i64 = 9;
const DIM: i64 = 6;
const FRAME: f64 = 90.0;

/// Pixels of four matches, counted from the middle of the first one.
const SOURCE: [[f64; 2]; 4] = [[12.3, 40.1], [70.2, 5.5], [88.9, 88.2], [1.0, 44.0]];
const TARGET: [[f64; 2]; 4] = [[30.5, 41.0], [66.0, 20.5], [85.0, 80.0], [3.0, 2.0]];

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../../tests/golden/keypoint_losses.json")).unwrap()
}

/// Features `[G * G, D]` by a formula: -1 to 1.
fn features(salt: u64) -> Tensor {
    let value = |index: u64| (index * 2_654_435_761 + salt * 40_503) % (1 << 32);
    let values: Vec<f32> = (0..(DIM * SIDE * SIDE) as u64)
        .map(|index| (value(index) as f64 / (1_u64 << 32) as f64) as f32 * 2.0 - 1.0)
        .collect();
    Tensor::from_slice(&values).view([DIM, SIDE * SIDE]).transpose(0, 1)
}

fn tensor(points: [[f64; 2]; 4]) -> Tensor {
    Tensor::from_slice2(&points).to_kind(Kind::Float)
}

fn near(found: &Tensor, wanted: &Value) {
    let (found, wanted) = (found.double_value(&[]), wanted.as_f64().unwrap());
    assert!((found - wanted).abs() < 1e-5 * wanted, "{found} is not {wanted}");
}

#[test]
fn the_gaussian_cross_entropy_is_its_authors() {
    let positions = tensor(SOURCE) * (SIDE as f64 / FRAME);
    let from = interpolated(&features(1), SIDE, &positions);
    let similarities = from.matmul(&features(2).transpose(0, 1));
    let truth = tensor(TARGET) * ((SIDE - 1) as f64 / (FRAME - 1.0));
    for case in golden()["gaussian"].as_array().unwrap() {
        let [temperature, sigma] = ["temperature", "sigma"].map(|key| case[key].as_f64().unwrap());
        let logits = &similarities / temperature;
        near(&gaussian_cross_entropy(&logits, SIDE, &truth, sigma), &case["sum"]);
    }
}

#[test]
fn the_contrast_is_its_authors() {
    let described = |salt, points| {
        let patches = losses::patches(&(tensor(points) / FRAME), SIDE);
        unit_length(&features(salt)).index_select(0, &patches)
    };
    for case in golden()["contrast"].as_array().unwrap() {
        let temperature = case["temperature"].as_f64().unwrap();
        near(&contrast(&described(1, SOURCE), &described(2, TARGET), temperature), &case["mean"]);
    }
}

#[test]
fn the_gaussian_narrows_as_its_authors_let_it() {
    let settings = KeypointSettings::default();
    for (step, sigma) in golden()["sigma"].as_object().unwrap() {
        let found = settings.sigma(step.parse::<u64>().unwrap() - 1);
        assert!((found - sigma.as_f64().unwrap()).abs() < 1e-12, "step {step}: {found}");
    }
}

#[test]
fn the_distance_is_that_of_the_patchs_step_in_cells() {
    // Every patch moves by one cell to the right; the second point should move by two, the first as it does.
    let flow = Tensor::zeros([2, SIDE, SIDE], (Kind::Float, Device::Cpu));
    let _ = flow.get(0).fill_(1.0);
    let from = Tensor::from_slice2(&[[0.31, 0.5], [0.99, 0.01]]).to_kind(Kind::Float);
    let steps = Tensor::from_slice2(&[[1.0 / 9.0, 0.0], [2.0 / 9.0, 0.0]]).to_kind(Kind::Float);
    let to = &from + steps;
    assert!((distance(&flow, &[from, to]).double_value(&[]) - 0.5).abs() < 1e-6);
}

#[test]
fn no_loss_at_all_is_no_objective() {
    let settings =
        KeypointSettings { contrast_weight: 0.0, distance_weight: 0.0, ..Default::default() };
    assert!(settings.rules().into_iter().any(|(holds, _)| !holds));
    assert!(KeypointSettings::default().rules().into_iter().all(|(holds, _)| holds));
}
