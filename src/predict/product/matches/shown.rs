//! Which matches of a pair a picture shows: few, on what corresponds, far from each other.

use anyhow::Result;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::geometry::{Point, Size};
use crate::predict::context::Context;
use crate::predict::correspondence::Correspondence;
use crate::predict::product::matches::choice::is_mutual;
use crate::predict::product::matches::detail::Detail;
use crate::predict::product::matches::point::{Match, spread};

/// How many points can be followed from one photo to the other by eye.
const MOST: usize = 20;
/// Where even the most certain tenth of the photo is less certain than this, fewer points are shown.
const FOR_MOST: f64 = 0.45;
/// Points that are tried, spread over the source.
const TRIED: usize = 6000;
/// What a point counts on a bare wall, where one with something to see around it counts 1.
const BARE: f64 = 0.3;
/// Points that count less than this part of the best say more of the background than of the object.
const LEAST_OF_BEST: f64 = 0.6;
/// The best is what this part of the points does not reach: one alone may be certain by chance.
const BEST: f64 = 0.95;
/// Points closer to the rim than this part of a photo's side are half beyond it.
const RIM: f64 = 0.02;
/// Points that count alike to this part of the best come in no order, or they would crowd where the first ones lie.
const ALIKE: f64 = 0.05;
/// The closest that two points may be, as a part of the photo's size (the square root of its area).
const CLOSEST: f64 = 0.05;
/// Rounds of finding the distance at which the right number remains.
const ROUNDS: usize = 20;

/// Some 20 matches that are at least as certain as the user wants and that the way back confirms, those first that
/// are certain and have something to see; in both photos as far from each other as that many can be.
///
/// # Errors
/// When the photos were not kept.
///
/// # Panics
/// As [`Correspondence::confidence`].
pub(super) fn shown(context: &Context) -> Result<Vec<Match>> {
    let (source, target) = (context.source.pixels()?, context.target.pixels()?);
    let (source, target) = rayon::join(|| Detail::of(source), || Detail::of(target));
    let certain = context.verdict().map_or(1.0, |verdict| verdict.best_confidence);
    let most = (MOST as f64 * (certain / FOR_MOST).powi(2)).ceil().min(MOST as f64) as usize;
    Ok(chosen(context.pair, [&source, &target], context.limits.threshold(), most))
}

/// The place of the source with the surest of these matches.
///
/// # Errors
/// When the photos were not kept.
///
/// # Panics
/// As [`Correspondence::confidence`].
pub(crate) fn surest(context: &Context) -> Result<Option<Point>> {
    let shown = shown(context)?;
    let surest = shown.iter().max_by(|a, b| a.confidence.total_cmp(&b.confidence));
    Ok(surest.map(|found| found.source))
}

fn chosen(pair: &Correspondence, details: [&Detail; 2], least: f64, most: usize) -> Vec<Match> {
    let inner = |unit: Point| {
        let within = |part: f64| (RIM..=1.0 - RIM).contains(&part);
        within(unit.x) && within(unit.y)
    };
    let tried = spread(TRIED).into_par_iter().filter_map(|unit| {
        let found = Match::at(pair, pair.source.pixel_from_unit(unit));
        let there = pair.target.unit_from_pixel(found.target);
        let counts = found.confidence > 0.0
            && found.confidence >= least
            && inner(unit)
            && inner(there)
            && is_mutual(pair, &found);
        let detail = || details[0].at(unit).min(details[1].at(there));
        counts.then(|| (found.confidence * (BARE + (1.0 - BARE) * detail()), found))
    });
    let mut tried: Vec<(f64, Match)> = tried.collect();
    tried.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let rank = (tried.len() as f64 * (1.0 - BEST)) as usize;
    let best = tried.get(rank).map_or(0.0, |(worth, _)| *worth);
    tried.retain(|(worth, _)| *worth >= LEAST_OF_BEST * best);
    let class = |worth: f64| (worth.min(best) / (ALIKE * best)).round();
    // The same disorder every time.
    let mut disorder = ChaCha8Rng::seed_from_u64(0);
    tried.shuffle(&mut disorder);
    tried.sort_by(|(one, _), (other, _)| class(*other).total_cmp(&class(*one)));
    let found: Vec<Match> = tried.into_iter().map(|(_, found)| found).collect();
    let photos = [pair.source, pair.target];
    let apart = |distance: f64| apart_from_each_other(&found, distance, photos, most);
    let (mut low, mut high) = (CLOSEST, 1.0);
    if apart(low).len() <= most {
        return apart(low);
    }
    for _ in 0..ROUNDS {
        let middle = (low + high) / 2.0;
        if apart(middle).len() > most { low = middle } else { high = middle }
    }
    apart(high)
}

