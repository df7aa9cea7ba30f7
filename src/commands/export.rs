//! `lpmflow export`: loads the weights, writes them in another form, and compares if asked to.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::cli::export::{ExportArguments, ExportFormat};
use crate::commands::{Outcome, engine, usage_error};
use crate::export::verify::TOLERANCE;
use crate::export::{Format, Original};
use crate::model::architecture::preset;
use crate::model::quality::Quality;
use crate::model::weights::choice::Choice;
use crate::output::{self, Stdout, is_stream};
use crate::terminal::Terminal;
use crate::visible::Shown;

/// Runs the command.
///
/// # Errors
/// When the weights cannot be read, the file not written, or it differs from the original.
pub(super) fn run(arguments: &ExportArguments, terminal: &Terminal) -> Result<Outcome> {
    let ExportArguments { output, precision, .. } = arguments;
    let format = match arguments.format {
        Some(ExportFormat::Safetensors) => Format::Safetensors,
        Some(ExportFormat::TorchScript) => Format::TorchScript,
        None => format_of(output)?,
    };
    let choice = Choice {
        model: None,
        weights: arguments.weights.clone(),
        dictionary: arguments.dictionary.clone(),
        head: arguments.head.clone(),
        input_size: arguments.input_size.map(NonZeroUsize::get),
        input_rule: arguments.input_rule,
        quality: arguments.quality,
        settings: arguments.settings.clone(),
    };
    let files = engine::files(&choice)?;
    let stdout = output::check([output.as_path()], files.iter().map(PathBuf::as_path))?;
    if stdout == Stdout::Taken {
        terminal.yield_stdout();
    }
    if arguments.verify && is_stream(output) {
        let message = format!("--verify reads the file again, which `{}` is not", output.shown());
        return Err(usage_error("export", &message));
    }
    let _progress = terminal.progress(("exporting", ""), 0, "{spinner} exporting");
    let config = arguments.model.as_deref().map(preset).transpose()?;
    let mut original = Original::load(&choice, config.clone())?;
    if format == Format::TorchScript
        && original.config().matcher.looks() > 1
        && choice.quality.is_none()
    {
        terminal.log(
            "where the closer look of quality fine goes depends on the photos, which TorchScript's graphs cannot hold: \
             this one has quality standard",
        );
        let choice = Choice { quality: Some(Quality::Standard), ..choice };
        original = Original::load(&choice, config)?;
    }
    terminal.log(&format!("weights {}: {}", original.place(), original.config().describe()));
    original.notes().iter().for_each(|note| terminal.log(note));
    original.export(output, format, *precision)?;
    terminal.log(&format!("wrote `{}`", output.shown()));
    if arguments.verify {
        let verification = original.verify(output, format, *precision)?;
        terminal.show_verification(&verification);
        if !verification.passed() {
            bail!(
                "verifying `{}`: its flow differs from the original's by more than {TOLERANCE:e} of the \
                 largest component; do not use the file",
                output.shown()
            );
        }
    }
    Ok(Outcome::Done)
}

/// What a file's extension says it is to be.
fn format_of(output: &Path) -> Result<Format> {
    match output.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => Ok(Format::Safetensors),
        Some("pt" | "ts") => Ok(Format::TorchScript),
        Some("onnx") => Err(usage_error(
            "export",
            "write a .pt file, of which `scripts/export_onnx.py FILE.pt FILE.onnx` makes an ONNX network",
        )),
        _ => Err(usage_error(
            "export",
            &format!(
                "the extension of `{}` is neither .safetensors nor .pt; say what to write with --format",
                output.shown()
            ),
        )),
    }
}
