//! What the flags of one pair and of many have in common.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;

use crate::cli::predict::{FlowSize, PredictArguments};
use crate::commands::engine;
use crate::geometry::Turn;
use crate::inference::{Engine, FlowNetwork};
use crate::predict::correspondence::{Needs, Resolution};
use crate::predict::keypoints::Keypoints;
use crate::predict::limits::Limits;
use crate::terminal::Terminal;

/// How the network sees the target; of several ways the best is taken.
pub(super) fn turns(arguments: &PredictArguments) -> Vec<Turn> {
    let mirrored = arguments.mirror;
    arguments
        .rotate
        .quarters()
        .iter()
        .map(|quarters| Turn { mirrored, quarters: *quarters })
        .collect()
}

/// Which matches count.
pub(super) fn limits(arguments: &PredictArguments) -> Limits {
    Limits {
        min_confidence: arguments.min_confidence,
        most_matches: arguments.max_matches.map(NonZeroUsize::get),
        fill: arguments.fill,
    }
}

/// The positions to transfer, if there are any.
pub(super) fn keypoints(arguments: &PredictArguments) -> Result<Option<Keypoints>> {
    match &arguments.keypoints {
        Some(file) => Keypoints::read(file).map(Some),
        None if arguments.point.is_empty() => Ok(None),
        None => Ok(Some(Keypoints::at(arguments.point.clone()))),
    }
}

/// The files that are read, whatever the photos.
pub(super) fn inputs(arguments: &PredictArguments) -> Result<Vec<PathBuf>> {
    let PredictArguments { keypoints, transfer, truth, list, .. } = arguments;
    let files =
        keypoints.iter().chain(transfer).chain(truth).chain(&list.pairs).chain(&list.frames);
    Ok(files
        .filter(|file| !file.is_dir())
        .cloned()
        .chain(engine::files(&arguments.model.choice())?)
        .collect())
}

/// Says what the confidence means, if one is wanted, where it is no probability.
pub(super) fn tell_of_confidence(network: &Engine, needs: Needs, terminal: &Terminal) {
    if needs >= Needs::Confidence && !network.is_calibrated() {
        terminal.log(
            "the confidence of these weights is not calibrated: it says whether the way there and back ends \
             where it began",
        );
    }
}

impl From<FlowSize> for Resolution {
    fn from(size: FlowSize) -> Self {
        match size {
            FlowSize::Original => Self::Original,
            FlowSize::Network => Self::Network,
        }
    }
}
