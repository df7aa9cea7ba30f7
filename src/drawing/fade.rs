//! How much of a match is shown.

/// The part of what lies between the least confidence and 1 over which a match fades in.
const FADE: f64 = 0.4;

/// How much of a match of this confidence is shown, 0 to 1: nothing below `least`, then ever more, smoothly. With a
/// `least` of 0 nothing is faded.
pub(crate) fn opacity(confidence: f64, least: f64) -> f64 {
    if least <= 0.0 {
        return 1.0;
    }
    let width = (FADE * (1.0 - least)).max(f64::EPSILON);
    let part = ((confidence - least) / width).clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_fade_in_from_the_least_confidence_on() {
        let shown = [0.0, 0.15, 0.2, 0.3, 0.45, 0.5, 1.0].map(|value| opacity(value, 0.15));
        assert!(shown.is_sorted() && shown[1] == 0.0 && shown[5] == 1.0, "{shown:?}");
        assert!(shown[2] > 0.0 && shown[4] < 1.0, "{shown:?}");
        assert_eq!(opacity(0.0, 0.0), 1.0);
        assert_eq!((opacity(0.99, 1.0), opacity(1.0, 0.999)), (0.0, 1.0));
    }
}
