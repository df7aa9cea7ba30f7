//! How good the weights are on pairs that are not trained on.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Result, bail};
use image::RgbImage;
use rayon::prelude::*;

use crate::data::Pair;
use crate::data::photo::decode_annotated;
use crate::data::photo::orientation::Exif;
use crate::eval::column::Column;
use crate::eval::prefetch::load;
use crate::eval::protocol::Protocol;
use crate::eval::summary::{alpha_key, score};
use crate::eval::{self, PredictOptions};
use crate::flow::{Flow, Matched, Wanted};
use crate::geometry::{Point, Size};
use crate::inference::FlowNetwork;
use crate::inference::frame::{Frame, FrameKey, Input};
use crate::inference::pixels::Pixels;
use crate::pck;
use crate::train::samples::random::{Purpose, generator};
use crate::train::samples::warp::{Warp, WarpConfig};

/// The share of the threshold length within which a point is right.
pub(crate) const ALPHA: f64 = 0.1;

/// The same of warps, whose points are known exactly and are easily found: about half a cell of a small model.
const WARP_ALPHA: f64 = 0.02;

/// Points along each side at which the flow of a warped photo is scored.
const WARP_POINTS: usize = 16;

/// Pairs that validation scores.
#[derive(Debug)]
pub(crate) enum Validation {
    /// Annotated pairs under the dataset's usual protocol.
    Pairs {
        /// The pairs.
        pairs: Vec<Pair>,
        /// How they are scored.
        protocol: Protocol,
        /// What is done about their photos' EXIF orientation.
        exif: Exif,
    },
    /// Warps of photos, the same in every epoch; a point is right within [`WARP_ALPHA`] of the frame's side.
    Warps {
        /// The photos.
        photos: Vec<PathBuf>,
        /// How many warps there are of all of them, taken in turns.
        warps: usize,
        /// The run's seed.
        seed: u64,
        /// What is done about their EXIF orientation.
        exif: Exif,
    },
}

impl Validation {
    /// How many pairs are scored.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Pairs { pairs, .. } => pairs.len(),
            Self::Warps { photos, .. } if photos.is_empty() => 0,
            Self::Warps { warps, .. } => *warps,
        }
    }

    /// Whether there is nothing to score.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many annotated pairs or plain photos the pairs are made of.
    pub(crate) fn sources(&self) -> usize {
        match self {
            Self::Pairs { pairs, .. } => pairs.len(),
            Self::Warps { photos, .. } => photos.len(),
        }
    }

    /// The score in words.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Pairs { protocol, .. } => {
                format!("PCK@{} ({})", alpha_key(ALPHA), protocol.name)
            }
            Self::Warps { .. } => {
                format!("PCK@{} (warps, of the frame's side)", alpha_key(WARP_ALPHA))
            }
        }
    }

    /// PCK in percent, by [`ALPHA`] or [`WARP_ALPHA`]; `None` if `stop` says to give up. `on_progress` is told how many
    /// pairs are done.
    ///
    /// # Errors
    /// When a photo cannot be read, or the network's flow is not finite.
    pub(crate) fn pck(
        &self,
        network: &mut dyn FlowNetwork,
        batch_size: NonZeroUsize,
        stop: &dyn Fn() -> bool,
        on_progress: &mut dyn FnMut(usize),
    ) -> Result<Option<f64>> {
        match self {
            Self::Pairs { pairs, protocol, exif } => {
                let input = network.input();
                let mut network = Interruptible { network, stop, stopped: false };
                let options = PredictOptions {
                    batch_size,
                    skip_bad: false,
                    protocols: &[*protocol],
                    column: Column::Pck(ALPHA),
                };
                let mut on_event = |event| {
                    if let eval::Event::Progress { done, .. } = event {
                        on_progress(done);
                    }
                };
                let photo = |key: &FrameKey| load(key, input, *exif);
                let predicted = eval::predict(pairs, &options, &photo, &mut network, &mut on_event);
                if network.stopped {
                    return Ok(None);
                }
                let predicted = predicted?;
                let scores = score(pairs, &predicted, &[*protocol], &[ALPHA])?;
                Ok(scores.protocols.first().map(|scores| scores.pck(ALPHA)))
            }
            Self::Warps { photos, warps, seed, exif } => {
                let input = network.input();
                let pair = |index: usize| -> Result<WarpedPair> {
                    let path = &photos[index % photos.len()];
                    let photo = decode_annotated(path, *exif)?;
                    Ok(WarpedPair::new(path.clone(), &photo, input, *seed, index))
                };
                let mut shares = Vec::with_capacity(*warps);
                for first in (0..self.len()).step_by(batch_size.get()) {
                    if stop() {
                        return Ok(None);
                    }
                    let batch = first..(first + batch_size.get()).min(*warps);
                    let pairs: Vec<WarpedPair> =
                        batch.into_par_iter().map(pair).collect::<Result<_>>()?;
                    let frames: Vec<(Frame, Frame)> =
                        pairs.iter().map(|pair| pair.frames.clone()).collect();
                    let found = network.matched(&frames, Wanted::Matches)?;
                    let share =
                        |(pair, matched): (_, &Matched)| WarpedPair::right(pair, &matched.flow);
                    shares.extend(pairs.iter().zip(&found).filter_map(share));
                    on_progress(shares.len());
                }
                Ok(Some(100.0 * shares.iter().sum::<f64>() / shares.len().max(1) as f64))
            }
        }
    }
}

