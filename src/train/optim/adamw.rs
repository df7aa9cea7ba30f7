//! AdamW over a model's parameters, with a state that can be saved and restored exactly (libtorch's
//! own cannot be, through tch).
//!
//! Loshchilov and Hutter, "Decoupled Weight Decay Regularization"; the sums are libtorch's fused kernels', so the
//! order of operations is PyTorch's.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, no_grad};

use crate::model::part::Tagged;
use crate::nn::native::adamw::{Constants, Updated};
use crate::nn::parameters::{Group, Parameter};
use crate::train::folder::checkpoint::Tensors;
use crate::train::optim::optimizer::{Optimizer, OptimizerConfig};
use crate::train::rules::{Rule, decay, not_negative, positive};

/// AdamW's constants; the learning rates come from the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AdamWConfig {
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

impl Tagged for AdamWConfig {
    const KIND: &'static str = "adamw";
}

impl OptimizerConfig for AdamWConfig {
    fn rules(&self) -> Vec<Rule> {
        vec![
            (decay(self.beta1), "optimizer.beta1 must lie in 0 to 1, without 1"),
            (decay(self.beta2), "optimizer.beta2 must lie in 0 to 1, without 1"),
            (positive(self.epsilon), "optimizer.epsilon must be above 0 and finite"),
            (
                not_negative(self.weight_decay),
                "optimizer.weight_decay must not be negative or infinite",
            ),
        ]
    }

    fn build(&self, trained: &[&Parameter]) -> Box<dyn Optimizer> {
        Box::new(AdamW::new(trained, *self))
    }
}

/// The optimizer: the parameters it trains and their moments.
#[derive(Debug)]
pub(crate) struct AdamW {
    config: AdamWConfig,
    slots: Vec<Slot>,
}

/// One trained parameter. Its moments come into being with its first gradient.
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
    /// Trains these parameters, and makes them ask for gradients.
    pub(crate) fn new(trained: &[&Parameter], config: AdamWConfig) -> Self {
        let slot = |parameter: &&Parameter| Slot {
            name: parameter.name.clone(),
            group: parameter.group,
            parameter: parameter.tensor.set_requires_grad(true),
            moments: None,
        };
        Self { config, slots: trained.iter().map(slot).collect() }
    }
}

impl Optimizer for AdamW {
    fn parameters(&self) -> Vec<Tensor> {
        self.slots.iter().map(|slot| slot.parameter.shallow_clone()).collect()
    }

    fn changing(&self) -> Vec<Tensor> {
        let moments = self.slots.iter().filter_map(|slot| slot.moments.as_ref());
        let moments = moments.flat_map(|moments| [&moments.first, &moments.second]);
        self.parameters().into_iter().chain(moments.map(Tensor::shallow_clone)).collect()
    }

    fn step(&mut self, learning_rate: &dyn Fn(Group) -> f64) -> Result<()> {
        // What was frozen for a while, or got no gradient, has been updated less often.
        let mut updates: BTreeMap<(Group, u32), Updated> = BTreeMap::new();
        no_grad(|| {
            for slot in &mut self.slots {
                let gradient = slot.parameter.grad();
                if gradient.defined() {
                    let moments = slot.moments.get_or_insert_with(|| Moments::new(&slot.parameter));
                    moments.steps += 1;
                    let updated = updates.entry((slot.group, moments.steps)).or_default();
                    updated.push(&slot.parameter, &gradient, [&moments.first, &moments.second]);
                }
            }
            let AdamWConfig { beta1, beta2, epsilon, weight_decay } = self.config;
            updates.iter().try_for_each(|((group, steps), updated)| {
                let rate = learning_rate(*group);
                updated.update(*steps, Constants { rate, beta1, beta2, weight_decay, epsilon })
            })
        })
    }

    /// The moments: `first_moment.NAME`, `second_moment.NAME` and the one value `steps.NAME` (exact up to 16
    /// million).
    fn state(&self) -> Tensors {
        let mut state = Tensors::new();
        for slot in &self.slots {
            if let Some(moments) = &slot.moments {
                let name = &slot.name;
                state.insert(format!("first_moment.{name}"), moments.first.shallow_clone());
                state.insert(format!("second_moment.{name}"), moments.second.shallow_clone());
                state.insert(format!("steps.{name}"), Tensor::from_slice(&[moments.steps as f32]));
            }
        }
        state
    }

    fn restore(&mut self, mut state: Tensors) -> Result<()> {
        for slot in &mut self.slots {
            slot.moments = slot.take_moments(&mut state)?;
        }
        if let Some((name, _)) = state.first_key_value() {
            anyhow::bail!("the optimizer state holds `{name}`, which this run does not train");
        }
        Ok(())
    }
}

impl Moments {
    /// Those of a parameter that never had a gradient.
    fn new(parameter: &Tensor) -> Self {
        Self { first: parameter.zeros_like(), second: parameter.zeros_like(), steps: 0 }
    }
}

impl Slot {
    fn take_moments(&self, state: &mut Tensors) -> Result<Option<Moments>> {
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

#[cfg(test)]
mod tests;
