//! Evaluation: predictions of a network, a baseline or a file, scored under named protocols.
//!
//! Two loops: the first turns pairs into predicted keypoints ([`predict`], [`predict_identity`],
//! [`predictions::read`]), the second scores them under every protocol ([`summary::score`]); reports
//! ([`report`]) and their renderings come after.

pub(crate) mod areas;
pub(crate) mod bootstrap;
pub(crate) mod browser;
pub(crate) mod changed;
pub(crate) mod column;
pub(crate) mod compare;
mod dense;
pub(crate) mod detail;
pub(crate) mod groups;
pub(crate) mod leaderboard;
mod measure;
pub(crate) mod pck;
pub(crate) mod predictions;
pub(crate) mod prefetch;
pub(crate) mod problems;
pub(crate) mod protocol;
pub(crate) mod questions;
pub(crate) mod reload;
pub(crate) mod report;
pub(crate) mod selection;
pub(crate) mod shared;
pub(crate) mod summary;
pub(crate) mod task;
#[cfg(test)]
mod testing;
pub(crate) mod transfer;

use std::num::NonZeroUsize;

use anyhow::{Result, ensure};

use crate::data::Pair;
use crate::failure::{Blame, Fault};
use crate::flow::Wanted;
use crate::inference::FlowNetwork;
use column::Column;
use pck::Tally;
use predictions::Prediction;
use prefetch::{Load, for_each_batch};
use protocol::Protocol;

/// What happens during a run.
#[derive(Debug)]
pub(crate) enum Event {
    /// A batch is done.
    Progress {
        /// Pairs done so far, those left out included.
        done: usize,
        /// The headline's score so far, in percent; not before the first pair.
        pck: Option<f64>,
    },
    /// A pair was left out, and this is why.
    Skipped(anyhow::Error),
}

/// How to run a network over the pairs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PredictOptions<'a> {
    /// How many pairs the network is given at once, or more if it takes several side by side.
    pub batch_size: NonZeroUsize,
    /// Whether pairs with an unreadable photo are left out; they end the run otherwise.
    pub skip_bad: bool,
    /// The protocols that will score; the first one's score is told on the way.
    pub protocols: &'a [Protocol],
    /// Which of its scores.
    pub column: Column,
    /// What is asked of the network.
    pub wanted: Wanted,
}

/// Predicts the keypoints of all `pairs`, in their order, with a network.
///
/// `load` turns photos into frames, ahead of the network and on every core.
///
/// # Errors
/// When the network fails, or a photo cannot be loaded and is not to be skipped.
pub(crate) fn predict(
    pairs: &[Pair],
    options: &PredictOptions,
    load: Load,
    network: &mut dyn FlowNetwork,
    on_event: &mut dyn FnMut(Event),
) -> Result<Vec<Prediction>> {
    let mut predictions = Vec::with_capacity(pairs.len());
    let (mut done, mut score) = (0, Tally::default());
    let at_once = options.batch_size.max(network.pairs_at_once());
    for_each_batch(pairs, at_once, load, &mut |batch| {
        done += batch.pairs.len() + batch.unreadable.len();
        for error in batch.unreadable {
            if !options.skip_bad {
                return Err(error.context(
                    "a photo is unusable (--skip-bad leaves its pairs out, `lpmflow datasets check` \
                     lists all such photos)",
                ))
                .blame(Fault::Data);
            }
            on_event(Event::Skipped(error));
        }
        let found = if batch.frames.is_empty() {
            Vec::new()
        } else {
            network.matched(&batch.frames, options.wanted)?
        };
        ensure!(found.len() == batch.pairs.len(), "the network left out some of a batch's pairs");
        for (pair, matched) in batch.pairs.into_iter().zip(&found) {
            let prediction = Prediction::of(pair, matched, options.protocols)?;
            if let Some(protocol) = options.protocols.first() {
                let measured = protocol.measure(pair, &prediction)?;
                score += measured.sample(protocol.average, options.column);
            }
            predictions.push(prediction);
        }
        on_event(Event::Progress { done, pck: (score.weight > 0.0).then(|| score.pck()) });
        Ok(())
    })?;
    Ok(predictions)
}

