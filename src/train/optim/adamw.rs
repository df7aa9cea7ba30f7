//! AdamW over a model's variables, with a state that can be saved and restored exactly (libtorch's
//! own cannot be, through tch).
//!
//! Loshchilov and Hutter, "Decoupled Weight Decay Regularization"; the order of operations is
//! PyTorch's.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, no_grad};

use crate::nn::parameters::{Group, Parameter};

/// What the gradient norm is enlarged by before it divides, as PyTorch does.
const CLIP_EPSILON: f64 = 1e-6;

/// AdamW's constants; the learning rates come from the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamWConfig {
    /// How fast the mean gradient is forgotten.
    pub beta1: f64,
    /// How fast the mean squared gradient is forgotten.
    pub beta2: f64,
    /// Added to the root of the mean squared gradient.
    pub epsilon: f64,
    /// Part of itself, times the learning rate, that every value loses in a step.
    pub weight_decay: f64,
}

impl Default for AdamWConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.05 }
    }
}

/// The optimizer: the variables it trains and their moments.
#[derive(Debug)]
pub struct AdamW {
    config: AdamWConfig,
    slots: Vec<Slot>,
}

/// One trained variable. Its moments come into being with its first gradient.
#[derive(Debug)]
struct Slot {
    name: String,
    group: Group,
    parameter: Tensor,
    moments: Option<Moments>,
}

#[derive(Debug)]
struct Moments {
    /// Running mean of the gradient.
    first: Tensor,
    /// Running mean of the squared gradient.
    second: Tensor,
    steps: u32,
}

impl AdamW {
    /// Trains those of `variables` that `trained` accepts, and makes them ask for gradients.
    pub fn new(
        variables: &[Parameter],
        config: AdamWConfig,
        trained: impl Fn(&Parameter) -> bool,
    ) -> Self {
        let slot = |variable: &Parameter| Slot {
            name: variable.name.clone(),
            group: variable.group,
            parameter: variable.tensor.set_requires_grad(true),
            moments: None,
        };
        let slots = variables.iter().filter(|variable| trained(variable)).map(slot).collect();
        Self { config, slots }
    }

    /// Forgets all gradients.
    pub fn zero_gradients(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.parameter.zero_grad());
    }

    /// Gives every gradient memory of its own; to be called after every backward pass.
    ///
    /// libtorch hands the gradient of `a + b` on to both as it is, and keeps parts of it for what either was
    /// put together from. What is then added to one gradient, or scaled in it, would change the others too.
    pub fn separate_gradients(&mut self) {
        let mut gradients: Vec<_> = self
            .gradients()
            .map(|gradient| {
                let start = gradient.data_ptr() as usize;
                (start, start + extent(&gradient), gradient)
            })
            .collect();
        gradients.sort_by_key(|(start, ..)| *start);
        let mut taken = 0;
        for (start, end, mut gradient) in gradients {
            if start < taken {
                let own = gradient.detach().copy();
                gradient.set_data(&own);
            } else {
                taken = end;
            }
        }
    }

    /// The Euclidean norm of all gradients together: one value on the device; 0 without gradients.
    pub fn gradient_norm(&self) -> Tensor {
        no_grad(|| {
            let norms: Vec<Tensor> = self.gradients().map(|gradient| gradient.norm()).collect();
            if norms.is_empty() { Tensor::from(0.0) } else { Tensor::stack(&norms, 0).norm() }
        })
    }

    /// Scales all gradients by `limit / norm` where `norm` exceeds `limit`.
    pub fn clip_gradients(&mut self, norm: f64, limit: f64) {
        let factor = limit / (norm + CLIP_EPSILON);
        if factor < 1.0 {
            no_grad(|| {
                for mut gradient in self.gradients() {
                    let _ = gradient.g_mul_scalar_(factor);
                }
            });
        }
    }

    fn gradients(&self) -> impl Iterator<Item = Tensor> {
        self.slots.iter().map(|slot| slot.parameter.grad()).filter(Tensor::defined)
    }

    /// One update of every variable that has a gradient, at the learning rate of its group.
    pub fn step(&mut self, learning_rate: impl Fn(Group) -> f64) {
        let config = self.config;
        no_grad(|| {
            for slot in &mut self.slots {
                slot.step(&config, learning_rate(slot.group));
            }
        });
    }

    /// The moments as named float32 tensors: `first_moment.NAME`, `second_moment.NAME` and the one
    /// value `steps.NAME` (exact up to 16 million).
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = Vec::new();
        for slot in &self.slots {
            if let Some(moments) = &slot.moments {
                let name = &slot.name;
                state.push((format!("first_moment.{name}"), moments.first.shallow_clone()));
                state.push((format!("second_moment.{name}"), moments.second.shallow_clone()));
                state.push((format!("steps.{name}"), Tensor::from_slice(&[moments.steps as f32])));
            }
        }
        state
    }

    /// Takes back what [`AdamW::state`] gave.
    ///
    /// # Errors
    /// When a tensor is missing, of another shape, or of a variable that is not trained.
    pub fn restore(&mut self, mut state: BTreeMap<String, Tensor>) -> Result<()> {
        for slot in &mut self.slots {
            slot.moments = slot.take_moments(&mut state)?;
        }
        if let Some((name, _)) = state.first_key_value() {
            anyhow::bail!("the optimizer state holds `{name}`, which this run does not train");
        }
        Ok(())
    }
}

