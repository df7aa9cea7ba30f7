//! Both photos side by side, with coloured dots and lines between what corresponds.

mod canvas;
mod palette;

use std::path::Path;

use anyhow::Result;
use image::RgbImage;

use crate::geometry::{BoundingBox, Point};
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::{Correspondence, Needs};
use crate::predict::format::picture::{ENDINGS, PictureFormat};
use crate::predict::product::Product;
use crate::predict::product::matches::canvas::Canvas;
use crate::predict::transferred::TransferredKeypoints;

/// Points of the grid over the source photo, before the uncertain ones are left out.
const GRID_POINTS: usize = 89;
/// The lightest that a line gets, however uncertain its match.
const FAINTEST: f64 = 0.25;

/// Both photos side by side.
#[derive(Debug)]
pub(crate) struct Matches;

impl Product for Matches {
    type Format = PictureFormat;

    const NAME: &'static str = "matches";
    const HELP: &'static str = "Write both photos side by side with lines between what corresponds";
    const DETAILS: Option<&'static str> = Some(
        "Draws the keypoints if there are any, otherwise those points of an even grid that have \
              --min-confidence: others are mostly background without a counterpart.",
    );
    const ENDINGS: &'static [(&'static str, PictureFormat)] = ENDINGS;
    const EXAMPLE: &'static str = "jpg";
    const NEEDS_PHOTOS: bool = true;

    fn needs(_format: PictureFormat) -> Needs {
        Needs::Confidence
    }

    fn write(format: PictureFormat, context: &Context, path: &Path) -> Result<Written> {
        let matches = match context.keypoints {
            Some(keypoints) => of_keypoints(keypoints),
            None => grid(context.pair, context.threshold()),
        };
        let picture = draw(context.source.pixels()?, context.target.pixels()?, &matches);
        output::write(path, |file| format.encode(file, picture))?;
        Ok(Written::default())
    }
}

/// A position in the source photo and the one that corresponds to it in the target photo.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Match {
    /// In source pixels.
    source: Point,
    /// In target pixels.
    target: Point,
    /// 0 to 1.
    confidence: f64,
}

/// The matches of an even grid over the source photo that are at least as certain as `least`.
///
/// The grid is a Fibonacci lattice: as even as a square one, but no two of its points share a row, so
/// that lines to the other photo do not run along each other.
///
/// # Panics
/// As [`Correspondence::confidence`].
fn grid(pair: &Correspondence, least: f64) -> Vec<Match> {
    let golden_ratio = (1.0 + 5.0_f64.sqrt()) / 2.0;
    let points = (0..GRID_POINTS).map(|index| {
        let down = (index as f64 + 0.5) / GRID_POINTS as f64;
        Point::new((index as f64 / golden_ratio).fract(), down)
    });
    points
        .map(|unit| pair.source.pixel_from_unit(unit))
        .map(|source| Match {
            source,
            target: pair.transfer(source),
            confidence: pair.confidence(source),
        })
        .filter(|matched| matched.confidence >= least)
        .collect()
}

/// The keypoints as matches to draw, all of them.
fn of_keypoints(keypoints: &TransferredKeypoints) -> Vec<Match> {
    let pairs = keypoints.source.iter().zip(&keypoints.target).zip(&keypoints.confidence);
    pairs
        .map(|((source, target), confidence)| Match {
            source: *source,
            target: *target,
            confidence: *confidence,
        })
        .collect()
}

/// Draws both photos and the matches between them; colours follow the position in the source photo.
fn draw(source: &RgbImage, target: &RgbImage, matches: &[Match]) -> RgbImage {
    let mut canvas = Canvas::new(source, target);
    let positions: Vec<Point> = matches.iter().map(|matched| matched.source).collect();
    let Some(bounds) = BoundingBox::around(&positions) else { return canvas.into_picture() };
    // The most certain lines come last and lie on top.
    let mut order: Vec<&Match> = matches.iter().collect();
    order.sort_by(|a, b| a.confidence.total_cmp(&b.confidence));
    for matched in &order {
        let opacity = FAINTEST + (1.0 - FAINTEST) * matched.confidence;
        let colour = palette::colour(matched.source, bounds);
        canvas.line(matched.source, matched.target, colour, opacity);
    }
    for matched in &order {
        canvas.dots(matched.source, matched.target, palette::colour(matched.source, bounds));
    }
    canvas.into_picture()
}
