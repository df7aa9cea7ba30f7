//! Matches as lists for other programs.

use std::io::{Seek, Write};

use anyhow::Result;

use crate::geometry::Point;
use crate::predict::format::numpy::write_table;
use crate::predict::product::matches::point::Match;
use crate::predict::transferred::{TransferredKeypoints, digits, rounded};

/// Writes matches as CSV: `source_x,source_y,target_x,target_y,confidence`, in the photos' pixels.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write_csv(file: &mut impl Write, matches: &[Match]) -> Result<()> {
    writeln!(file, "source_x,source_y,target_x,target_y,confidence")?;
    for Match { source, target, confidence } in matches {
        writeln!(
            file,
            "{:.3},{:.3},{:.3},{:.3},{confidence:.4}",
            source.x, source.y, target.x, target.y
        )?;
    }
    Ok(())
}

/// Writes matches as JSON, as `--keypoints` prints points: `source` and `target` `[[x, y], ...]`, `confidence`.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write_json(file: &mut impl Write, matches: &[Match]) -> Result<()> {
    let points =
        |pick: fn(&Match) -> Point| matches.iter().map(|found| rounded(pick(found))).collect();
    let value = TransferredKeypoints {
        source: points(|found| found.source),
        target: points(|found| found.target),
        confidence: matches.iter().map(|found| digits(found.confidence)).collect(),
        truth: None,
        rule: None,
        score: None,
    };
    serde_json::to_writer(&mut *file, &value)?;
    Ok(writeln!(file)?)
}

/// Writes matches as NumPy's arrays `source` `[N, 2]`, `target` `[N, 2]` and `confidence` `[N]`, float32.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write_npz(file: &mut (impl Write + Seek), matches: &[Match]) -> Result<()> {
    let column = |pick: fn(&Match) -> Vec<f64>| -> Vec<f32> {
        matches.iter().flat_map(pick).map(|value| value as f32).collect()
    };
    let count = matches.len() as u64;
    write_table(
        file,
        &[
            ("source", &[count, 2], column(|found| vec![found.source.x, found.source.y])),
            ("target", &[count, 2], column(|found| vec![found.target.x, found.target.y])),
            ("confidence", &[count], column(|found| vec![found.confidence])),
        ],
    )
}
