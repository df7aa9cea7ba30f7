//! From the model flags to an engine.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tch::Device;

use crate::cli::ModelArguments;
use crate::inference::{Engine, EngineOptions};
use crate::model::weights::choice::Choice;
use crate::model::weights::find::find;
use crate::terminal::Terminal;

/// Features kept for photos that appear in several pairs, in bytes.
const CACHE_BYTES: usize = 1 << 30;

/// Loads the weights that the flags name onto the device they name; a pair gives the same bytes alone and in a list.
///
/// # Errors
/// When there are no such weights or no such device.
pub(super) fn load(arguments: &ModelArguments, terminal: &Terminal) -> Result<Engine> {
    let side_by_side = false;
    loaded(EngineOptions { side_by_side, ..options(arguments, CACHE_BYTES) }, terminal)
}

/// As [`load`], for many pairs, with room for `cache_bytes` of features.
///
/// # Errors
/// As [`load`].
pub(super) fn load_for_pairs(
    arguments: &ModelArguments,
    cache_bytes: usize,
    terminal: &Terminal,
) -> Result<Engine> {
    loaded(options(arguments, cache_bytes), terminal)
}

fn options(arguments: &ModelArguments, cache_bytes: usize) -> EngineOptions {
    EngineOptions {
        weights: arguments.choice(),
        device: arguments.device.clone(),
        precision: arguments.precision,
        kernels: arguments.kernels,
        cache_bytes,
        cuda_graph: arguments.cuda_graph,
        side_by_side: true,
    }
}

fn loaded(options: EngineOptions, terminal: &Terminal) -> Result<Engine> {
    let engine = Engine::load(&options)?;
    log_weights(&engine, terminal);
    Ok(engine)
}

/// The file of the weights that a user calls `weights`; none where they are within the program.
///
/// # Errors
/// When there are none.
pub(super) fn file(weights: &Path) -> Result<Option<PathBuf>> {
    Ok(find(weights)?.file().map(Path::to_owned))
}

/// The files that a choice of weights reads.
///
/// # Errors
/// When there are no such weights.
pub(super) fn files(choice: &Choice) -> Result<Vec<PathBuf>> {
    Ok(file(&choice.weights)?.into_iter().chain(choice.head.clone()).collect())
}

/// Says which weights were taken, and what a user of an older file should know.
pub(super) fn log_weights(engine: &Engine, terminal: &Terminal) {
    let weights = engine.weights();
    let model = engine.model().config().describe();
    terminal.log(&format!("weights {weights} on {}: {model}", device_name(engine)));
    engine.notes().iter().for_each(|note| terminal.log(&format!("weights {weights}: {note}")));
}

/// The engine's device as users name it.
pub(super) fn device_name(engine: &Engine) -> String {
    match engine.device() {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    }
}
