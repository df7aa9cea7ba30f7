//! Numbers of scores as users type them.

/// A share of the reference length.
pub(super) fn alpha(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(alpha) if alpha > 0.0 && alpha <= 1.0 => Ok(alpha),
        _ => Err("an alpha is a number above 0 and at most 1".to_owned()),
    }
}

/// A difference of percentages.
pub(super) fn points(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        Ok(points) if (0.0..=100.0).contains(&points) => Ok(points),
        _ => Err("points are a number from 0 to 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphas_and_points_have_their_ranges() {
        assert_eq!(alpha("0.1"), Ok(0.1));
        assert!(alpha("0").is_err() && alpha("NaN").is_err() && alpha("10").is_err());
        assert_eq!(points("0"), Ok(0.0));
        assert!(points("-1").is_err() && points("NaN").is_err());
    }
}
