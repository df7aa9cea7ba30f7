//! The run folder's weight files, and what resuming needs beside them.
//!
//! `last.safetensors` holds the newest weights and, in its description, where the run stood and which
//! `moments-STEP.safetensors` holds the optimizer's moments of that step. The moments are written
//! first and get a name of their own, so replacing `last.safetensors` is the one moment at which a
//! checkpoint takes effect: whenever the process is killed, the folder holds a complete one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;

use crate::model::config::ModelConfig;
use crate::model::weights::description::{Description, Provenance};
use crate::model::weights::save::{Storage, save};
use crate::model::weights::{Source, StoredWeights, read};
use crate::output::leftovers;
use crate::processes::communicator::Communicator;
use crate::train::folder::state::RunState;
use crate::visible::Shown;

/// The newest weights.
pub(crate) const LAST: &str = "last.safetensors";

/// The weights that validated best.
pub(crate) const BEST: &str = "best.safetensors";

/// How the names of moment files begin.
const MOMENTS: &str = "moments-";

/// What a checkpoint's description records of the run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrainingRun {
    state: RunState,
    /// The moment file; `best.safetensors` has none.
    moments: Option<String>,
    /// What the weights were trained with; `best.safetensors` and older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<Value>,
    /// How many processes trained it when it was written; older versions knew of one alone.
    #[serde(default = "one")]
    world_size: usize,
}

fn one() -> usize {
    1
}

/// Named tensors.
pub(crate) type Tensors = BTreeMap<String, Tensor>;

/// The weight files of one run.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    model: ModelConfig,
    provenance: Provenance,
    settings: Value,
    world_size: usize,
}

/// A checkpoint read back.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    /// Where the run stood.
    pub state: RunState,
    /// The weights.
    pub weights: StoredWeights,
    /// The optimizer's moments.
    pub moments: Tensors,
    /// What the weights were trained with, as [`Checkpoints::new`] was told; older versions did not record it.
    pub settings: Option<Value>,
}

impl Checkpoints {
    /// The weight files of the run in `folder`, which these processes train. `provenance` says what training began
    /// from, `settings` how it goes on.
    pub(crate) fn new(
        folder: &Path,
        model: ModelConfig,
        provenance: Provenance,
        settings: Value,
        communicator: &dyn Communicator,
    ) -> Self {
        let world_size = communicator.world_size();
        Self { folder: folder.to_owned(), model, provenance, settings, world_size }
    }

    /// Replaces the newest weights, and with them what resuming needs.
    ///
    /// # Errors
    /// When something cannot be written; the checkpoint before it then still stands.
    pub(crate) fn save_last(
        &self,
        state: &RunState,
        weights: &Tensors,
        moments: &Tensors,
    ) -> Result<()> {
        let name = format!("{MOMENTS}{:08}.safetensors", state.step);
        let description = self.description(state, Some(name.clone()))?;
        save(&self.folder.join(&name), moments, &description, Storage::Float32)?;
        save(&self.folder.join(LAST), weights, &description, Storage::Float32)?;
        sync_folder(&self.folder)?;
        delete(&self.folder, |other| other.starts_with(MOMENTS) && other != name)
    }

    /// Replaces the best weights.
    ///
    /// # Errors
    /// When they cannot be written; those before them then still stand.
    pub(crate) fn save_best(&self, state: &RunState, weights: &Tensors) -> Result<()> {
        let description = self.description(state, None)?;
        save(&self.folder.join(BEST), weights, &description, Storage::Float32)
    }

    fn description(&self, state: &RunState, moments: Option<String>) -> Result<Description> {
        let settings = moments.is_some().then(|| self.settings.clone());
        let world_size = self.world_size;
        let run = TrainingRun { state: state.clone(), moments, settings, world_size };
        let training_run = Some(serde_json::to_value(run).context("describing the run's state")?);
        let provenance = Provenance { training_run, ..self.provenance.clone() };
        Ok(Description::new(self.model.clone(), provenance))
    }
}

/// Reads the newest checkpoint of a run folder, and if `clear` says so, removes what a killed process left half
/// written.
///
/// # Errors
/// When there is none, or its files are damaged or do not belong together.
pub(crate) fn load_last(folder: &Path, clear: bool) -> Result<Checkpoint> {
    let path = folder.join(LAST);
    ensure!(
        path.is_file(),
        "resuming the run in `{}`: there is no `{LAST}`, so there is nothing to resume",
        folder.shown()
    );
    let weights = read(&path)?;
    let run =
        training_run(&weights).with_context(|| format!("resuming from `{}`", path.shown()))?;
    let name = run.moments.with_context(|| {
        format!("resuming from `{}`: it has no optimizer moments beside it", path.shown())
    })?;
    let moments = read(&folder.join(&name))?;
    let state = training_run(&moments)?.state;
    ensure!(
        state == run.state,
        "resuming from `{}`: `{name}` belongs to step {}, the weights to step {}",
        path.shown(),
        state.step,
        run.state.step
    );
    if clear {
        leftovers::clear(folder);
        delete(folder, |other| other.starts_with(MOMENTS) && other != name)?;
    }
    Ok(Checkpoint { state, weights, moments: moments.tensors, settings: run.settings })
}

fn training_run(weights: &StoredWeights) -> Result<TrainingRun> {
    let Source::Described(description) = &weights.source else {
        anyhow::bail!("it is not a file of lpmflow");
    };
    let run = description.provenance.training_run.clone();
    let run = run.context("it does not come from `lpmflow train`")?;
    serde_json::from_value(run).context("what it records of the run is damaged")
}

/// Makes renames last, should the power go.
fn sync_folder(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    fs::File::open(folder)
        .and_then(|handle| handle.sync_all())
        .with_context(|| format!("writing the folder `{}` to disk", folder.shown()))?;
    Ok(())
}

/// Deletes the files of a folder whose names are `unwanted`.
fn delete(folder: &Path, unwanted: impl Fn(&str) -> bool) -> Result<()> {
    let context = || format!("clearing the run folder `{}`", folder.shown());
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(&unwanted) {
            fs::remove_file(entry.path()).with_context(context)?;
        }
    }
    Ok(())
}

/// Says what is left should a process be lost, now that the checkpoint in `folder` is that of the newest `step`.
pub(crate) fn tell_standing(communicator: &dyn Communicator, folder: &Path, step: u64) {
    let (last, folder) = (folder.join(LAST), folder.shown());
    let standing = format!(
        "training stopped; the checkpoint of step {step} in `{}` still stands (--resume {folder} goes on from it)",
        last.shown()
    );
    communicator.standing(step, &standing);
}

#[cfg(test)]
mod tests;
