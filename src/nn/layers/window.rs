//! Cutting a map into square windows and putting it together again, and the learned bias between
//! positions of one window (Swin Transformer, Liu et al. 2021, section 3.2).

use tch::{Device, Kind, Tensor};

use crate::nn::shape::dims;

/// `[B, H, W, C]` to `[B * windows, side * side, C]`, windows row by row.
pub(super) fn window_partition(xs: &Tensor, side: i64) -> Tensor {
    let [_, height, width, channels] = dims(xs);
    xs.view([-1, height / side, side, width / side, side, channels])
        .transpose(2, 3) // [B, H/w, W/w, w, w, C]
        .reshape([-1, side * side, channels])
}

/// The inverse of [`window_partition`]: `[B * windows, side * side, C]` to `[B, H, W, C]`.
pub(super) fn window_reverse(windows: &Tensor, side: i64, [height, width]: [i64; 2]) -> Tensor {
    let channels = windows.size()[2];
    windows
        .view([-1, height / side, width / side, side, side, channels])
        .transpose(2, 3) // [B, H/w, w, W/w, w, C]
        .reshape([-1, height, width, channels])
}

/// For each pair (query, key) of positions in a window, the row of the bias table: `[W², W²]` flattened.
pub(super) fn relative_position_index(side: i64, device: Device) -> Tensor {
    let position = Tensor::arange(side * side, (Kind::Int64, device));
    let row = position.divide_scalar_mode(side, "floor");
    let column = position.remainder(side);
    let offset = |axis: &Tensor| axis.unsqueeze(1) - axis.unsqueeze(0) + (side - 1); // [W², W²]
    (offset(&row) * (2 * side - 1) + offset(&column)).flatten(0, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reversing_a_partition_gives_the_map_back() {
        let xs = Tensor::randn([2, 8, 12, 3], (Kind::Float, Device::Cpu));
        let windows = window_partition(&xs, 4);
        assert_eq!(windows.size(), [2 * 2 * 3, 16, 3]);
        assert_eq!(window_reverse(&windows, 4, [8, 12]), xs);
        // The second window holds columns 4 to 7 of the first four rows.
        assert_eq!(
            windows.select(0, 1),
            xs.select(0, 0).narrow(0, 0, 4).narrow(1, 4, 4).reshape([16, 3])
        );
    }

    #[test]
    fn index_counts_row_offset_then_column_offset() {
        let index = relative_position_index(2, Device::Cpu).view([4, 4]);
        // Query (1, 0) and key (0, 1): row offset 1, column offset -1.
        assert_eq!(index.int64_value(&[2, 1]), (1 + 1) * 3);
        assert_eq!(index.int64_value(&[0, 0]), 4);
    }
}
