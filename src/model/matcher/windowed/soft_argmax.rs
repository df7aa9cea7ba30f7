//! The expected position under similarities near the best one.

use anyhow::{Result, ensure};
use tch::{Kind, Tensor};

use crate::model::matcher::near_best::Window;
use crate::model::matcher::windowed::config::{Similarity, WindowedConfig};
use crate::nn::unit_length::unit_length;

/// How features are compared, and how similarities become a position.
#[derive(Clone, Copy, Debug)]
pub(super) struct SoftArgmax {
    window: Window,
    temperature: f64,
    similarity: Similarity,
}

impl SoftArgmax {
    /// By these constants.
    ///
    /// # Errors
    /// When one of them makes no sense.
    pub(super) fn new(config: &WindowedConfig) -> Result<Self> {
        let &WindowedConfig { temperature, similarity, .. } = config;
        ensure!(
            temperature.is_finite() && temperature > 0.0,
            "windowed: `temperature` must be above 0, not {temperature}"
        );
        Ok(Self { window: config.window()?, temperature, similarity })
    }

    /// Vectors whose scalar products are the similarities of the features `[..., D]`, in float32.
    pub(super) fn descriptors(&self, features: &Tensor) -> Tensor {
        let features = features.to_kind(Kind::Float);
        match self.similarity {
            Similarity::Cosine => unit_length(&features),
            Similarity::Product => features,
        }
    }

    /// `[B, S, T]` similarities to the cells of a grid, to the expected column and row `[B, S, 2]`.
    pub(super) fn expected_cells(&self, similarities: &Tensor, side: i64) -> Tensor {
        self.window.expected_cells(similarities, side, self.temperature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells of one row of similarities on a grid of four, 0 but for those given.
    fn expected(config: &WindowedConfig, given: &[(usize, f32)]) -> ([f64; 2], [f32; 16]) {
        let mut values = [-0.5f32; 16];
        given.iter().for_each(|&(cell, value)| values[cell] = value);
        let similarities = Tensor::from_slice(&values).view([1, 1, 16]);
        let found = SoftArgmax::new(config).unwrap().expected_cells(&similarities, 4);
        ([0, 1].map(|axis| found.double_value(&[0, 0, axis])), values)
    }

    /// The expected column where a cell's similarity counts by `weight` of its row and column.
    fn column(values: [f32; 16], temperature: f64, weight: impl Fn(f64, f64) -> f64) -> f64 {
        let of = |cell: usize| {
            let (row, column) = ((cell / 4) as f64, (cell % 4) as f64);
            (f64::from(values[cell]) * weight(row, column) / temperature).exp()
        };
        let total: f64 = (0..16).map(of).sum();
        (0..16).map(|cell| of(cell) * (cell % 4) as f64).sum::<f64>() / total
    }

    #[test]
    fn similarities_outside_the_box_are_zero_and_still_weigh() {
        // The best is cell 0, its right neighbour half as similar, and cell 15 is outside.
        let config = WindowedConfig { radius: Some(1), ..WindowedConfig::default() };
        let (found, values) = expected(&config, &[(0, 0.04), (1, 0.02), (15, 0.03)]);
        let inside = |row: f64, column: f64| f64::from(u8::from(row <= 1.0 && column <= 1.0));
        assert!((found[0] - column(values, 0.02, inside)).abs() < 1e-5);
    }

    #[test]
    fn a_gaussian_around_the_best_multiplies_similarities() {
        let config = WindowedConfig {
            radius: None,
            sigma: Some(1.5),
            temperature: 0.1,
            ..WindowedConfig::default()
        };
        let (found, values) = expected(&config, &[(6, 0.4), (7, 0.3), (13, 0.39)]);
        let around = |row: f64, column: f64| {
            (-((row - 1.0).powi(2) + (column - 2.0).powi(2)) / (2.0 * 1.5 * 1.5)).exp()
        };
        assert!((found[0] - column(values, 0.1, around)).abs() < 1e-5);
        let neither = WindowedConfig { radius: None, ..WindowedConfig::default() };
        assert!(SoftArgmax::new(&neither).is_err());
        assert!(SoftArgmax::new(&WindowedConfig { sigma: Some(1.0), ..neither }).is_ok());
    }
}
