//! Proof that an exported file computes what the original does: both run on the same images.

use std::path::Path;

use anyhow::{Result, bail};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

use crate::export::torchscript::{self, Network};
use crate::export::{Format, Original};
use crate::model::weights;
use crate::model::weights::save::Storage;
use crate::nn::parameters::Parameter;
use crate::nn::resize::{Corners, resize_bilinear};
use crate::visible::Shown;

/// Largest relative difference accepted between the exported file's flow and the one it is to have.
pub(crate) const TOLERANCE: f64 = 1e-4;

/// Pairs in the comparison; more than one, as graphs could be bound to the batch size they were traced at.
const PAIRS: i64 = 2;

/// Side of the random colours that are enlarged to the compared images.
const COLOURS: i64 = 16;

/// How far two flows are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Difference {
    /// The largest difference of a component, in pixels of the flow's grid.
    pub absolute: f64,
    /// The same as a share of the wanted flow's largest component.
    pub relative: f64,
}

/// What comparing came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verification {
    /// The exported file against the original, rounded where the precision says so.
    pub exported: Difference,
    /// What that rounding itself changes; `None` in full precision.
    pub rounding: Option<Difference>,
}

impl Verification {
    /// Whether the file holds what it is to hold. A flow that is not finite never passes.
    pub(crate) fn passed(&self) -> bool {
        self.exported.relative <= TOLERANCE
    }
}

impl Original {
    /// Loads what was exported to `output`, and compares values and flows.
    ///
    /// # Errors
    /// When the file is damaged, or a stored value is not the original's.
    pub(crate) fn verify(
        &self,
        output: &Path,
        format: Format,
        precision: Storage,
    ) -> Result<Verification> {
        let [source, target] = images(self.loaded.model.config().input_size as i64);
        let wanted = self.network(format, precision)?;
        let run = |network: &Network<'_>| tch::no_grad(|| network.forward(&source, &target));
        let wanted = run(&Network::new(&wanted));
        let found = match format {
            Format::Safetensors => {
                let reloaded = weights::read(output)?.load(Device::Cpu, Kind::Float)?;
                self.compare_values(&reloaded.parameters, output, precision)?;
                run(&Network::new(&reloaded.model))
            }
            Format::TorchScript => {
                let module = torchscript::load(output)?;
                tch::no_grad(|| module.forward_ts(&[&source, &target]))?
            }
        };
        let rounding = match precision {
            Storage::Float32 => None,
            Storage::Float16 => Some(difference(&wanted, &run(&Network::new(&self.loaded.model)))),
        };
        Ok(Verification { exported: difference(&found, &wanted), rounding })
    }

    fn compare_values(
        &self,
        reloaded: &[Parameter],
        output: &Path,
        precision: Storage,
    ) -> Result<()> {
        let mut wanted = self.tensors();
        let differing: Vec<&str> = reloaded
            .iter()
            .filter(|parameter| {
                let stored = wanted.remove(&parameter.name).map(|t| t.to_kind(precision.kind()));
                !stored.is_some_and(|t| t.to_kind(Kind::Float).equal(&parameter.tensor))
            })
            .map(|parameter| parameter.name.as_str())
            .collect();
        if !differing.is_empty() || !wanted.is_empty() {
            bail!(
                "verifying `{}`: the values of {} differ from the original's; export it again",
                output.shown(),
                differing
                    .into_iter()
                    .chain(wanted.keys().map(String::as_str))
                    .collect::<Vec<_>>()
                    .join(", ")
            );
        }
        Ok(())
    }
}

/// How far `found` is from `wanted`.
fn difference(found: &Tensor, wanted: &Tensor) -> Difference {
    let largest = |flow: &Tensor| flow.abs().max().double_value(&[]);
    let absolute = largest(&(found - wanted));
    let scale = largest(wanted);
    // Where the wanted flow is zero throughout, only zero is equal to it.
    let relative = if absolute == 0.0 { 0.0 } else { absolute / scale };
    Difference { absolute, relative }
}

/// The same images in every run: random colours, blurred; the targets show the sources shifted and
/// darkened, so that there is something to match. `[B, 3, side, side]` with values in 0 to 1.
fn images(side: i64) -> [Tensor; 2] {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let count = PAIRS * 3 * COLOURS * COLOURS;
    let colours: Vec<f32> = (0..count).map(|_| random.random()).collect();
    let colours = Tensor::from_slice(&colours).view([PAIRS, 3, COLOURS, COLOURS]);
    let sources = resize_bilinear(&colours, [side; 2], Corners::Edges);
    let targets = sources.roll([side / 8, side / 16], [2, 3]) * 0.8;
    [sources, targets]
}
