//! PCK, the percentage of correct keypoints, in its plain form.

/// How many distances are within the limit (alpha times a length); one equal to it counts.
pub(crate) fn correct(distances: &[f64], limit: f64) -> usize {
    distances.iter().filter(|&&distance| distance <= limit).count()
}

/// What is right, as a percentage of all.
pub(crate) fn percent(right: f64, all: f64) -> f64 {
    100.0 * right / all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_equal_to_the_limit_counts() {
        assert_eq!(correct(&[5.0, 5.001, 0.0], 0.1 * 50.0), 2);
        assert_eq!(percent(1.0, 4.0), 25.0);
    }
}
