//! Matches as a picture: a dot in each photo, of equal colour and with an equal number.

use image::RgbImage;

use crate::drawing::canvas::{Canvas, Ink};
use crate::drawing::colour::mixed;
use crate::drawing::panels::{Panels, Placement};
use crate::geometry::Point;
use crate::predict::context::Context;
use crate::predict::product::matches::label::Labels;
use crate::predict::product::matches::palette;
use crate::predict::product::matches::point::Match;
use crate::predict::transferred::TransferredKeypoints;

/// Sizes in hundredths of a photo's size.
const DOT: f64 = 1.25;
const RIM: f64 = 0.35;
const RING: f64 = 0.55;
const LINE: f64 = 0.4;
/// Beyond so many points dots become smaller.
const MANY: f64 = 24.0;
/// Confidences at which a dot is faintest, and from which it is full.
const UNSURE: f64 = 0.2;
const SURE: f64 = 0.65;
/// The strength and the size of the faintest dot, as parts of the full one's.
const FAINTEST: f64 = 0.35;
const SMALLEST: f64 = 0.6;
/// Points that are numbered at most.
const MOST_NUMBERS: usize = 200;
/// The least opacity of a number.
const READABLE: f64 = 0.65;
/// The certainty below which a dot is seen to be smaller and paler.
const NOTICEABLE: f64 = 0.85;
/// The alpha up to which a keypoint counts as right.
const ALPHA: f64 = 0.1;
const RIGHT: Ink = Ink::solid([0, 200, 83]);
const WRONG: Ink = Ink::solid([244, 33, 46]);

/// A match, and how it is drawn.
struct Mark {
    found: Match,
    number: usize,
    colour: [u8; 3],
    truth: Option<Truth>,
}

/// A mark's position in one of the photos.
type End = fn(&Mark) -> Point;

/// Where a keypoint truly lies, and whether it was found there.
#[derive(Clone, Copy)]
struct Truth {
    position: Point,
    right: bool,
}

/// Draws both photos with the matches between them.
///
/// # Errors
/// When the photos were not kept.
pub(super) fn draw(context: &Context, matches: &[Match]) -> anyhow::Result<RgbImage> {
    let marks = marks(matches, context.keypoints);
    let caption = caption(context, &marks);
    let panels = Panels::new(context.source.pixels()?, context.target.pixels()?, &caption);
    let Panels { mut canvas, source, target, unit } = panels;
    let unit = unit * (MANY / marks.len() as f64).sqrt().clamp(0.5, 1.0);
    // The most certain come last and lie on top.
    let mut order: Vec<&Mark> = marks.iter().collect();
    order.sort_by(|a, b| a.found.confidence.total_cmp(&b.found.confidence));
    if context.drawing.lines {
        for mark in &order {
            let ends = [source.position(mark.found.source), target.position(mark.found.target)];
            let ink = Ink::solid(mark.colour).faint(mark.opacity());
            canvas.line(ends[0], ends[1], 2.2 * LINE * unit, Ink::BLACK.faint(0.3 * ink.opacity));
            canvas.line(ends[0], ends[1], LINE * unit, ink);
        }
    }
    let sides: [(Placement, End); 2] =
        [(source, |mark| mark.found.source), (target, |mark| mark.found.target)];
    for (place, position) in sides {
        for mark in &order {
            draw_dot(&mut canvas, place.position(position(mark)), mark, unit);
        }
    }
    for mark in &order {
        if let Some(truth) = mark.truth {
            draw_truth(&mut canvas, target, mark, truth, unit);
        }
    }
    for (place, position) in sides {
        let dots = order.iter().map(|mark| (place.position(position(mark)), mark.reach() * unit));
        let mut labels = Labels::new(place, unit, dots.collect());
        // Those that matter most take their room first. Of very many there is none.
        for mark in order.iter().rev().take(MOST_NUMBERS) {
            let at = place.position(position(mark));
            let number = mark.number.to_string();
            if let Some(start) = labels.place(&number, at, mark.reach() * unit) {
                canvas.text_on_photo(&number, start, labels.size, mark.opacity().max(READABLE));
            }
        }
    }
    Ok(canvas.into_picture())
}

impl Mark {
    /// 0 to 1.
    fn certainty(&self) -> f64 {
        ((self.found.confidence - UNSURE) / (SURE - UNSURE)).clamp(0.0, 1.0)
    }

    fn opacity(&self) -> f64 {
        FAINTEST + (1.0 - FAINTEST) * self.certainty()
    }

    /// In hundredths of a photo's size.
    fn radius(&self) -> f64 {
        DOT * (SMALLEST + (1.0 - SMALLEST) * self.certainty())
    }

