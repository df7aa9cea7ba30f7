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

/// Rows and columns of a map `[B, C, H, W]`.
pub(crate) fn map_size(map: &Tensor) -> [i64; 2] {
    let [_, _, rows, columns] = dims(map);
    [rows, columns]
}

/// The two halves of a batch that holds the sources first and then the targets: `[2 B, ...]` to twice
/// `[B, ...]`. The batch size is never read, so that a traced network takes any.
pub(crate) fn halves(both: &Tensor) -> [Tensor; 2] {
    let parts = both.chunk(2, 0);
    [parts[0].shallow_clone(), parts[1].shallow_clone()]
}
