//! Whether two photos correspond at all.

use serde::{Deserialize, Serialize};

use crate::predict::correspondence::{Correspondence, Resolution};
use crate::predict::transferred::digits;

/// An object may be small in its photo: this part of the source's area decides, where confidence is highest.
const DECISIVE: f64 = 0.1;

/// The mean confidence there below which hardly anything corresponds; weights/README.md says how often that is
/// said of pairs that do correspond, and of pairs that do not.
const LEAST: f64 = 0.2;

/// Parts of the source's area whose counterparts are found, by what they are called.
const MOST: f64 = 0.5;
const MUCH: f64 = 0.2;
const SOME: f64 = 0.01;

/// A match of this confidence is rather right than wrong.
const LIKELY: f64 = 0.5;

/// Whether two photos correspond at all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// The mean confidence of the tenth of the source's area where it is highest.
    pub best_confidence: f64,
    /// Whether that is too little.
    pub hardly_matches: bool,
    /// The part of the source's area whose matches are rather right than wrong.
    #[serde(default)]
    pub likely_area: f64,
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
        let best_confidence = digits(sum / decisive as f64);
        let likely = confidence.iter().filter(|value| f64::from(**value) >= LIKELY).count();
        Self {
            best_confidence,
            hardly_matches: best_confidence < LEAST,
            likely_area: digits(likely as f64 / confidence.len() as f64),
        }
    }

    /// Whether no match is to be relied on.
    pub(crate) fn is_doubtful(self) -> bool {
        self.hardly_matches || self.likely_area < SOME
    }

    /// The same in a sentence.
    pub(crate) fn in_words(self) -> String {
        if self.hardly_matches {
            return format!(
                "These two photos have little in common: even the most certain tenth of the source has a \
                 confidence of {:.2} in the mean.",
                self.best_confidence
            );
        }
        let part = match self.likely_area {
            MOST.. => "Most",
            MUCH.. => "A fair part",
            SOME.. => "A small part",
            _ => {
                return format!(
                    "Something of the photo may correspond, but nothing for certain: the most certain tenth has a \
                     confidence of {:.2} in the mean.",
                    self.best_confidence
                );
            }
        };
        let percent = (self.likely_area * 100.0).round();
        format!(
            "{part} of the photo corresponds: {percent} % of it probably found its counterpart."
        )
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
        let found = verdict(10);
        assert_eq!(
            (found.best_confidence, found.hardly_matches, found.likely_area),
            (0.9, false, 0.1)
        );
        assert!(verdict(2).hardly_matches && verdict(2).is_doubtful(), "{:?}", verdict(2));
        assert!(!found.is_doubtful());
        let words = [2, 10, 30, 70].map(|certain| verdict(certain).in_words());
        for (words, start) in
            words.iter().zip(["These two", "A small part", "A fair part", "Most of"])
        {
            assert!(words.starts_with(start), "{words}");
        }
    }

    #[test]
    fn without_a_confidence_nothing_is_said() {
        let forward: Matched = Flow::zero(Size::square(8)).into();
        let (source, target) = (Size::square(20), Size::square(30));
        let pair = |backward| Correspondence::new(forward.clone(), backward, [source, target]);
        assert_eq!(Verdict::new(&pair(None)), None);
        let sure = Verdict::new(&pair(Some(forward.clone()))).unwrap();
        let expected = Verdict { best_confidence: 1.0, hardly_matches: false, likely_area: 1.0 };
        assert_eq!(sure, expected);
    }
}
