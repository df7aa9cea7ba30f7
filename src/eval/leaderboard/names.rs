//! What systems are called.

use std::path::Path;

use crate::eval::report::{ModelKind, Report};
use crate::visible::Shown;

/// What reports are called: their weights, or the file that holds stored predictions; where two would be called the same,
/// the report's own file tells them apart.
pub(crate) fn distinct_names(reports: &[Report], files: &[&Path]) -> Vec<String> {
    let stem = |path: &Path| path.file_stem().map(Path::new).unwrap_or(path).shown().to_string();
    let name = |report: &Report| match report.model.kind {
        ModelKind::Predictions => stem(Path::new(&report.model.weights)),
        ModelKind::Network | ModelKind::Baseline => report.model.weights.clone(),
    };
    let names: Vec<String> = reports.iter().map(name).collect();
    let is_shared = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    names
        .iter()
        .zip(files)
        .map(
            |(name, file)| {
                if is_shared(name) { format!("{name} ({})", stem(file)) } else { name.clone() }
            },
        )
        .collect()
}
