//! The pairs of a report, read from their dataset once more: for pictures.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::data::Pair;
use crate::data::catalog::Catalog;
use crate::data::photo::orientation::Exif;
use crate::eval::report::Report;
use crate::eval::task::{Task, Wanted};

/// The pairs that a report has kept, in its order.
///
/// # Errors
/// When the report has kept none, or the dataset is not there, or is another than the report's.
pub(crate) fn pairs_of(
    report: &Report,
    catalog: &Catalog,
    data_root: &Path,
    exif: Exif,
) -> Result<Vec<Pair>> {
    let dataset = &report.dataset;
    let attempt = || -> Result<Vec<Pair>> {
        let kept = report.pairs.as_ref().context("the report has kept no pairs (--no-pairs)")?;
        let protocols: Vec<_> = report.protocols.iter().map(|protocol| protocol.name).collect();
        let wanted = Wanted {
            dataset: &dataset.name,
            data_root,
            split: Some(&dataset.split),
            categories: &[],
            limit: None,
            protocols: &protocols,
            alphas: &[],
            skip_bad: true,
            exif,
        };
        let mut task = Task::new(catalog, &wanted)?;
        let indices: HashSet<usize> = kept.iter().map(|pair| pair.index).collect();
        task.pairs.retain(|pair| indices.contains(&pair.index));
        let found = task.dataset().fingerprint;
        ensure!(
            found == dataset.fingerprint
                && task.pairs.iter().map(|pair| pair.index).eq(kept.iter().map(|pair| pair.index)),
            "it is not what the report is about: fingerprint {found:.12} instead of {:.12}",
            dataset.fingerprint
        );
        Ok(task.pairs)
    };
    attempt().with_context(|| {
        format!(
            "reading the pairs of {} {} for pictures (--data-root)",
            dataset.name, dataset.split
        )
    })
}
