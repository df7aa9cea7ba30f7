//! One pair of photos: through the network, then into files.

use anyhow::Result;

use crate::flow::{Matched, Wanted};
use crate::geometry::Turn;
use crate::inference::FlowNetwork;
use crate::inference::frame::Frame;
use crate::output::Attempts;
use crate::predict::annotation::Drawn;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::{Correspondence, Needs};
use crate::predict::label_score::LabelScore;
use crate::predict::photo::Photo;
use crate::predict::plan::Plan;
use crate::predict::record::{Prediction, WrittenFile};
use crate::predict::transferred::TransferredKeypoints;

/// Two photos as the network sees them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    /// The source, as it is.
    pub source: &'a Photo,
    /// The target.
    pub target: &'a Photo,
    /// How the target is turned.
    pub turn: Turn,
}

impl Seen<'_> {
    fn frames(&self) -> [&Frame; 2] {
        [self.source.frame(Turn::NONE), self.target.frame(self.turn)]
    }
}

/// The correspondences of several pairs in one batch of the network. A confidence takes both directions where the
/// network does not say it itself; where it does, the verdict on each pair is made of it in any case.
///
/// # Errors
/// When the network cannot run.
pub(crate) fn correspond(
    network: &mut dyn FlowNetwork,
    pairs: &[Seen],
    needs: Needs,
) -> Result<Vec<Correspondence>> {
    let both_ways = match needs {
        Needs::Matches => false,
        Needs::Confidence => !network.is_calibrated(),
        Needs::BothWays | Needs::Everything | Needs::Features => true,
    };
    let ways = [false, true].into_iter().take(1 + usize::from(both_ways));
    let frames = ways.flat_map(|back| {
        pairs.iter().map(move |seen| {
            let [source, target] = seen.frames().map(Frame::clone);
            if back { (target, source) } else { (source, target) }
        })
    });
    let frames: Vec<(Frame, Frame)> = frames.collect();
    let mut found = network.matched(&frames, Wanted::Confidence)?.into_iter();
    let forward: Vec<Matched> = found.by_ref().take(pairs.len()).collect();
    let backward = found.map(Some).chain(std::iter::repeat(None));
    let parts = pairs.iter().zip(forward).zip(backward);
    Ok(parts
        .map(|((seen, forward), backward)| {
            let [source, target] = seen.frames();
            let similarity = (needs >= Needs::Everything)
                .then(|| network.similarity(source, target))
                .flatten()
                .map(|found| found.with_target_turned_back(seen.turn));
            let features =
                (needs >= Needs::Features).then(|| network.components(source, target)).flatten();
            let sizes = [seen.source.size, seen.target.size];
            Correspondence {
                similarity,
                features,
                turns: [Turn::NONE, seen.turn],
                ..Correspondence::new(forward, backward, sizes)
            }
        })
        .collect())
}

/// Writes what the plan wants of a pair, each file whatever became of the others.
pub(crate) fn write(
    pair: &Correspondence,
    source: &Photo,
    target: &Photo,
    plan: &Plan,
) -> (Prediction, Attempts) {
    let keypoints = plan.keypoints.as_ref();
    let keypoints = keypoints.map(|keypoints| TransferredKeypoints::new(keypoints, pair));
    let context = Context::new(pair, [source, target], plan.resolution, keypoints.as_ref())
        .with_limits(plan.limits)
        .with_annotation(plan.annotation.as_deref())
        .with_drawing(plan.drawing);
    let (mut files, mut attempts) = (Vec::new(), Attempts::default());
    let (mut magnitude, mut flow_scale) = (None, None);
    for output in &plan.outputs {
        attempts.record(output.write(&context).map(|written| {
            magnitude = magnitude.or(written.magnitude);
            flow_scale = flow_scale.or(written.scale);
            let Written { invalid_pixels, unmatched_pixels, lost_annotations, .. } = written;
            let path = output.path.clone();
            files.push(WrittenFile { path, invalid_pixels, unmatched_pixels, lost_annotations });
        }));
    }
    let (labels, verdict) = (label_score(&context, plan), context.verdict());
    let prediction = Prediction {
        source_size: pair.source,
        target_size: pair.target,
        magnitude,
        flow_scale,
        files,
        keypoints,
        labels,
        source_index: None,
        turn: pair.turns[1],
        better_turn: None,
        verdict,
    };
    (prediction, attempts)
}

/// How right carried labels are, if the plan knows the truth.
fn label_score(context: &Context, plan: &Plan) -> Option<LabelScore> {
    let Drawn::Labels(labels) = &context.annotation?.drawn else { return None };
    let Drawn::Labels(truth) = &plan.truth.as_deref()?.drawn else { return None };
    LabelScore::new(labels, truth, context.pair, context.carrier()?)
}
