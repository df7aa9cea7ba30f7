//! From the model flags to an engine.

use anyhow::Result;
use tch::Device;

use crate::cli::ModelArguments;
use crate::inference::{Engine, EngineOptions};
use crate::terminal::Terminal;

/// Features kept for photos that appear in several pairs, in bytes.
const CACHE_BYTES: usize = 1 << 30;

/// Loads the weights that the flags name onto the device they name.
///
/// # Errors
/// When there are no such weights or no such device.
pub fn load(arguments: &ModelArguments, terminal: &Terminal) -> Result<Engine> {
    let engine = Engine::load(&EngineOptions {
        weights: arguments.weights.clone(),
        device: arguments.device.clone(),
        precision: arguments.precision,
        cache_bytes: CACHE_BYTES,
    })?;
    let place = match engine.device() {
        Device::Cuda(index) => format!("cuda:{index}"),
        _ => "cpu".to_owned(),
    };
    terminal.log(&format!("weights `{}` on {place}", arguments.weights.display()));
    Ok(engine)
}
