//! Both photos seen from halfway between them: what corresponds lies as far from its place in the source as from
//! that in the target.
//!
//! Liao et al., "Automating Image Morphing Using Structural Similarity on a Halfway Domain", 2014. A field that lives
//! halfway has an inverse for any difference in scale. Ours is the smoothest that agrees with the matches, the more the
//! surer they are, and that gives way from what moves to what does not without folding.

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::geometry::{Point, Size};
use crate::predict::correspondence::Correspondence;
use crate::predict::product::morph::stage::Stage;

/// Cells along the longer side of the stage.
const CELLS: usize = 96;
/// Matches are asked for at so many places along each side of either photo.
const PLACES: usize = 128;
/// The confidence that counts for half of what its square would.
const DOUBTFUL: f64 = 0.3;
/// By how much of the source's longer side the way there and back may miss its beginning (standard deviation).
const MISS: f64 = 0.05;
/// From this step per step of the way on, places would meet: there the field is made smoother, so often, by
/// [`SMOOTHER`], and so many cells around as well.
const STEEPEST: f64 = 0.8;
const TRIES: usize = 6;
const SMOOTHER: f64 = 4.0;
const AROUND: usize = 4;
/// How much the rim is held, as a part of how much neighbouring cells hold each other.
const RIM: f64 = 0.05;

/// How places halfway move to their places in the photos.
#[derive(Clone, Debug)]
pub(super) struct Halfway {
    stage: Size,
    cells: Size,
    /// From a place halfway to that in the target, in pixels of the stage; to the source it is as far the other way.
    steps: Vec<[f64; 2]>,
}

/// Weights and weighted steps of matches, at a cell: weight, right, down.
type Sum = [f64; 3];

impl Halfway {
    /// From the matches of both directions whose confidence is at least `least`.
    pub(super) fn new(pair: &Correspondence, stage: &Stage, least: f64) -> Self {
        let scale = CELLS as f64 / stage.size.longer_side() as f64;
        let side = |pixels: usize| ((pixels as f64 * scale).round() as usize).max(1);
        let cells = Size::new(side(stage.size.height), side(stage.size.width));
        let sums = sums(pair, stage, cells, least);
        let mut smoothness = vec![1.0; cells.area()];
        let mut steps = membrane(&sums, cells, &smoothness);
        for _ in 0..TRIES {
            let steep = steep(&steps, cells, STEEPEST / scale);
            if steep.is_empty() {
                break;
            }
            for index in around(&steep, cells) {
                smoothness[index] *= SMOOTHER;
            }
            steps = membrane(&sums, cells, &smoothness);
        }
        Self { stage: stage.size, cells, steps }
    }

    /// The step from a place halfway to that in the target, bilinear between the cells' centres.
    pub(super) fn step(&self, place: Point) -> Point {
        let Point { x, y } = self.cells.pixel_from_unit(self.stage.unit_from_pixel(place));
        let along = |position: f64, side: usize| {
            let position = position.clamp(0.0, (side - 1) as f64);
            let first = position as usize;
            (first, (first + 1).min(side - 1), position - first as f64)
        };
        let (left, right, across) = along(x, self.cells.width);
        let (top, bottom, downwards) = along(y, self.cells.height);
        let at = |row: usize, column: usize| self.steps[row * self.cells.width + column];
        let mix = |from: f64, to: f64, part: f64| from + (to - from) * part;
        let [x, y] = [0, 1].map(|axis| {
            let row = |row| mix(at(row, left)[axis], at(row, right)[axis], across);
            mix(row(top), row(bottom), downwards)
        });
        Point::new(x, y)
    }
}

