//! The optimizer on a parameter or two.

use tch::Device;

use super::*;
use crate::nn::parameters::{Init, VarBuilder};

fn adamw(parameters: &[Parameter]) -> AdamW {
    AdamW::new(&parameters.iter().collect::<Vec<_>>(), AdamWConfig::default())
}

fn one_variable() -> (Tensor, AdamW) {
    let path = VarBuilder::fresh(Device::Cpu);
    let tensor = path.parameter("x", &[2], Init::Constant(1.0));
    let optimizer = adamw(&path.finish().0);
    (tensor, optimizer)
}

fn train(tensor: &Tensor, optimizer: &mut AdamW, steps: i64) {
    for _ in 0..steps {
        optimizer.zero_gradients();
        (tensor * Tensor::from_slice(&[1.0_f32, 3.0])).square().sum(Kind::Float).backward();
        optimizer.step(&|_| 0.1).unwrap();
    }
}

#[test]
fn a_restored_optimizer_goes_on_where_the_saved_one_stood() {
    let (straight, mut optimizer) = one_variable();
    train(&straight, &mut optimizer, 5);

    let (tensor, mut optimizer) = one_variable();
    train(&tensor, &mut optimizer, 3);
    let saved = optimizer.state().into_iter().map(|(name, t)| (name, t.copy())).collect();
    let (resumed, mut optimizer) = one_variable();
    no_grad(|| resumed.shallow_clone().copy_(&tensor));
    optimizer.restore(saved).unwrap();
    train(&resumed, &mut optimizer, 2);
    assert_eq!(Vec::<f32>::try_from(&resumed).unwrap(), Vec::<f32>::try_from(&straight).unwrap());
}

#[test]
fn a_state_of_another_model_is_refused() {
    let (_, mut optimizer) = one_variable();
    let other = Tensor::zeros([3], (Kind::Float, Device::Cpu));
    let state = |name: &str| -> Tensors {
        let moments = ["first_moment", "second_moment"];
        let moments = moments.map(|kind| (format!("{kind}.{name}"), other.shallow_clone()));
        let steps = (format!("steps.{name}"), Tensor::from_slice(&[1_f32]));
        moments.into_iter().chain([steps]).collect()
    };
    let error = optimizer.restore(state("x")).unwrap_err().to_string();
    assert!(error.contains("`first_moment.x` is Float [3], not Float [2]"), "{error}");
    let error = optimizer.restore(state("y")).unwrap_err().to_string();
    assert!(error.contains("`first_moment.y`, which this run does not train"), "{error}");
}

#[test]
fn gradients_that_libtorch_lets_share_memory_are_separated() {
    let path = VarBuilder::fresh(Device::Cpu);
    let parameter = |name, tokens| path.parameter(name, &[1, tokens, 2], Init::Constant(1.0));
    let (whole, first, rest) = (parameter("whole", 3), parameter("first", 1), parameter("rest", 2));
    let mut optimizer = adamw(&path.finish().0);
    let backward = || {
        let sum = (&whole + 1.0) + Tensor::cat(&[&first, &rest], 1);
        (sum * Tensor::from_slice(&[1.0f32, 2.0])).sum(Kind::Float).backward();
    };
    for passes in 1..4 {
        backward();
        optimizer.separate_gradients();
        for tensor in [&whole, &first, &rest] {
            let wanted = tensor.ones_like() * Tensor::from_slice(&[1.0f32, 2.0]) * passes;
            assert_eq!(tensor.grad(), wanted, "after {passes} passes");
        }
    }
    optimizer.clip_gradients(2.0, 1.0);
    let halved = f64::try_from(whole.grad().select(1, 2).select(1, 0)).unwrap();
    assert!((halved - 1.5).abs() < 1e-4, "{halved}");
}

#[test]
fn a_frozen_group_asks_for_no_gradient_and_stays() {
    let path = VarBuilder::fresh(Device::Cpu);
    let frozen = path.in_group(Group::BACKBONE).parameter("b", &[1], Init::Constant(1.0));
    let trained = path.parameter("x", &[1], Init::Constant(1.0));
    let parameters = path.finish().0;
    let heads: Vec<&Parameter> = parameters.iter().filter(|v| v.group == Group::HEAD).collect();
    let mut optimizer = AdamW::new(&heads, AdamWConfig::default());
    (&frozen * &trained).backward();
    optimizer.step(&|_| 0.1).unwrap();
    assert!(!frozen.requires_grad());
    assert_eq!(frozen.double_value(&[0]), 1.0);
    assert!(trained.double_value(&[0]) < 1.0);
}