    /// As far as the dot and what is around it reach, in hundredths of a photo's size.
    fn reach(&self) -> f64 {
        self.radius() + if self.truth.is_some() { RIM + 1.5 * RING } else { 0.5 * RIM }
    }
}

/// A mark for each match. Keypoints keep the numbers of their order, others are numbered from left to right.
fn marks(matches: &[Match], keypoints: Option<&TransferredKeypoints>) -> Vec<Mark> {
    let mut matches = matches.to_vec();
    if keypoints.is_none() {
        matches.sort_by(|a, b| a.source.x.total_cmp(&b.source.x));
    }
    let positions: Vec<Point> = matches.iter().map(|found| found.source).collect();
    let truth = |index: usize| {
        let keypoints = keypoints?;
        let (truth, score) = (keypoints.truth.as_ref()?, keypoints.score.as_ref()?);
        let right = score.distance[index] <= ALPHA * score.side;
        Some(Truth { position: truth[index], right })
    };
    let coloured = matches.into_iter().zip(palette::colours(&positions)).enumerate();
    let mark = |(index, (found, colour))| {
        let (number, truth) = (index + 1, truth(index));
        Mark { found, number, colour, truth }
    };
    coloured.map(mark).collect()
}

fn draw_dot(canvas: &mut Canvas, at: Point, mark: &Mark, unit: f64) {
    let (radius, rim, opacity) = (mark.radius() * unit, RIM * unit, mark.opacity());
    canvas.ring(at, radius, 2.6 * rim, Ink::BLACK.faint(0.45 * opacity));
    canvas.ring(at, radius, rim, Ink::WHITE.faint(opacity));
    // Pale rather than transparent, so that it has one colour in both photos.
    canvas.disc(at, radius, Ink::solid(mixed(mark.colour, [255; 3], 1.0 - opacity)));
}

/// A ring around a found keypoint, and, where it is wrong, a line to where it should be.
fn draw_truth(canvas: &mut Canvas, target: Placement, mark: &Mark, truth: Truth, unit: f64) {
    let (found, wanted) = (target.position(mark.found.target), target.position(truth.position));
    let radius = (mark.radius() + RIM + RING) * unit;
    let ink = if truth.right { RIGHT } else { WRONG };
    if !truth.right {
        let away = found.distance(wanted);
        if away > radius {
            let part = radius / away;
            let rim = Point::new(
                found.x + (wanted.x - found.x) * part,
                found.y + (wanted.y - found.y) * part,
            );
            canvas.line(rim, wanted, 2.0 * LINE * unit + 2.0, Ink::BLACK.faint(0.4));
            canvas.line(rim, wanted, 1.5 * LINE * unit, ink);
        }
        draw_cross(canvas, wanted, mark.colour, unit);
    }
    canvas.ring(found, radius, 1.7 * RING * unit, Ink::BLACK.faint(0.4));
    canvas.ring(found, radius, RING * unit, ink);
}

/// A cross in the keypoint's colour.
fn draw_cross(canvas: &mut Canvas, at: Point, colour: [u8; 3], unit: f64) {
    let arm = DOT * unit;
    for (width, ink) in [(1.2, Ink::BLACK), (0.9, Ink::WHITE), (0.5, Ink::solid(colour))] {
        for slope in [-1.0, 1.0] {
            let from = Point::new(at.x - arm, at.y - slope * arm);
            canvas.line(from, Point::new(at.x + arm, at.y + slope * arm), width * unit, ink);
        }
    }
}

/// What the picture shows, in words.
fn caption(context: &Context, marks: &[Mark]) -> String {
    let truths: Vec<Truth> = marks.iter().filter_map(|mark| mark.truth).collect();
    if !truths.is_empty() {
        let right = truths.iter().filter(|truth| truth.right).count();
        return format!(
            "The given points, and where they were found, by colour and number. Green ring: right ({right} of {}). Red \
             ring: wrong; its line leads to where the point belongs.",
            truths.len()
        );
    }
    let same = "Equal colour and number: the same part in both photos.";
    let unsure = marks.iter().any(|mark| mark.certainty() < NOTICEABLE);
    match (context.is_doubtful(), marks.is_empty(), unsure) {
        (true, true, _) => {
            "These two photos have little in common: there is no match to show.".into()
        }
        (true, false, _) => {
            "These two photos have little in common: equal numbers are mere guesses.".into()
        }
        (false, true, _) => "No match is certain enough to be shown.".into(),
        (false, false, true) => format!("{same} Small and pale: less sure."),
        (false, false, false) => same.into(),
    }
}
