//! Whether two photos correspond at all.

use serde::{Deserialize, Serialize};

use crate::predict::correspondence::{Correspondence, Resolution};

/// An object may be small in its photo: this part of the source's area decides, where confidence is highest.
const DECISIVE: f64 = 0.1;

/// The mean confidence there below which hardly anything corresponds; weights/README.md says how often that is
/// said of pairs that do correspond, and of pairs that do not.
const LEAST: f64 = 0.2;

/// Whether two photos correspond at all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// The mean confidence of the tenth of the source's area where it is highest.
    pub best_confidence: f64,
    /// Whether that is too little.
    pub hardly_matches: bool,
}

impl Verdict {
    /// What is to be said of a pair; none where there is no confidence to go by.
    pub(crate) fn new(pair: &Correspondence) -> Option<Self> {
        let map = || pair.confidence_map(Resolution::Network);
        pair.has_confidence().then(|| Self::of(map()))
    }

    fn of(mut confidence: Vec<f32>) -> Self {
        confidence.sort_by(|a, b| b.total_cmp(a));
        let decisive = ((confidence.len() as f64 * DECISIVE).ceil() as usize).max(1);
        let sum: f64 = confidence.iter().take(decisive).map(|value| f64::from(*value)).sum();
        let best_confidence = (sum / decisive as f64 * 1e4).round() / 1e4;
        Self { best_confidence, hardly_matches: best_confidence < LEAST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Flow, Matched};
    use crate::geometry::Size;

    #[test]
    fn the_most_certain_tenth_decides() {
        let map =
            |certain: usize| (0..100).map(move |index| if index < certain { 0.9 } else { 0.01 });
        let verdict = |certain| Verdict::of(map(certain).collect());
        assert_eq!(verdict(10), Verdict { best_confidence: 0.9, hardly_matches: false });
        assert!(verdict(2).hardly_matches, "{:?}", verdict(2));
    }

    #[test]
    fn without_a_confidence_nothing_is_said() {
        let forward: Matched = Flow::zero(Size::square(8)).into();
        let (source, target) = (Size::square(20), Size::square(30));
        let pair = |backward| Correspondence { forward: forward.clone(), backward, source, target };
        assert_eq!(Verdict::new(&pair(None)), None);
        let sure = Verdict::new(&pair(Some(forward.clone()))).unwrap();
        assert_eq!(sure, Verdict { best_confidence: 1.0, hardly_matches: false });
    }
}
