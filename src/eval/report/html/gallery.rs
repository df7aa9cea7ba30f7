//! The worst and the best pairs as pictures with drawn keypoints.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use maud::{Markup, html};
use rayon::prelude::*;

use crate::data::{AnnotatedImage, Pair};
use crate::eval::predictions::image_name;
use crate::eval::protocol::rules::MeasureFrame;
use crate::eval::summary::{Evaluation, ProtocolScores, headline_alpha};
use crate::eval::transfer::{PAPER_FRAME_SIDE, original_from_paper_frame};
use crate::geometry::{Point, Size};

/// How a photo is read for the gallery, as it was for the network.
pub type Decode<'a> = &'a (dyn Fn(&Path) -> Result<RgbImage> + Sync);

/// Pairs in each gallery.
const SHOWN: usize = 6;
/// How often a gallery shows the same photo, as one that fails with all others would fill it.
const SHOWN_AGAIN: usize = 2;
/// Longer side of a picture in pixels.
const PICTURE_SIDE: u32 = 420;
const JPEG_QUALITY: u8 = 82;

/// Pictures as `data:` addresses, or why there is none.
type Pictures<'a> = BTreeMap<&'a Path, Result<String>>;

/// Both galleries.
pub fn section(evaluation: &Evaluation, decode: Decode) -> Markup {
    let (worst, best) = worst_and_best(evaluation);
    let shown = worst.iter().chain(&best).map(|&position| evaluation.pairs[position]);
    let paths: BTreeSet<&Path> =
        shown.flat_map(|pair| [&*pair.source.path, &*pair.target.path]).collect();
    let pictures: Pictures =
        paths.into_par_iter().map(|path| (path, picture(path, decode))).collect();
    let gallery = |title: &str, positions: &[usize]| {
        html! {
            @if !positions.is_empty() {
                section {
                    h2 { (title) }
                    p { "No photo is shown more than " (SHOWN_AGAIN) " times." }
                    (legend())
                    div.gallery {
                        @for &position in positions { (figure(evaluation, position, &pictures)) }
                    }
                }
            }
        }
    };
    html! {
        (gallery("Worst pairs", &worst))
        (gallery("Best pairs", &best))
    }
}

/// Positions of the pairs to show, by PCK at the headline's alpha, then by mean distance.
fn worst_and_best(evaluation: &Evaluation) -> (Vec<usize>, Vec<usize>) {
    let (measured, alpha) = (&evaluation.protocols[0].measured, headline_alpha(&evaluation.alphas));
    let mut order: Vec<usize> = (0..measured.len()).collect();
    let rank = |position: usize| {
        let measured = &measured[position];
        (measured.pck(alpha), -measured.mean_relative_distance())
    };
    order.sort_by(|&first, &second| {
        let (first, second) = (rank(first), rank(second));
        first.0.total_cmp(&second.0).then(first.1.total_cmp(&second.1))
    });
    let (worst, best) = order.split_at(order.len() / 2);
    let worst = varied(worst.iter().copied(), &evaluation.pairs);
    (worst, varied(best.iter().rev().copied(), &evaluation.pairs))
}

/// The first of these pairs, but no photo more often than [`SHOWN_AGAIN`].
fn varied(positions: impl Iterator<Item = usize>, pairs: &[&Pair]) -> Vec<usize> {
    let mut shown: BTreeMap<&Path, usize> = BTreeMap::new();
    let is_new = |position: &usize| {
        let photos = [&*pairs[*position].source.path, &*pairs[*position].target.path];
        let new =
            photos.iter().all(|photo| shown.get(photo).is_none_or(|count| *count < SHOWN_AGAIN));
        if new {
            photos.iter().for_each(|photo| *shown.entry(photo).or_default() += 1);
        }
        new
    };
    positions.filter(is_new).take(SHOWN).collect()
}

fn legend() -> Markup {
    html! {
        ul.marks {
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" { circle.right r="6" {} } "within the threshold" }
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" { path.wrong d="M-5 -5L5 5M-5 5L5 -5" {} } "outside" }
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" { (ring(Point::default(), 1.0)) }
                "target keypoint, dashed: its threshold" }
        }
    }
}

