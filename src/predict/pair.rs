//! One pair of photos: through the network, then into files.

use anyhow::Result;

use crate::flow::{Matched, Wanted};
use crate::inference::FlowNetwork;
use crate::inference::frame::Frame;
use crate::output::Attempts;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::{Correspondence, Needs};
use crate::predict::photo::Photo;
use crate::predict::plan::Plan;
use crate::predict::record::{Prediction, WrittenFile};
use crate::predict::transferred::TransferredKeypoints;
use crate::predict::verdict::Verdict;

/// Finds what corresponds between two photos and writes what the plan wants; files that could not be written
/// are among the attempts.
///
/// # Errors
/// When the keypoints do not fit the photos or the network cannot run.
pub(crate) fn run(
    network: &mut dyn FlowNetwork,
    source: &Photo,
    target: &Photo,
    plan: &Plan,
) -> Result<(Prediction, Attempts)> {
    if let Some(keypoints) = &plan.keypoints {
        keypoints.check(source.size, target.size)?;
    }
    let pairs = correspond(network, &[(source, target)], plan.needs())?;
    Ok(write(&pairs[0], source, target, plan))
}

/// The correspondences of several pairs in one batch of the network. A confidence takes both directions where the
/// network does not say it itself; where it does, the verdict on each pair is made of it in any case.
pub(crate) fn correspond(
    network: &mut dyn FlowNetwork,
    pairs: &[(&Photo, &Photo)],
    needs: Needs,
) -> Result<Vec<Correspondence>> {
    let both_ways = match needs {
        Needs::Matches => false,
        Needs::Confidence => !network.is_calibrated(),
        Needs::BothWays | Needs::Everything | Needs::Features => true,
    };
    let forward = pairs.iter().map(|(source, target)| (source.frame.clone(), target.frame.clone()));
    let mut frames: Vec<(Frame, Frame)> = forward.collect();
    if both_ways {
        frames.extend(
            pairs.iter().map(|(source, target)| (target.frame.clone(), source.frame.clone())),
        );
    }
    let mut found = network.matched(&frames, Wanted::Confidence)?.into_iter();
    let forward: Vec<Matched> = found.by_ref().take(pairs.len()).collect();
    let backward = found.map(Some).chain(std::iter::repeat(None));
    let parts = pairs.iter().zip(forward).zip(backward);
    Ok(parts
        .map(|(((source, target), forward), backward)| Correspondence {
            forward,
            backward,
            similarity: (needs >= Needs::Everything)
                .then(|| network.similarity(&source.frame, &target.frame))
                .flatten(),
            features: (needs >= Needs::Features)
                .then(|| network.components(&source.frame, &target.frame))
                .flatten(),
            source: source.size,
            target: target.size,
        })
        .collect())
}

/// Writes what the plan wants of a pair, each file whatever became of the others.
pub(super) fn write(
    pair: &Correspondence,
    source: &Photo,
    target: &Photo,
    plan: &Plan,
) -> (Prediction, Attempts) {
    let keypoints = plan.keypoints.as_ref();
    let keypoints = keypoints.map(|keypoints| TransferredKeypoints::new(keypoints, pair));
    let context = Context::new(pair, [source, target], plan.resolution, keypoints.as_ref())
        .with_limits(plan.limits);
    let (mut files, mut magnitude, mut attempts) = (Vec::new(), None, Attempts::default());
    for output in &plan.outputs {
        attempts.record(output.write(&context).map(|written| {
            magnitude = magnitude.or(written.magnitude);
            let Written { invalid_pixels, unmatched_pixels, .. } = written;
            files.push(WrittenFile { path: output.path.clone(), invalid_pixels, unmatched_pixels });
        }));
    }
    let prediction = Prediction {
        source_size: pair.source,
        target_size: pair.target,
        magnitude,
        files,
        keypoints,
        verdict: Verdict::new(pair),
    };
    (prediction, attempts)
}