/// The matches of both directions at the cells halfway.
fn sums(pair: &Correspondence, stage: &Stage, cells: Size, least: f64) -> Vec<Sum> {
    let mut sums = vec![Sum::default(); cells.area()];
    let there = matches(pair, least);
    let back = pair.reversed().map(|pair| matches(&pair, least)).unwrap_or_default();
    let back = back.into_iter().map(|found| Match { from: found.to, to: found.from, ..found });
    // As if each photo's matches were half a one a cell, however many cells it covers.
    let share = cells.area() as f64 / (2 * PLACES * PLACES) as f64;
    for Match { from, to, confidence } in there.into_iter().chain(back) {
        let [source, target] = stage.places;
        let (from, to) = (source.pixel_from_unit(from), target.pixel_from_unit(to));
        let middle = Point::new((from.x + to.x) / 2.0, (from.y + to.y) / 2.0);
        let unit = stage.size.unit_from_pixel(middle);
        let cell = |part: f64, side: usize| ((part * side as f64) as usize).min(side - 1);
        let index = cell(unit.y, cells.height) * cells.width + cell(unit.x, cells.width);
        let square = confidence * confidence;
        let weight = share * square * square / (square + DOUBTFUL * DOUBTFUL);
        let step = [(to.x - from.x) / 2.0, (to.y - from.y) / 2.0];
        for (sum, value) in sums[index].iter_mut().zip([1.0, step[0], step[1]]) {
            *sum += weight * value;
        }
    }
    sums
}

/// Points of both photos' unit squares that correspond.
struct Match {
    from: Point,
    to: Point,
    confidence: f64,
}

/// The matches of places all over the source, less certain where the way back leads elsewhere.
fn matches(pair: &Correspondence, least: f64) -> Vec<Match> {
    let places = Size::square(PLACES);
    let back = pair.reversed();
    let agreement = |pixel: Point, target: Point| {
        let home = back.as_ref().map_or(pixel, |back| back.transfer(target));
        let miss = home.distance(pixel) / (MISS * pair.source.longer_side() as f64);
        (-miss * miss / 2.0).exp()
    };
    let find = |index: usize| {
        let cell = Point::new((index % PLACES) as f64, (index / PLACES) as f64);
        let from = places.unit_from_pixel(cell);
        let pixel = pair.source.pixel_from_unit(from);
        let confidence = pair.confidence(pixel);
        (confidence > 0.0 && confidence >= least).then(|| {
            let target = pair.transfer(pixel);
            let confidence = confidence * agreement(pixel, target);
            Match { from, to: pair.target.unit_from_pixel(target), confidence }
        })
    };
    (0..places.area()).into_par_iter().filter_map(find).collect()
}

/// The steps that agree best with the sums and differ least from cell to cell, by each cell's `smoothness`; beyond the
/// rim they are 0. Successive over-relaxation of the equations of a membrane.
fn membrane(sums: &[Sum], Size { height, width }: Size, smoothness: &[f64]) -> Vec<[f64; 2]> {
    const ROUNDS: usize = 200;
    let relaxation = 2.0 / (1.0 + (std::f64::consts::PI / height.max(width) as f64).sin());
    let mut steps = vec![[0.0; 2]; height * width];
    for _ in 0..ROUNDS {
        for (index, [weight, right, down]) in sums.iter().enumerate() {
            let own = smoothness[index];
            let (mut hold, mut pull) = (*weight, [*right, *down]);
            for other in neighbours(index, Size::new(height, width)) {
                let Some(other) = other else {
                    hold += RIM * own;
                    continue;
                };
                let force = (own + smoothness[other]) / 2.0;
                hold += force;
                for (pull, step) in pull.iter_mut().zip(steps[other]) {
                    *pull += force * step;
                }
            }
            for (step, pull) in steps[index].iter_mut().zip(pull) {
                *step += relaxation * (pull / hold - *step);
            }
        }
    }
    steps
}

/// The cells above, below, left and right of one; none beyond the rim.
fn neighbours(index: usize, Size { height, width }: Size) -> [Option<usize>; 4] {
    let (row, column) = (index / width, index % width);
    [
        (row > 0).then(|| index - width),
        (row + 1 < height).then(|| index + width),
        (column > 0).then(|| index - 1),
        (column + 1 < width).then(|| index + 1),
    ]
}

