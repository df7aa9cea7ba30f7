//! What corresponds point by point: both photos side by side, with coloured dots and lines between them, or lists.

mod canvas;
mod choice;
mod list;
mod palette;
mod point;

use std::path::Path;

use anyhow::Result;
use image::RgbImage;

use crate::geometry::{BoundingBox, Point};
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::{Correspondence, Needs};
use crate::predict::format::picture::PictureFormat;
use crate::predict::product::Product;
use crate::predict::product::matches::canvas::Canvas;
use crate::predict::product::matches::choice::{DEFAULT_MOST, chosen};
use crate::predict::product::matches::point::{Match, spread};
use crate::predict::transferred::TransferredKeypoints;

/// Points of the grid over the source photo, before the uncertain ones are left out.
const GRID_POINTS: usize = 89;
/// The lightest that a line gets, however uncertain its match.
const FAINTEST: f64 = 0.25;

/// Points in both photos.
#[derive(Debug)]
pub(crate) struct Matches;

/// A file format for matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MatchFormat {
    /// Drawn.
    Picture(PictureFormat),
    /// A line of numbers a match.
    Csv,
    /// As keypoints are printed.
    Json,
    /// NumPy's arrays.
    Npz,
}

impl Product for Matches {
    type Format = MatchFormat;

    const NAME: &'static str = "matches";
    const HELP: &'static str =
        "Write both photos side by side with lines between what corresponds, or a list of it";
    const DETAILS: Option<&'static str> = Some(
        "Of the keypoints if there are any, otherwise of those points of an even grid that have --min-confidence: \
         others are mostly background without a counterpart. A list (.csv, .json, .npz) holds up to --max-matches \
         points, in the photos' pixels, that lie spread over the source and that the way back confirms, the most \
         certain first.",
    );
    const ENDINGS: &'static [(&'static str, MatchFormat)] = &[
        ("png", MatchFormat::Picture(PictureFormat::Png)),
        ("jpg", MatchFormat::Picture(PictureFormat::Jpeg)),
        ("jpeg", MatchFormat::Picture(PictureFormat::Jpeg)),
        ("webp", MatchFormat::Picture(PictureFormat::Webp)),
        ("csv", MatchFormat::Csv),
        ("json", MatchFormat::Json),
        ("npz", MatchFormat::Npz),
    ];
    const EXAMPLE: &'static str = "jpg";

    fn needs_photos(format: MatchFormat) -> bool {
        matches!(format, MatchFormat::Picture(_))
    }

    fn needs(format: MatchFormat) -> Needs {
        match format {
            MatchFormat::Picture(_) => Needs::Confidence,
            MatchFormat::Csv | MatchFormat::Json | MatchFormat::Npz => Needs::BothWays,
        }
    }

    fn write(format: MatchFormat, context: &Context, path: &Path) -> Result<Written> {
        let matches = match (context.keypoints, format) {
            (Some(keypoints), _) => of_keypoints(keypoints),
            (None, MatchFormat::Picture(_)) => grid(context.pair, context.limits.threshold()),
            (None, _) => {
                let most = context.limits.most_matches.unwrap_or(DEFAULT_MOST);
                chosen(context.pair, context.limits.threshold(), most)
            }
        };
        match format {
            MatchFormat::Picture(format) => {
                let picture = draw(context.source.pixels()?, context.target.pixels()?, &matches);
                output::write(path, |file| format.encode(file, picture))
            }
            MatchFormat::Csv => output::write(path, |file| list::write_csv(file, &matches)),
            MatchFormat::Json => output::write(path, |file| list::write_json(file, &matches)),
            MatchFormat::Npz => output::write(path, |file| list::write_npz(file, &matches)),
        }?;
        Ok(Written::default())
    }
}

/// The matches of an even grid over the source photo that are at least as certain as `least`.
///
/// # Panics
/// As [`Correspondence::confidence`].
fn grid(pair: &Correspondence, least: f64) -> Vec<Match> {
    let points = spread(GRID_POINTS).into_iter();
    points
        .map(|unit| Match::at(pair, pair.source.pixel_from_unit(unit)))
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
