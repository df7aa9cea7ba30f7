//! Warps of photos, whose every point is known.

use std::path::{Path, PathBuf};

use anyhow::Result;
use image::RgbImage;

use crate::data::photo::decode_annotated;
use crate::data::photo::orientation::Exif;
use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::inference::frame::{Frame, FrameKey, Input};
use crate::inference::pixels::Pixels;
use crate::train::samples::random::{Purpose, generator};
use crate::train::samples::warp::{Warp, WarpConfig};
use crate::train::validation::shown::Found;

/// The share of the frame's side within which a point of a warp is right: such points are known exactly and easily
/// found; about half a cell of a small model.
pub(super) const ALPHA: f64 = 0.02;

/// Points along each side at which the flow of a warped photo is scored.
const POINTS: usize = 16;

/// Every so many of them along each side is drawn.
const DRAWN: usize = 4;

/// A photo and a warp of it.
pub(super) struct WarpedPair {
    /// The warped photo, and the photo.
    pub frames: (Frame, Frame),
    warp: Warp,
}

/// A point that is scored, in the unit square.
struct Scored {
    from: Point,
    found: Point,
    truth: Point,
}

impl Scored {
    fn is_right(&self) -> bool {
        self.found.distance(self.truth) <= ALPHA
    }
}

impl WarpedPair {
    /// The warp of a number of a photo.
    ///
    /// # Errors
    /// When the photo cannot be read.
    pub(super) fn read(
        path: &Path,
        exif: Exif,
        input: Input,
        seed: u64,
        index: usize,
    ) -> Result<Self> {
        let photo = decode_annotated(path, exif)?;
        Ok(Self::new(path.to_owned(), &photo, input, seed, index))
    }

    /// The same of a photo that is decoded.
    pub(super) fn new(
        path: PathBuf,
        photo: &RgbImage,
        input: Input,
        seed: u64,
        index: usize,
    ) -> Self {
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
    pub(super) fn right(&self, flow: &Flow) -> Option<f64> {
        let scored: Vec<Scored> = self.scored(flow, 1).collect();
        let right = scored.iter().filter(|scored| scored.is_right()).count();
        (!scored.is_empty()).then(|| right as f64 / scored.len() as f64)
    }

    /// What a flow finds of the points that are drawn, in pixels of [`photos`](Self::photos).
    pub(super) fn found(&self, pair: usize, flow: &Flow) -> Found {
        let scored: Vec<Scored> = self.scored(flow, DRAWN).collect();
        let [source, target] =
            self.photos().map(|photo| Size::new(photo.height() as usize, photo.width() as usize));
        let pixels = |size: Size, point: fn(&Scored) -> Point| {
            scored.iter().map(|scored| size.pixel_from_unit(point(scored))).collect()
        };
        Found {
            pair,
            source: pixels(source, |scored| scored.from),
            target: pixels(target, |scored| scored.found),
            truth: pixels(target, |scored| scored.truth),
            right: scored.iter().map(Scored::is_right).collect(),
        }
    }

    /// The warped photo and the photo as the network sees them.
    pub(super) fn photos(&self) -> [RgbImage; 2] {
        let bytes = |frame: &Frame| Pixels::clone(&frame.pixels).into_bytes();
        [bytes(&self.frames.0), bytes(&self.frames.1)]
    }

    /// The points with a match inside the target, every so many along each side.
    fn scored(&self, flow: &Flow, every: usize) -> impl Iterator<Item = Scored> {
        let grid = Size::square(POINTS);
        let inside =
            |point: Point| (0.0..=1.0).contains(&point.x) && (0.0..=1.0).contains(&point.y);
        let point = move |index: usize| {
            let (row, column) = (index / POINTS, index % POINTS);
            let drawn = row % every == every / 2 && column % every == every / 2;
            let from = grid.unit_from_pixel(Point::new(column as f64, row as f64));
            let (found, truth) = (flow.target_from_source_unit(from), self.warp.map(from));
            (drawn && inside(truth)).then_some(Scored { from, found, truth })
        };
        (0..grid.area()).filter_map(point)
    }
}

#[cfg(test)]
mod tests {
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
}