/// The cells whose steps differ by more than `most` from a neighbour's.
fn steep(steps: &[[f64; 2]], cells: Size, most: f64) -> Vec<usize> {
    let differ = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]) > most;
    let is_steep = |index: &usize| {
        let mut others = neighbours(*index, cells).into_iter().flatten();
        others.any(|other| differ(steps[*index], steps[other]))
    };
    (0..steps.len()).filter(is_steep).collect()
}

/// Cells and those around them, each once.
fn around(some: &[usize], Size { height, width }: Size) -> BTreeSet<usize> {
    let square = |index: &usize| {
        let range = |position: usize, side: usize| {
            position.saturating_sub(AROUND)..(position + AROUND + 1).min(side)
        };
        let columns = range(index % width, width);
        range(index / width, height)
            .flat_map(move |row| columns.clone().map(move |column| row * width + column))
    };
    some.iter().flat_map(square).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Flow, Matched};

    fn pair(moved: f32, confidence: f32) -> Correspondence {
        let size = Size::square(32);
        let flow = |by: f32| {
            let channels = [vec![by; size.area()], vec![0.0; size.area()]].concat();
            let mut found: Matched = Flow::from_channels(size, &channels).into();
            found.confidence = Some(vec![confidence; size.area()]);
            found
        };
        Correspondence::new(flow(moved), Some(flow(-moved)), [Size::square(320); 2])
    }

    #[test]
    fn what_corresponds_for_certain_meets_halfway_and_what_does_not_stays() {
        let stage = Stage::new([Size::square(320); 2], 640);
        let middle = Point::new(160.0, 160.0);
        // Four cells of 32 are 40 pixels: 20 each.
        let step = Halfway::new(&pair(4.0, 1.0), &stage, 0.15).step(middle);
        assert!((step.x - 20.0).abs() < 2.5 && step.y.abs() < 1e-6, "{step:?}");
        let step = Halfway::new(&pair(4.0, 0.1), &stage, 0.15).step(middle);
        assert_eq!(step, Point::new(0.0, 0.0));
    }

    #[test]
    fn a_membrane_is_pulled_where_it_is_held_and_gives_way_evenly() {
        let cells = Size::new(1, 9);
        let mut sums = vec![Sum::default(); 9];
        sums[4] = [1e6, 5e6, -1e7];
        let steps = membrane(&sums, cells, &[1.0; 9]);
        assert!((steps[4][0] - 5.0).abs() < 1e-3 && (steps[4][1] + 10.0).abs() < 1e-3, "{steps:?}");
        assert!(steps[0][0] < steps[1][0] && steps[3][0] < steps[4][0] && steps[0][0] > 0.0);
        assert!((steps[2][0] - steps[6][0]).abs() < 1e-6, "{steps:?}");
        let most = (steps[4][0] - steps[3][0]).hypot(steps[4][1] - steps[3][1]);
        assert_eq!(steep(&steps, cells, 0.999 * most), [3, 4, 5]);
        assert_eq!(around(&[8], cells).into_iter().collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
    }

    #[test]
    fn what_moves_far_within_what_stays_does_not_fold() {
        let mut pair = pair(0.0, 1.0);
        // The middle of the photo moves by a quarter of it.
        let moves = |found: &mut Matched, first: usize, by: f32| {
            for (index, dx) in found.flow.dx.iter_mut().enumerate() {
                let (row, column) = (index / 32, index % 32);
                let moved = (12..20).contains(&row) && (first..first + 8).contains(&column);
                *dx = if moved { by } else { 0.0 };
            }
        };
        moves(&mut pair.forward, 8, 8.0);
        moves(pair.backward.as_mut().unwrap(), 16, -8.0);
        let stage = Stage::new([Size::square(320); 2], 640);
        let halfway = Halfway::new(&pair, &stage, 0.15);
        // 320 pixels on 96 cells.
        assert!(steep(&halfway.steps, halfway.cells, 320.0 / 96.0).is_empty());
        assert!(halfway.step(Point::new(140.0, 160.0)).x > 1.0);
    }
}
