//! How well a confidence says what is right.

/// A confidence, whether the match was right, and how much it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    /// From 0 to 1.
    pub confidence: f64,
    /// Whether the match was right.
    pub right: bool,
    /// How much it counts.
    pub weight: f64,
}

const BINS: usize = 10;

/// Of each tenth of the confidence: its part of all, the mean confidence, and the part that is right.
pub(crate) fn curve(judged: &[Judged]) -> [[f64; 3]; BINS] {
    let total = sum(judged, |_| 1.0);
    std::array::from_fn(|bin| {
        let here: Vec<Judged> =
            judged.iter().filter(|judged| bin_of(judged.confidence) == bin).copied().collect();
        let weight = sum(&here, |_| 1.0);
        let mean = |value: fn(&Judged) -> f64| sum(&here, value) / weight.max(1e-30);
        [weight / total, mean(|judged| judged.confidence), mean(right)]
    })
}

/// Expected calibration error: how far confidence and truth are apart, in the mean over the bins.
pub(crate) fn calibration_error(judged: &[Judged]) -> f64 {
    curve(judged).iter().map(|[part, confidence, right]| part * (confidence - right).abs()).sum()
}

/// Area under the ROC curve: how often a right match is more confident than a wrong one.
pub(crate) fn area(judged: &[Judged]) -> f64 {
    let mut sorted = judged.to_vec();
    sorted.sort_by(|a, b| a.confidence.total_cmp(&b.confidence));
    let (mut below, mut wins) = (0.0, 0.0);
    for equal in sorted.chunk_by(|a, b| a.confidence == b.confidence) {
        let wrong = sum(equal, |judged| 1.0 - right(judged));
        wins += sum(equal, right) * (below + wrong / 2.0);
        below += wrong;
    }
    wins / (below * sum(judged, right))
}

/// The weighted mean.
pub(crate) fn mean(judged: &[Judged], value: impl Fn(&Judged) -> f64) -> f64 {
    sum(judged, value) / sum(judged, |_| 1.0)
}

/// 1 of a right match.
pub(crate) fn right(judged: &Judged) -> f64 {
    f64::from(u8::from(judged.right))
}

fn sum(judged: &[Judged], value: impl Fn(&Judged) -> f64) -> f64 {
    judged.iter().map(|judged| judged.weight * value(judged)).sum()
}

fn bin_of(confidence: f64) -> usize {
    ((confidence * BINS as f64) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_of_four_matches_are_those_computed_by_hand() {
        let judged = |confidence, right| Judged { confidence, right, weight: 1.0 };
        let all =
            [judged(0.95, true), judged(0.85, false), judged(0.05, false), judged(0.85, true)];
        assert!((calibration_error(&all) - (0.05 + 2.0 * 0.35 + 0.05) / 4.0).abs() < 1e-12);
        assert!((area(&all) - 3.5 / 4.0).abs() < 1e-12);
        assert_eq!(mean(&all, right), 0.5);
    }
}