/// The first of the matches, and all that are in both photos at least `distance` from those before; ends with the
/// first beyond `most`.
fn apart_from_each_other(
    found: &[Match],
    distance: f64,
    [source, target]: [Size; 2],
    most: usize,
) -> Vec<Match> {
    let far =
        |a: Point, b: Point, photo: Size| a.distance(b) >= distance * (photo.area() as f64).sqrt();
    let mut chosen: Vec<Match> = Vec::new();
    for next in found {
        let is_far = |other: &Match| {
            far(next.source, other.source, source) && far(next.target, other.target, target)
        };
        if chosen.iter().all(is_far) {
            chosen.push(*next);
            if chosen.len() > most {
                break;
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::flow::{Flow, Matched};

    /// Nothing moves; the confidence of each cell of a grid of eight by eight is given.
    fn still(confidence: impl Fn(usize, usize) -> f32) -> Correspondence {
        let size = Size::square(8);
        let mut forward: Matched = Flow::zero(size).into();
        forward.confidence = Some((0..64).map(|index| confidence(index % 8, index / 8)).collect());
        let backward = Some(Flow::zero(size).into());
        let (source, target) = (Size::new(300, 400), Size::new(60, 80));
        Correspondence::new(forward, backward, [source, target])
    }

    /// Bare to the left of `bare`, a part of the width, chequered elsewhere.
    fn detail(bare: f64) -> Detail {
        Detail::of(&RgbImage::from_fn(160, 120, |x, y| {
            Rgb([if f64::from(x) > 160.0 * bare && (x / 4 + y / 4) % 2 == 0 { 250 } else { 90 }; 3])
        }))
    }

    fn found(confidence: impl Fn(usize, usize) -> f32, bare: f64) -> Vec<Match> {
        let detail = detail(bare);
        chosen(&still(confidence), [&detail, &detail], 0.15, MOST)
    }

    #[test]
    fn points_spread_over_what_corresponds_and_nothing_else() {
        let all = found(|_, _| 0.9, 0.0);
        assert!((15..=MOST).contains(&all.len()), "{}", all.len());
        let nearest = |one: &Match| {
            let others = all.iter().filter(|other| *other != one);
            others.map(|other| other.source.distance(one.source)).fold(f64::INFINITY, f64::min)
        };
        assert!(all.iter().all(|one| nearest(one) > 40.0), "{all:?}");
        assert!(all.iter().all(|one| one.source.x > 5.0 && one.source.x < 393.0), "{all:?}");
        for quadrant in 0..4 {
            let (right, lower) = (quadrant % 2 == 1, quadrant / 2 == 1);
            let within = all
                .iter()
                .filter(|one| (one.source.x > 200.0) == right && (one.source.y > 150.0) == lower);
            assert!(within.count() >= 2, "{all:?}");
        }
        let object = found(|x, _| if x >= 4 { 0.8 } else { 0.3 }, 0.0);
        assert!((12..=MOST).contains(&object.len()), "{}", object.len());
        assert!(object.iter().all(|found| found.source.x > 160.0), "{object:?}");
    }

    #[test]
    fn points_lie_where_there_is_something_to_see() {
        let seen = found(|_, _| 0.8, 0.5);
        assert!((12..=MOST).contains(&seen.len()), "{}", seen.len());
        assert!(seen.iter().all(|found| found.source.x > 190.0), "{seen:?}");
    }

    #[test]
    fn where_little_corresponds_few_points_are_shown() {
        let spot = found(|x, y| if (x, y) == (3, 3) { 0.3 } else { 0.02 }, 0.0);
        assert!((1..=6).contains(&spot.len()), "{}", spot.len());
        assert!(found(|_, _| 0.1, 0.0).is_empty());
    }
}
