//! The pages behind a report's pictures: the network looks at their pairs once more, both ways.

use std::path::PathBuf;

use anyhow::Result;

use crate::data::photo::orientation::Exif;
use crate::data::truth::Truth;
use crate::data::{AnnotatedImage, Pair};
use crate::eval::compare::Comparison;
use crate::eval::report::html::{Views, shown};
use crate::eval::summary::Evaluation;
use crate::geometry::{Point, Turn};
use crate::inference::Engine;
use crate::inference::frame::FrameKey;
use crate::predict::context::Context;
use crate::predict::correspondence::{Needs, Resolution};
use crate::predict::keypoints::Keypoints;
use crate::predict::pair::{Seen, correspond};
use crate::predict::photo::Photo;
use crate::predict::product::view::small_page;
use crate::predict::transferred::TransferredKeypoints;

/// A page for each pair that the report shows as a picture.
pub(super) fn views(
    evaluation: &Evaluation,
    comparison: Option<&Comparison>,
    network: &mut Engine,
    exif: Exif,
) -> Views {
    let view = |position: usize| (position, view(evaluation.pairs[position], network, exif));
    shown(evaluation, comparison).into_iter().map(view).collect()
}

fn view(pair: &Pair, network: &mut Engine, exif: Exif) -> Result<String> {
    let input = network.input();
    let photo = |path: &PathBuf| {
        let turn = Turn { mirrored: pair.mirrored, ..Turn::NONE };
        Photo::annotated(FrameKey { turn, ..FrameKey::of(path) }, exif, input)
    };
    let (source, target) = rayon::join(|| photo(&pair.source.path), || photo(&pair.target.path));
    let (source, target) = (source?, target?);
    let seen = Seen { source: &source, target: &target, turn: Turn::NONE };
    let found = correspond(network, &[seen], Needs::Everything)?.remove(0);
    let keypoints = match pair.truth {
        Truth::Keypoints | Truth::Flow(_) => Some(Keypoints::known(
            points(&pair.source, pair.mirrored),
            points(&pair.target, pair.mirrored),
            pair.target.bounding_box,
        )),
        Truth::Outlines => None,
    };
    let keypoints = keypoints.map(|keypoints| TransferredKeypoints::new(&keypoints, &found));
    let photos = [&source, &target];
    small_page(&Context::new(&found, photos, Resolution::Original, keypoints.as_ref()))
}

/// The keypoints of a photo as it is shown.
fn points(image: &AnnotatedImage, mirrored: bool) -> Vec<Point> {
    let last = image.size.width as f64 - 1.0;
    let shown = |point: &Point| if mirrored { Point::new(last - point.x, point.y) } else { *point };
    image.keypoints.iter().map(shown).collect()
}