/// Finds every point at the same place of the other photo: what a network must do better than.
pub(crate) struct SamePosition(pub(crate) Input);

impl FlowNetwork for SamePosition {
    fn input(&self) -> Input {
        self.0
    }

    fn matched(&mut self, pairs: &[(Frame, Frame)], _wanted: Wanted) -> Result<Vec<Matched>> {
        Ok(pairs.iter().map(|_| Flow::zero(Size::square(self.0.side)).into()).collect())
    }
}

/// A network, until someone says stop.
struct Interruptible<'a> {
    network: &'a mut dyn FlowNetwork,
    stop: &'a dyn Fn() -> bool,
    stopped: bool,
}

impl FlowNetwork for Interruptible<'_> {
    fn input(&self) -> Input {
        self.network.input()
    }

    fn matched(&mut self, pairs: &[(Frame, Frame)], wanted: Wanted) -> Result<Vec<Matched>> {
        self.stopped |= (self.stop)();
        if self.stopped {
            bail!("validation was interrupted");
        }
        self.network.matched(pairs, wanted)
    }
}

/// A photo and a warp of it.
struct WarpedPair {
    frames: (Frame, Frame),
    warp: Warp,
}

impl WarpedPair {
    fn new(path: PathBuf, photo: &RgbImage, input: Input, seed: u64, index: usize) -> Self {
        let target = input.scaled(photo).into_bytes();
        let mut rng = generator(seed, Purpose::Validation, 0, index as u64);
        let warp = Warp::draw(&mut rng, &WarpConfig::default());
        let warped = FrameKey::of(path.join(format!("warp {index}")));
        let size = Size::new(photo.height() as usize, photo.width() as usize);
        let source = input.placed(warped, Pixels::Bytes(warp.source(&target)), size);
        let key = FrameKey::of(path);
        Self { frames: (source, input.placed(key, Pixels::Bytes(target), size)), warp }
    }

    /// The share of points with a match inside the target that the flow sends close to it; `None` if
    /// there are no such points.
    fn right(&self, flow: &Flow) -> Option<f64> {
        let grid = Size::square(WARP_POINTS);
        let point = |index: usize| {
            let pixel = Point::new((index % WARP_POINTS) as f64, (index / WARP_POINTS) as f64);
            grid.unit_from_pixel(pixel)
        };
        let inside =
            |point: Point| (0.0..=1.0).contains(&point.x) && (0.0..=1.0).contains(&point.y);
        let errors: Vec<f64> = (0..grid.area())
            .map(|index| (point(index), self.warp.map(point(index))))
            .filter(|(_, wanted)| inside(*wanted))
            .map(|(from, wanted)| flow.target_from_source_unit(from).distance(wanted))
            .collect();
        let right = pck::correct(&errors, WARP_ALPHA);
        (!errors.is_empty()).then(|| right as f64 / errors.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_true_flow_of_a_warp_scores_full_marks_and_no_flow_does_not() {
        let photo = RgbImage::from_fn(40, 30, |x, y| image::Rgb([x as u8, y as u8, 0]));
        let input = Input::stretched(64);
        let pair = WarpedPair::new("a.png".into(), &photo, input, 47, 3);
        let (truth, _) = pair.warp.flow(Size::square(64));
        assert_eq!(pair.right(&truth), Some(1.0));
        assert!(pair.right(&Flow::zero(Size::square(64))).unwrap() < 0.9);
    }

    #[test]
    fn few_photos_are_warped_in_turns_and_every_warp_is_another_photo_to_the_network() {
        struct Names(Vec<FrameKey>);

        impl FlowNetwork for Names {
            fn input(&self) -> Input {
                Input::stretched(16)
            }

            fn matched(&mut self, pairs: &[(Frame, Frame)], _: Wanted) -> Result<Vec<Matched>> {
                self.0.extend(pairs.iter().map(|(source, _)| source.key.clone()));
                SamePosition(self.input()).matched(pairs, Wanted::Matches)
            }
        }

        let folder = tempfile::tempdir().unwrap();
        let photos = ["a.png", "b.png"].map(|name| folder.path().join(name));
        photos.iter().for_each(|path| RgbImage::new(20, 16).save(path).unwrap());
        let (seed, exif) = (47, Exif::Ignore);
        let validation = Validation::Warps { photos: photos.to_vec(), warps: 5, seed, exif };
        assert_eq!((validation.len(), validation.sources()), (5, 2));
        let (mut network, mut done) = (Names(Vec::new()), 0);
        let two = NonZeroUsize::new(2).unwrap();
        let pck = validation.pck(&mut network, two, &|| false, &mut |count| done = count).unwrap();
        assert!((0.0..100.0).contains(&pck.unwrap()) && done == 5);
        let keys: BTreeSet<&FrameKey> = network.0.iter().collect();
        assert_eq!(keys.len(), 5);
        assert_eq!(keys.iter().filter(|key| key.path.starts_with(&photos[0])).count(), 3);
    }
}
