//! The learned table of positions on another grid than it was pretrained on.

use tch::{Kind, Tensor};

use crate::model::backbone::vit::config::{Positions, VitConfig};

/// The position embedding `[1, 1 + P * P, D]` on a configuration's grid, `[1, 1 + G * G, D]`.
pub(super) fn resized(table: &Tensor, config: &VitConfig) -> Tensor {
    let VitConfig { dim, pretrained_grid, .. } = *config;
    let side = config.shape().side();
    if side == pretrained_grid {
        return table.shallow_clone();
    }
    let [class, grid] = [(0, 1), (1, pretrained_grid * pretrained_grid)]
        .map(|(start, length)| table.narrow(1, start, length));
    let grid = grid.view([1, pretrained_grid, pretrained_grid, dim]).permute([0, 3, 1, 2]); // [1, D, P, P]
    let grid = match config.positions {
        Positions::Antialiased => {
            // Parity: computed in 32 bits whatever the tokens are held in.
            let kind = grid.kind();
            let grid = grid.to_kind(Kind::Float);
            grid.internal_upsample_bicubic2d_aa([side, side], false, None, None).to_kind(kind)
        }
        // Parity: upstream adds 0.1 to the wanted side before dividing, and the quotient steers the
        // coordinates.
        Positions::Offset | Positions::Rotary => {
            let scale = (side as f64 + 0.1) / pretrained_grid as f64;
            grid.upsample_bicubic2d([side, side], false, scale, scale)
        }
    }; // [1, D, G, G]
    Tensor::cat(&[class, grid.flatten(2, 3).transpose(1, 2)], 1)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    /// A table whose every value is its column, class entry 7.
    fn columns(side: i64) -> Tensor {
        let options = (Kind::Float, Device::Cpu);
        let grid = Tensor::arange(side * side, options).remainder(side).view([1, side * side, 1]);
        let class = Tensor::full([1, 1, 32], 7.0, options);
        Tensor::cat(&[class, grid.expand([1, side * side, 32], false)], 1)
    }

    #[test]
    fn the_native_grid_uses_the_table_as_it_is() {
        let config = VitConfig { image: 48, ..VitConfig::tiny() };
        assert_eq!(resized(&columns(3), &config), columns(3));
    }

    #[test]
    fn another_grid_keeps_the_class_entry_and_follows_the_stated_coordinates() {
        // A plane a + b * column: bicubic interpolation keeps it away from the rim.
        let found = resized(&columns(3), &VitConfig::tiny());
        assert_eq!(found.size(), [1, 17, 32]);
        assert_eq!(found.double_value(&[0, 0, 0]), 7.0);
        // Column 2 of 4: 2.5 / (4.1 / 3) - 0.5 = 1.3293. The four taps read 0, 1, 2, 2 (rim repeated),
        // weighed by the cubic kernel with a = -0.75.
        let t = 2.5 / (4.1 / 3.0) - 0.5 - 1.0;
        let a = -0.75;
        let near = |x: f64| ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
        let far = |x: f64| ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
        let wanted = near(t) + 2.0 * near(1.0 - t) + 2.0 * far(2.0 - t);
        let found = found.double_value(&[0, 1 + 2, 0]);
        assert!((found - wanted).abs() < 1e-5, "{found} is not {wanted}");
    }

    #[test]
    fn antialiasing_has_another_kernel_even_where_it_enlarges() {
        let config = VitConfig { positions: Positions::Antialiased, ..VitConfig::tiny() };
        let found = resized(&columns(3), &config).double_value(&[0, 1 + 2, 0]);
        // Column 2 of 4: 2.5 * 3 / 4 - 0.5 = 1.375; a = -0.5, and taps beyond the rim are left out.
        let t: f64 = 0.375;
        let a = -0.5;
        let near = |x: f64| ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
        let far = |x: f64| ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
        let weights = [far(1.0 + t), near(t), near(1.0 - t)];
        let wanted = (weights[1] + 2.0 * weights[2]) / weights.iter().sum::<f64>();
        assert!((found - wanted).abs() < 1e-5, "{found} is not {wanted}");
    }
}
