//! Which matches of a pair a list holds: certain ones that the way back confirms, spread over the source.

use rayon::prelude::*;

use crate::predict::correspondence::Correspondence;
use crate::predict::product::matches::point::{Match, spread};

/// How many are listed where the user does not say.
pub(super) const DEFAULT_MOST: usize = 1000;

/// Points that are tried for each that is wanted: of a photo that shows little of the object most are uncertain.
const TRIED_FOR_ONE: usize = 8;

/// How far the way there and back may miss, as a part of the source's longer side: twice what one cell of the
/// default matcher's grid spans.
const MUTUAL: f64 = 0.08;

/// The matches that are at least as certain as `least` and mutual, evenly spread; the most certain first, at most
/// `most`.
///
/// # Panics
/// As [`Correspondence::confidence`].
pub(super) fn chosen(pair: &Correspondence, least: f64, most: usize) -> Vec<Match> {
    let is_mutual = |found: &Match| pair.miss(found.source).is_none_or(|miss| miss <= MUTUAL);
    let tried = spread(most.saturating_mul(TRIED_FOR_ONE).min(pair.source.area()));
    let found: Vec<Match> = tried
        .into_par_iter()
        .map(|unit| Match::at(pair, pair.source.pixel_from_unit(unit)))
        .filter(|found| found.confidence > 0.0 && found.confidence >= least && is_mutual(found))
        .collect();
    // Every so many of those that an even lattice goes through stay even.
    let every = found.len().div_ceil(most.max(1)).max(1);
    let mut chosen: Vec<Match> = found.into_iter().step_by(every).collect();
    chosen.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Flow;
    use crate::geometry::Size;

    /// Everything moves a quarter to the right; the way back of the lower half ends elsewhere.
    fn pair() -> Correspondence {
        let size = Size::square(32);
        let shift = |part: f32| [vec![part * 32.0; size.area()], vec![0.0; size.area()]].concat();
        let mut forward: crate::flow::Matched = Flow::from_channels(size, &shift(0.25)).into();
        forward.confidence = Some(vec![0.9; size.area()]);
        let mut back = Flow::from_channels(size, &shift(-0.25));
        back.dx[size.area() / 2..].fill(8.0);
        let (source, target) = (Size::square(200), Size::square(100));
        let backward = Some(back.into());
        Correspondence { forward, backward, similarity: None, features: None, source, target }
    }

    #[test]
    fn listed_matches_are_mutual_spread_and_no_more_than_wanted() {
        let found = chosen(&pair(), 0.5, 100);
        assert!((40..=100).contains(&found.len()), "{}", found.len());
        // The rest leaves the target, or does not come back.
        assert!(found.iter().all(|at| at.source.x < 150.0 && at.source.y < 101.0), "{found:?}");
        let [left, right] = [0.0, 75.0].map(|from| {
            let within = |at: &&Match| (from..from + 75.0).contains(&at.source.x);
            found.iter().filter(within).count()
        });
        assert!(left.abs_diff(right) <= 4, "{left} and {right}");
        assert!(chosen(&pair(), 0.95, 100).is_empty());
    }
}
