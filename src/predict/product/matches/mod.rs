//! What corresponds point by point: both photos side by side with dots of equal colour, or lists.

mod choice;
mod colmap;
mod detail;
mod label;
mod list;
mod palette;
mod picture;
mod point;
pub(crate) mod shown;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::drawing::Drawing;
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::Needs;
use crate::predict::format::picture::PictureFormat;
use crate::predict::product::Product;
use crate::predict::product::matches::choice::{DEFAULT_MOST, chosen};
use crate::predict::product::matches::point::Match;
use crate::predict::product::matches::shown::shown;
use crate::predict::transferred::TransferredKeypoints;

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
    /// What COLMAP imports.
    Colmap,
}

impl Product for Matches {
    type Format = MatchFormat;

    const NAME: &'static str = "matches";
    const HELP: &'static str =
        "Write both photos with dots of equal colour where they correspond, or a list of it";
    const DETAILS: Option<&'static str> = Some(
        "A picture shows the keypoints if there are any, otherwise up to 20 points that are certain (from \
         --min-confidence on), that the way back confirms and that lie apart; faint where unsure, with a green or a \
         red ring where the truth is known, and with --lines joined by lines. A list (.csv, .json, .npz, .txt) holds \
         up to --max-matches points, in the photos' pixels, that lie spread over the source and that the way back \
         confirms, the most certain first. .txt is for COLMAP's matches_importer (--match_type raw); the keypoints, \
         for its feature_importer, are written beside it as SOURCE.txt and TARGET.txt, after the photos' names.",
    );
    const ENDINGS: &'static [(&'static str, MatchFormat)] = &[
        ("png", MatchFormat::Picture(PictureFormat::Png)),
        ("jpg", MatchFormat::Picture(PictureFormat::Jpeg)),
        ("jpeg", MatchFormat::Picture(PictureFormat::Jpeg)),
        ("webp", MatchFormat::Picture(PictureFormat::Webp)),
        ("csv", MatchFormat::Csv),
        ("json", MatchFormat::Json),
        ("npz", MatchFormat::Npz),
        ("txt", MatchFormat::Colmap),
    ];
    const EXAMPLE: &'static str = "jpg";

    fn needs_photos(format: MatchFormat, _drawing: Drawing) -> bool {
        matches!(format, MatchFormat::Picture(_))
    }

    fn needs(_format: MatchFormat, _drawing: Drawing) -> Needs {
        Needs::BothWays
    }

    /// The same photo has other keypoints in each pair, and one name for them.
    fn in_lists(format: MatchFormat) -> bool {
        format != MatchFormat::Colmap
    }

    fn beside(format: MatchFormat, path: &Path, photos: [&Path; 2]) -> Vec<PathBuf> {
        if format != MatchFormat::Colmap {
            return Vec::new();
        }
        let mut files = colmap::keypoint_files(path, photos).to_vec();
        files.dedup();
        files
    }

    fn write(format: MatchFormat, context: &Context, path: &Path) -> Result<Written> {
        let matches = match (context.keypoints, format) {
            (Some(keypoints), _) => of_keypoints(keypoints),
            (None, MatchFormat::Picture(_)) => shown(context)?,
            (None, _) => {
                let most = context.limits.most_matches.unwrap_or(DEFAULT_MOST);
                chosen(context.pair, context.limits.threshold(), most)
            }
        };
        match format {
            MatchFormat::Picture(format) => {
                let picture = picture::draw(context, &matches)?;
                output::write(path, |file| format.encode(file, picture))
            }
            MatchFormat::Csv => output::write(path, |file| list::write_csv(file, &matches)),
            MatchFormat::Json => output::write(path, |file| list::write_json(file, &matches)),
            MatchFormat::Npz => output::write(path, |file| list::write_npz(file, &matches)),
            MatchFormat::Colmap => colmap::write(path, [context.source, context.target], &matches),
        }?;
        Ok(Written::default())
    }
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