/// A pair's photos with their keypoints.
fn figure(evaluation: &Evaluation, position: usize, pictures: &Pictures) -> Markup {
    let pair = evaluation.pairs[position];
    let marks = Marks::new(evaluation, position, headline_alpha(&evaluation.alphas));
    let right = marks.right.iter().filter(|right| **right).count();
    let names = format!("{} → {}", image_name(&pair.source.path), image_name(&pair.target.path));
    html! {
        figure {
            div.pair {
                (photo(&pair.source, "Source", &pictures[&*pair.source.path], &marks.on_source(pair)))
                (photo(&pair.target, "Target", &pictures[&*pair.target.path], &marks.on_target(pair)))
            }
            figcaption {
                strong { (format!("{:.0} %", marks.pck)) }
                " " (pair.category) ", " (right) " of " (marks.right.len()) " right"
                span.names { (names) }
            }
        }
    }
}

fn photo(image: &AnnotatedImage, role: &str, picture: &Result<String>, marks: &Markup) -> Markup {
    let Size { height, width } = image.size;
    // Pixel centres lie at whole numbers, so the first pixel begins at -0.5.
    html! {
        @match picture {
            Ok(address) => {
                svg.photo viewBox=(format!("-0.5 -0.5 {width} {height}")) role="img"
                    aria-label=(format!("{role} {} with keypoints", image_name(&image.path)))
                    style=(format!("aspect-ratio: {width} / {height}; flex-grow: {:.3}",
                        width as f64 / height as f64)) {
                    image x="-0.5" y="-0.5" width=(width) height=(height) href=(address)
                        preserveAspectRatio="none" {}
                    (marks)
                }
            }
            Err(error) => p.unreadable { (role) ": " (format!("{error:#}")) },
        }
    }
}

/// What is drawn on a pair's photos, in original pixels.
struct Marks {
    right: Vec<bool>,
    pck: f64,
    predicted: Vec<Point>,
    /// Half axes of the region in which a prediction is right: a circle in the protocol's frame.
    limit: Point,
    /// Distance of each prediction and the allowed distance, in pixels of the protocol's frame.
    distances: Vec<f64>,
    allowed: f64,
}

impl Marks {
    fn new(evaluation: &Evaluation, position: usize, alpha: f64) -> Self {
        let ProtocolScores { protocol, measured, .. } = &evaluation.protocols[0];
        let (pair, measured) = (evaluation.pairs[position], &measured[position]);
        let prediction = &evaluation.predictions[position];
        let allowed = measured.limit(alpha);
        let target = pair.target.size;
        let (limit, predicted) = match (protocol.frame, &prediction.paper_points) {
            (MeasureFrame::TargetOriginal, _) => {
                (Point::new(allowed, allowed), prediction.points.clone())
            }
            (MeasureFrame::Paper512, points) => {
                let scale = |side: usize| allowed * side as f64 / PAPER_FRAME_SIDE;
                let points = points.as_ref().map(|points| {
                    points.iter().map(|point| original_from_paper_frame(*point, target)).collect()
                });
                let limit = Point::new(scale(target.width), scale(target.height));
                (limit, points.unwrap_or_else(|| prediction.points.clone()))
            }
        };
        let right = measured.distances.iter().map(|distance| *distance <= allowed).collect();
        let distances = measured.distances.clone();
        Self { right, pck: measured.pck(alpha), predicted, limit, distances, allowed }
    }

    fn on_source(&self, pair: &Pair) -> Markup {
        let unit = unit(pair.source.size);
        html! {
            @for (number, (point, right)) in pair.source.keypoints.iter().zip(&self.right).enumerate() {
                (mark(*point, *right, unit, &format!("keypoint {}", number + 1)))
            }
        }
    }