impl Slot {
    fn step(&mut self, config: &AdamWConfig, rate: f64) {
        let gradient = self.parameter.grad();
        if !gradient.defined() {
            return;
        }
        let moments = self.moments.get_or_insert_with(|| Moments {
            first: gradient.zeros_like(),
            second: gradient.zeros_like(),
            steps: 0,
        });
        moments.steps += 1;
        let _ = moments.first.lerp_(&gradient, 1.0 - config.beta1);
        let _ = moments.second.g_mul_scalar_(config.beta2);
        let _ = moments.second.g_add_(&(gradient.square() * (1.0 - config.beta2)));

        let correction = |beta: f64| 1.0 - beta.powf(f64::from(moments.steps));
        let _ = self.parameter.g_mul_scalar_(1.0 - rate * config.weight_decay);
        let mut root = moments.second.sqrt() / correction(config.beta2).sqrt();
        let _ = root.g_add_scalar_(config.epsilon);
        let mut update = &moments.first / root;
        let _ = update.g_mul_scalar_(-rate / correction(config.beta1));
        let _ = self.parameter.g_add_(&update);
    }

    fn take_moments(&self, state: &mut BTreeMap<String, Tensor>) -> Result<Option<Moments>> {
        let name = &self.name;
        let Some(steps) = state.remove(&format!("steps.{name}")) else {
            return Ok(None);
        };
        let mut moment = |kind: &str| {
            let full_name = format!("{kind}.{name}");
            let moment = state
                .remove(&full_name)
                .with_context(|| format!("the optimizer state lacks `{full_name}`"))?;
            let (found, wanted) = (moment.size(), self.parameter.size());
            ensure!(
                found == wanted && moment.kind() == Kind::Float,
                "the optimizer state's `{full_name}` is {:?} {found:?}, not Float {wanted:?}",
                moment.kind()
            );
            // A copy: moments change in place, and these may lie on a file's pages.
            Ok(moment.to_device(self.parameter.device()).copy())
        };
        let (first, second) = (moment("first_moment")?, moment("second_moment")?);
        ensure!(
            steps.size() == [1],
            "the optimizer state's `steps.{name}` holds {:?} values, not one",
            steps.size()
        );
        Ok(Some(Moments { first, second, steps: steps.double_value(&[0]) as u32 }))
    }
}

/// Bytes from a tensor's first value to behind its last.
fn extent(tensor: &Tensor) -> usize {
    let sides = tensor.size();
    let last: i64 =
        sides.iter().zip(tensor.stride()).map(|(side, stride)| (side - 1) * stride).sum();
    (last + 1) as usize * tensor.kind().elt_size_in_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::parameters::{Init, VarBuilder};
    use tch::Device;

    fn one_variable() -> (Tensor, AdamW) {
        let path = VarBuilder::fresh(Device::Cpu);
        let tensor = path.parameter("x", &[2], Init::Constant(1.0));
        let optimizer = AdamW::new(&path.finish().0, AdamWConfig::default(), |_| true);
        (tensor, optimizer)
    }

    fn train(tensor: &Tensor, optimizer: &mut AdamW, steps: i64) {
        for _ in 0..steps {
            optimizer.zero_gradients();
            (tensor * Tensor::from_slice(&[1.0_f32, 3.0])).square().sum(Kind::Float).backward();
            optimizer.step(|_| 0.1);
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
        assert_eq!(
            Vec::<f32>::try_from(&resumed).unwrap(),
            Vec::<f32>::try_from(&straight).unwrap()
        );
    }

    #[test]
    fn a_state_of_another_model_is_refused() {
        let (_, mut optimizer) = one_variable();
        let other = Tensor::zeros([3], (Kind::Float, Device::Cpu));
        let state = |name: &str| -> BTreeMap<String, Tensor> {
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
        let variable = |name, tokens| path.parameter(name, &[1, tokens, 2], Init::Constant(1.0));
        let (whole, first, rest) =
            (variable("whole", 3), variable("first", 1), variable("rest", 2));
        let mut optimizer = AdamW::new(&path.finish().0, AdamWConfig::default(), |_| true);
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
        let mut optimizer = AdamW::new(&path.finish().0, AdamWConfig::default(), |variable| {
            variable.group == Group::HEAD
        });
        (&frozen * &trained).backward();
        optimizer.step(|_| 0.1);
        assert!(!frozen.requires_grad());
        assert_eq!(frozen.double_value(&[0]), 1.0);
        assert!(trained.double_value(&[0]) < 1.0);
    }
}
