//! How good the weights are on pairs that are not trained on, and what they find of some.

pub(crate) mod shown;
mod warps;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Result, bail};
use rayon::prelude::*;

use crate::data::photo::decode_annotated;
use crate::data::photo::orientation::Exif;
use crate::data::{AnnotatedImage, Pair};
use crate::eval::column::Column;
use crate::eval::predictions::image_name;
use crate::eval::prefetch::load;
use crate::eval::protocol::Protocol;
use crate::eval::summary::{alpha_key, score};
use crate::eval::{self, PredictOptions};
use crate::flow::{Flow, Matched, Wanted};
use crate::geometry::Size;
use crate::inference::FlowNetwork;
use crate::inference::frame::{Frame, FrameKey, Input};
use crate::train::validation::shown::{Found, Picture};
use crate::train::validation::warps::WarpedPair;

/// The share of the threshold length within which a point is right.
pub(crate) const ALPHA: f64 = 0.1;

/// What a network came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    /// PCK in percent.
    pub pck: f64,
    /// What it found of the pairs that are shown.
    pub found: Vec<Found>,
}

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
    /// Warps of photos, the same in every epoch; a point is right within [`warps::ALPHA`] of the frame's side.
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
                format!("PCK@{} (warps, of the frame's side)", alpha_key(warps::ALPHA))
            }
        }
    }

    /// What a network comes to; `None` if `stop` says to give up. `on_progress` is told how many pairs are done.
    ///
    /// # Errors
    /// When a photo cannot be read, or the network's flow is not finite.
    pub(crate) fn judge(
        &self,
        network: &mut dyn FlowNetwork,
        batch_size: NonZeroUsize,
        stop: &dyn Fn() -> bool,
        on_progress: &mut dyn FnMut(usize),
    ) -> Result<Option<Judged>> {
        let shown = shown::shown(self.len());
        match self {
            Self::Pairs { pairs, protocol, exif } => {
                let input = network.input();
                let mut network = Interruptible { network, stop, stopped: false };
                let options = PredictOptions {
                    batch_size,
                    skip_bad: false,
                    protocols: &[*protocol],
                    column: Column::Pck(ALPHA),
                    wanted: Wanted::Matches,
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
                let pck = scores.protocols.first().map(|scores| scores.pck(ALPHA));
                let found = |&number: &usize| {
                    let (pair, prediction) = (&pairs[number], &predicted[number]);
                    let measured = protocol.measure_keypoints(pair, prediction)?;
                    Ok(Found {
                        pair: number,
                        source: pair.source.keypoints.clone(),
                        target: prediction.points.clone(),
                        truth: pair.target.keypoints.clone(),
                        right: measured.right(ALPHA).collect(),
                    })
                };
                let found = shown.iter().map(found).collect::<Result<_>>()?;
                Ok(pck.map(|pck| Judged { pck, found }))
            }
            Self::Warps { warps, .. } => {
                let input = network.input();
                let (mut shares, mut found) = (Vec::with_capacity(*warps), Vec::new());
                for first in (0..self.len()).step_by(batch_size.get()) {
                    if stop() {
                        return Ok(None);
                    }
                    let batch = first..(first + batch_size.get()).min(*warps);
                    let pairs: Vec<WarpedPair> = batch
                        .clone()
                        .into_par_iter()
                        .map(|index| self.warp(index, input))
                        .collect::<Result<_>>()?;
                    let frames: Vec<(Frame, Frame)> =
                        pairs.iter().map(|pair| pair.frames.clone()).collect();
                    let matched = network.matched(&frames, Wanted::Matches)?;
                    for ((index, pair), matched) in batch.zip(&pairs).zip(&matched) {
                        shares.extend(pair.right(&matched.flow));
                        if shown.contains(&index) {
                            found.push(pair.found(index, &matched.flow));
                        }
                    }
                    on_progress(shares.len());
                }
                let pck = 100.0 * shares.iter().sum::<f64>() / shares.len().max(1) as f64;
                Ok(Some(Judged { pck, found }))
            }
        }
    }

    /// Pictures of what was found, by a network that takes such photos.
    ///
    /// # Errors
    /// When a photo cannot be read, or a picture not encoded.
    pub(crate) fn pictures(&self, judged: &Judged, input: Input) -> Result<Vec<Picture>> {
        let picture = |found: &Found| match self {
            Self::Pairs { pairs, exif, .. } => {
                let [source, target] = [&pairs[found.pair].source, &pairs[found.pair].target];
                let decode = |image: &AnnotatedImage| decode_annotated(&image.path, *exif);
                let name = format!("{} to {}", image_name(&source.path), image_name(&target.path));
                found.picture(&[decode(source)?, decode(target)?], &name)
            }
            Self::Warps { photos, .. } => {
                let pair = self.warp(found.pair, input)?;
                let name = image_name(&photos[found.pair % photos.len()]);
                found.picture(&pair.photos(), &format!("a warp of {name} to it"))
            }
        };
        judged.found.par_iter().map(picture).collect()
    }

    /// A warp of a number.
    fn warp(&self, index: usize, input: Input) -> Result<WarpedPair> {
        match self {
            Self::Warps { photos, seed, exif, .. } => {
                WarpedPair::read(&photos[index % photos.len()], *exif, input, *seed, index)
            }
            Self::Pairs { .. } => bail!("annotated pairs are no warps"),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use image::RgbImage;

    use super::*;

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
        let judged = validation.judge(&mut network, two, &|| false, &mut |count| done = count);
        let judged = judged.unwrap().unwrap();
        assert!((0.0..100.0).contains(&judged.pck) && done == 5);
        assert_eq!(judged.found.iter().map(|found| found.pair).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(!judged.found[0].right.is_empty());
        let pictures = validation.pictures(&judged, network.input()).unwrap();
        assert_eq!((pictures.len(), pictures[0].size.width), (4, 486));
        let keys: BTreeSet<&FrameKey> = network.0.iter().collect();
        assert_eq!(keys.len(), 5);
        assert_eq!(keys.iter().filter(|key| key.path.starts_with(&photos[0])).count(), 3);
    }
}