    fn on_target(&self, pair: &Pair) -> Markup {
        let unit = unit(pair.target.size);
        html! {
            @for (index, (point, keypoint)) in self.predicted.iter().zip(&pair.target.keypoints).enumerate() {
                @let class = if self.right[index] { "right" } else { "wrong" };
                ellipse.limit cx=(number(keypoint.x)) cy=(number(keypoint.y))
                    rx=(number(self.limit.x)) ry=(number(self.limit.y)) {}
                line class=(class) x1=(number(keypoint.x)) y1=(number(keypoint.y))
                    x2=(number(point.x)) y2=(number(point.y)) {}
                (ring(*keypoint, unit))
                (mark(*point, self.right[index], unit, &format!("keypoint {}: off by {:.1} px, {:.1} allowed",
                    index + 1, self.distances[index], self.allowed)))
            }
        }
    }
}

/// Marks keep their size on the page whatever the photo's: a 100th of its longer side.
fn unit(image: Size) -> f64 {
    image.longer_side() as f64 / 420.0
}

fn ring(centre: Point, unit: f64) -> Markup {
    html! {
        circle.ring cx=(number(centre.x)) cy=(number(centre.y)) r=(number(5.5 * unit)) {}
    }
}

/// A dot where the prediction is right, a cross where it is wrong: told apart without colour too.
fn mark(centre: Point, right: bool, unit: f64, title: &str) -> Markup {
    let (x, y, arm) = (number(centre.x), number(centre.y), number(4.0 * unit));
    html! {
        @if right {
            circle.right cx=(x) cy=(y) r=(arm) { title { (title) } }
        } @else {
            g transform=(format!("translate({x} {y}) scale({})", number(unit))) {
                title { (title) }
                path.wrong.halo d="M-4 -4L4 4M-4 4L4 -4" {}
                path.wrong d="M-4 -4L4 4M-4 4L4 -4" {}
            }
        }
    }
}

/// Two decimals are enough on a page.
fn number(value: f64) -> String {
    format!("{value:.2}")
}

/// A small JPEG of a photo as a `data:` address.
fn picture(path: &Path, decode: Decode) -> Result<String> {
    let photo = decode(path)?;
    let (width, height) = photo.dimensions();
    let scale = f64::from(PICTURE_SIDE) / f64::from(width.max(height));
    let small = if scale < 1.0 {
        let shrink = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        image::imageops::resize(&photo, shrink(width), shrink(height), FilterType::Triangle)
    } else {
        photo
    };
    let mut bytes = Cursor::new(Vec::new());
    small
        .write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))
        .context("encoding a picture for the report")?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes.into_inner())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::{evaluated, pairs_and_predictions};

    #[test]
    fn galleries_do_not_overlap_and_are_ordered() {
        let (pairs, predictions) = pairs_and_predictions(&[4, 0, 2]);
        let (evaluation, _) = evaluated(&pairs, &predictions);
        assert_eq!(worst_and_best(&evaluation), (vec![1], vec![0, 2]));
    }

    #[test]
    fn marks_follow_the_measured_distances() {
        let (pairs, predictions) = pairs_and_predictions(&[3]);
        let (evaluation, _) = evaluated(&pairs, &predictions);
        let marks = Marks::new(&evaluation, 0, 0.1);
        assert_eq!(marks.right, [true, true, true, false]);
        assert_eq!(marks.limit, Point::new(5.0, 5.0));
        let drawn = marks.on_target(&pairs[0]).into_string();
        assert_eq!(drawn.matches("class=\"ring\"").count(), 4);
        assert_eq!(drawn.matches("class=\"wrong halo\"").count(), 1);
        assert!(drawn.contains("off by 125.9 px, 5.0 allowed"), "{drawn}");
    }

    #[test]
    fn large_photo_becomes_a_small_picture() {
        let photo = |_: &Path| Ok(RgbImage::new(3000, 10));
        let address = picture(Path::new("a.jpg"), &photo).unwrap();
        let encoded = address.strip_prefix("data:image/jpeg;base64,").unwrap();
        let picture = image::load_from_memory(&STANDARD.decode(encoded).unwrap()).unwrap();
        assert_eq!((picture.width(), picture.height()), (420, 1));
    }
}
