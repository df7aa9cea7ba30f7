//! Resizing of maps on the grid.

use tch::Tensor;

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
