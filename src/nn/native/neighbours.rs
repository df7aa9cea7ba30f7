//! The weighted sum over a disc of neighbouring matches, on the CPU. Out of libtorch's operations it takes some
//! fifty passes over a tensor that no cache holds; here it takes two (`neighbours.cpp`).

use tch::Tensor;

use crate::nn::native::tensor::{serves, values};

/// As in C++.
#[repr(C)]
struct Shape {
    batch: i64,
    source_rows: i64,
    source_columns: i64,
    target_rows: i64,
    target_columns: i64,
}

unsafe extern "C" {
    fn lpmflow_neighbours(
        probabilities: *const f32,
        out: *mut f32,
        shape: Shape,
        weights: *const f32,
        half_widths: *const i64,
        reach: i64,
    );
}

/// The sum over the shifts (dx, dy) with |dx| at most `half_widths[|dy|]`, weighted by
/// `weights[|dx|] * weights[|dy|]`; `None` for tensors that do not [`serves`], have another number of
/// dimensions, or for discs of which a half width has no weight.
///
/// # Shapes
/// `probabilities` and result `[B, source row, source column, target row, target column]`.
pub(crate) fn weighted_sum(
    probabilities: &Tensor,
    weights: &[f32],
    half_widths: &[i64],
) -> Option<Tensor> {
    let [batch, source_rows, source_columns, target_rows, target_columns] =
        <[i64; 5]>::try_from(probabilities.size()).ok()?;
    let count = weights.len() as i64;
    let disc_fits = count > 0
        && weights.len() == half_widths.len()
        && half_widths.iter().all(|width| (0..count).contains(width));
    if !disc_fits || !serves(probabilities) {
        return None;
    }
    let out = probabilities.empty_like();
    let shape = Shape { batch, source_rows, source_columns, target_rows, target_columns };
    // Safety: the tensors are live, float32 in row-major order and of this shape; `out` alone is written, and
    // nobody else has it. The slices have as many values as is told, and half widths index the weights.
    unsafe {
        lpmflow_neighbours(
            values(probabilities),
            values(&out),
            shape,
            weights.as_ptr(),
            half_widths.as_ptr(),
            count - 1,
        );
    }
    Some(out)
}
