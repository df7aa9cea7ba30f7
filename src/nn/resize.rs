//! Resizing of maps on the grid.

use tch::Tensor;

use crate::nn::shape::dims;

/// Where the outermost samples of a bilinear resize lie. Upstream uses both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Corners {
    /// Corner pixel centres map to corner pixel centres (`align_corners = true`).
    Aligned,
    /// Image edges map to image edges (`align_corners = false`).
    Edges,
}

/// Bilinear resize without antialiasing, `[B, C, H, W]` to `[B, C, height, width]`.
pub(crate) fn resize_bilinear(xs: &Tensor, [height, width]: [i64; 2], corners: Corners) -> Tensor {
    xs.upsample_bilinear2d([height, width], corners == Corners::Aligned, None, None)
}

/// Repeats every cell, `[B, C, H, W]` to `[B, C, height, width]`.
pub(crate) fn resize_nearest(xs: &Tensor, [height, width]: [i64; 2]) -> Tensor {
    xs.upsample_nearest2d([height, width], None, None)
}

/// Matches of the cells of two square grids on grids of `side` rows: as [`resize_matches_between`], `[B, S, T]` to
/// `[B, side * side, side * side]`.
pub(crate) fn resize_matches(matches: &Tensor, side: i64) -> Tensor {
    let [_, sources, targets] = dims(matches);
    let own = [sources, targets].map(|cells| [cells.isqrt(); 2]);
    resize_matches_between(matches, own, [[side; 2]; 2])
}

/// Matches of the cells of two grids, rows and columns of source and target, on other grids, bilinearly between corners,
/// the target's first: `[B, S, T]` to `[B, S', T']`.
pub(crate) fn resize_matches_between(
    matches: &Tensor,
    from: [[i64; 2]; 2],
    to: [[i64; 2]; 2],
) -> Tensor {
    let cells = |[rows, columns]: [i64; 2]| rows * columns;
    let resize = |xs: &Tensor, others: i64, photo: usize| {
        if from[photo] == to[photo] {
            return xs.shallow_clone();
        }
        let [rows, columns] = from[photo];
        let maps = xs.reshape([-1, others, rows, columns]);
        resize_bilinear(&maps, to[photo], Corners::Aligned).view([-1, others, cells(to[photo])])
    };
    let by_source = resize(matches, cells(from[0]), 1); // [B, S, T']
    resize(&by_source.transpose(1, 2), cells(to[1]), 0).transpose(1, 2)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn coarse_sides_are_resized_with_aligned_corners() {
        // A correlation that is linear in the target's and the source's column stays linear.
        let line = Tensor::arange(2, (Kind::Float, Device::Cpu)).repeat([2]);
        let correlation = (line.unsqueeze(1) * 10.0 + line.unsqueeze(0)).unsqueeze(0); // [1, 4, 4]
        let resized = resize_matches(&correlation, 4);
        assert_eq!(resized.size(), [1, 16, 16]);
        // Source column 1 of 4 and target column 2 of 4.
        assert!((resized.double_value(&[0, 1, 2]) - (10.0 / 3.0 + 2.0 / 3.0)).abs() < 1e-5);
    }
}
