//! A moving average of the weights: it often generalises better than any single step's weights.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use tch::{Tensor, no_grad};

use crate::nn::parameters::Parameter;
use crate::train::folder::checkpoint::Tensors;

/// How the averages' names begin among a checkpoint's tensors.
const PREFIX: &str = "average.";

/// The average of every parameter.
#[derive(Debug)]
pub(crate) struct Ema {
    decay: f64,
    slots: BTreeMap<String, Slot>,
}

/// One parameter.
#[derive(Debug)]
struct Slot {
    live: Tensor,
    average: Tensor,
    /// Buffers are no weights: their average is a plain copy.
    buffer: bool,
}

impl Ema {
    /// Starts at the parameters' present values; `decay` of an average is kept per step.
    pub(crate) fn new(parameters: &[Parameter], decay: f64) -> Self {
        let slot = |parameter: &Parameter| {
            let live = parameter.tensor.shallow_clone();
            let average = parameter.tensor.detach().copy();
            (parameter.name.clone(), Slot { live, average, buffer: parameter.buffer })
        };
        Self { decay, slots: parameters.iter().map(slot).collect() }
    }

    /// Moves the averages towards the parameters' values after a step.
    pub(crate) fn update(&mut self) {
        no_grad(|| {
            for Slot { live, average, buffer } in self.slots.values_mut() {
                if *buffer {
                    average.copy_(live);
                } else {
                    let _ = average.lerp_(live, 1.0 - self.decay);
                }
            }
        });
    }

    /// The averaged weights, under the parameters' names.
    pub(crate) fn weights(&self) -> Tensors {
        let average = |(name, slot): (&String, &Slot)| (name.clone(), slot.average.shallow_clone());
        self.slots.iter().map(average).collect()
    }

    /// The averages as a checkpoint's tensors: `average.NAME`.
    pub(crate) fn state(&self) -> Tensors {
        self.weights().into_iter().map(|(name, mean)| (format!("{PREFIX}{name}"), mean)).collect()
    }

    /// Takes back what [`Ema::state`] gave, out of a checkpoint's tensors.
    ///
    /// # Errors
    /// When an average is missing or of another shape.
    pub(crate) fn restore(&mut self, state: &mut Tensors) -> Result<()> {
        for (name, Slot { average, .. }) in &mut self.slots {
            let name = format!("{PREFIX}{name}");
            let stored =
                state.remove(&name).with_context(|| format!("the checkpoint lacks `{name}`"))?;
            let (found, wanted) = (stored.size(), average.size());
            ensure!(found == wanted, "the checkpoint's `{name}` is {found:?}, not {wanted:?}");
            no_grad(|| average.copy_(&stored));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::parameters::Group;

    fn parameter(name: &str, value: f32, buffer: bool) -> Parameter {
        let tensor = Tensor::from_slice(&[value]);
        Parameter { name: name.to_owned(), tensor, group: Group::HEAD, buffer }
    }

    #[test]
    fn the_average_follows_the_variable_and_is_restored() {
        let mut parameters = [parameter("x", 1.0, false)];
        let mut average = Ema::new(&parameters, 0.75);
        let _ = parameters[0].tensor.fill_(5.0);
        average.update();
        average.update();
        // 1, then 1 + (5 - 1) / 4 = 2, then 2 + (5 - 2) / 4 = 2.75.
        assert_eq!(average.weights()["x"].double_value(&[0]), 2.75);

        let mut restored = Ema::new(&parameters, 0.75);
        let mut state = average.state();
        restored.restore(&mut state).unwrap();
        assert!(state.is_empty());
        assert_eq!(restored.weights()["x"].double_value(&[0]), 2.75);
        let error = restored.restore(&mut state).unwrap_err().to_string();
        assert_eq!(error, "the checkpoint lacks `average.x`");
    }

    #[test]
    fn buffers_are_followed_at_once() {
        let mut parameters = [parameter("mean", 1.0, true), parameter("x", 1.0, false)];
        let mut average = Ema::new(&parameters, 0.75);
        parameters.iter_mut().for_each(|parameter| drop(parameter.tensor.fill_(5.0)));
        average.update();
        let weights = average.weights();
        assert_eq!(["mean", "x"].map(|name| weights[name].double_value(&[0])), [5.0, 2.0]);
    }
}
