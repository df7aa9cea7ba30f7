//! Matches of which each is the other's best (Rocco et al., NC-Net, 2018).

use tch::Tensor;

/// What a greatest match of 0 is divided by.
const TINY: f64 = 1e-30;

/// Each match times how near it comes to the greatest of its row and of its column.
///
/// # Shapes
/// `[..., S, T]`, result the same.
pub(super) fn mutual(matches: &Tensor) -> Tensor {
    let part = |axis: i64| {
        let greatest = matches.amax([axis], true);
        matches / greatest.where_self(&greatest.not_equal(0.0), &greatest.full_like(TINY))
    };
    // In place: of fine grids a map takes 50 MB.
    let mut nearness = part(-1);
    let _ = nearness.g_mul_(&part(-2));
    nearness.g_mul_(matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutual_neighbours_keep_their_matches_and_others_lose() {
        let matches = Tensor::from_slice(&[0.5f32, 0.25, 0.25, 0.0]).view([1, 1, 2, 2]);
        let found = Vec::<f32>::try_from(mutual(&matches).flatten(0, -1)).unwrap();
        assert_eq!(found, [0.5, 0.25 * 0.5, 0.25 * 0.5, 0.0]);
        let zeros = matches.zeros_like();
        assert_eq!(mutual(&zeros), zeros);
    }
}
