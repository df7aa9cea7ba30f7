//! Reading shapes with meaning.

use tch::Tensor;

/// The sizes of a tensor of exactly `K` dimensions, to be unpacked by name.
///
/// # Panics
/// With the real shape, when the number of dimensions differs.
pub(crate) fn dims<const K: usize>(xs: &Tensor) -> [i64; K] {
    let size = xs.size();
    size.as_slice()
        .try_into()
        .unwrap_or_else(|_| panic!("expected {K} dimensions, got the shape {size:?}"))
}