/// Predicts that every keypoint lies at the same position of the target, relative to its size: the flow
/// that is zero everywhere. What a network must beat.
///
/// # Errors
/// When a true flow cannot be read.
pub(crate) fn predict_identity(pairs: &[Pair], protocols: &[Protocol]) -> Result<Vec<Prediction>> {
    pairs.iter().map(|pair| Prediction::unmoved(pair, protocols)).collect()
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::eval::testing::{pair, protocol};
    use crate::flow::{Flow, Matched};
    use crate::geometry::Size;
    use crate::inference::frame::{Frame, FrameKey, Input};
    use crate::inference::pixels::Pixels;

    /// Pairs whose photos are filled with their own number, so that a fake network knows them.
    fn pairs() -> Vec<Pair> {
        let numbered = |index: usize| {
            let mut pair = pair(&[(10.0, 20.0), (50.0, 60.0)], &[(12.0, 20.0), (52.0, 60.0)]);
            pair.index = index;
            pair.source.path = format!("{}", index % 5).into();
            pair.target.path = format!("{}", (index + 1) % 5).into();
            pair
        };
        (0..17).map(numbered).collect()
    }

    const INPUT: Input = Input::stretched(2);

    fn load(key: &FrameKey) -> Result<Frame> {
        let number: u8 = key.path.to_string_lossy().parse()?;
        Ok(INPUT.frame(key.clone(), &RgbImage::from_pixel(2, 2, image::Rgb([number; 3]))))
    }

    /// Moves everything to the right by the source photo's number of grid cells.
    struct Mover;

    impl FlowNetwork for Mover {
        fn input(&self) -> Input {
            INPUT
        }

        fn matched(&mut self, pairs: &[(Frame, Frame)], wanted: Wanted) -> Result<Vec<Matched>> {
            assert_eq!(wanted, Wanted::Matches, "confidence costs time, and nobody asked for it");
            let flow = |(source, _): &(Frame, Frame)| {
                let step =
                    f32::from(Pixels::clone(&source.pixels).into_bytes().get_pixel(0, 0).0[0]);
                Flow::from_channels(Size::square(1), &[step, 0.0]).into()
            };
            Ok(pairs.iter().map(flow).collect())
        }
    }

    fn run(batch_size: usize) -> (Vec<Prediction>, Vec<Event>) {
        let options = PredictOptions {
            batch_size: NonZeroUsize::new(batch_size).unwrap(),
            skip_bad: false,
            protocols: &[protocol("standard", "spair71k").unwrap()],
            column: Column::Pck(0.1),
            wanted: Wanted::Matches,
        };
        let mut events = Vec::new();
        let on_event = &mut |event| events.push(event);
        let predictions = predict(&pairs(), &options, &load, &mut Mover, on_event).unwrap();
        (predictions, events)
    }

    #[test]
    fn predictions_do_not_depend_on_the_batch_size_and_keep_the_order() {
        let (one, _) = run(1);
        assert!(one.iter().map(|prediction| prediction.pair).eq(0..17));
        // Pair 3 starts at photo 3: three cells of a 1 x 1 grid are three widths of the target.
        assert_eq!(one[3].points[0].x, 310.0);
        assert_eq!(run(4).0, one);
        assert_eq!(run(100).0, one);
    }

    #[test]
    fn progress_tells_the_running_pck() {
        let (_, events) = run(5);
        let Some(Event::Progress { done, pck }) = events.last() else { panic!("{events:?}") };
        assert_eq!(*done, 17);
        // The zero flow of photo 0 is off by 2 of 5 allowed pixels: pairs 0, 5, 10 and 15.
        assert!((pck.unwrap() - 100.0 * 4.0 / 17.0).abs() < 1e-9);
    }

    #[test]
    fn identity_is_the_same_relative_position() {
        let mut pairs = pairs();
        pairs[0].target.size = Size::new(50, 200);
        let predictions = predict_identity(&pairs, &[]).unwrap();
        assert_eq!(predictions[0].points[0].x, 20.5);
        assert_eq!(predictions[1].points, pairs[1].source.keypoints);
    }
}
