//! A split's pairs as questions that any system can answer, whose answers are
//! [`predictions`](crate::eval::predictions): JSON lines, which `lpmflow predict --pairs` takes as well.

use std::io::Write;
use std::path::{Path, absolute};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::data::Pair;
use crate::data::truth::Truth;
use crate::geometry::{Point, Size};
use crate::output;
use crate::path_text::path_text;
use crate::visible::Shown;

/// A pair without what is to be found.
#[derive(Serialize)]
struct Question<'a> {
    index: usize,
    source: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    source_escaped: bool,
    target: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    target_escaped: bool,
    source_size: Size,
    target_size: Size,
    category: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    keypoints: Option<&'a [Point]>,
    answer: &'static str,
}

/// Writes a question a line; photos by their absolute paths.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(path: &Path, pairs: &[Pair]) -> Result<()> {
    output::write(path, |file| {
        for pair in pairs {
            serde_json::to_writer(&mut *file, &question(pair)?)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    })
}

fn question(pair: &Pair) -> Result<Question<'_>> {
    let photo = |path: &Path| -> Result<(String, bool)> {
        let path = absolute(path).with_context(|| format!("locating `{}`", path.shown()))?;
        Ok(path_text(&path))
    };
    let (source, source_escaped) = photo(&pair.source.path)?;
    let (target, target_escaped) = photo(&pair.target.path)?;
    let by_keypoints = pair.truth == Truth::Keypoints;
    Ok(Question {
        index: pair.index,
        source,
        source_escaped,
        target,
        target_escaped,
        source_size: pair.source.size,
        target_size: pair.target.size,
        category: &pair.category,
        keypoints: by_keypoints.then_some(&pair.source.keypoints),
        answer: if by_keypoints { "predicted" } else { "flow" },
    })
}
