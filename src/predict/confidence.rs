//! How far a match can be trusted, 0 to 1; 0 where it lies outside the target photo.
//!
//! A calibrated matcher says itself how likely each of its matches is right. For the others, follow the match
//! to the target and back, and see how close to home it ends: for a source position `p`, its match
//! `m = p + forward(p)` and the match's match `r = m + backward(m)`, the confidence is
//! `exp(-(|p - r| / (SCALE * L))^2)` with `L` the longer side of the source photo. 1 means that both directions
//! agree exactly; a round trip that misses by 5 % of the longer side gets 0.37, by 10 % 0.02. It is no
//! probability.

use rayon::prelude::*;

use crate::geometry::{Point, Size};
use crate::predict::correspondence::{Correspondence, Resolution};

/// Outputs that leave uncertain matches out begin here, where nothing else is asked for: of the right matches of
/// validation one in twenty lies below (weights/README.md).
pub(crate) const MIN_CONFIDENCE: f64 = 0.15;

/// The miss, as a part of the source photo's longer side, at which the confidence has fallen to 1/e.
const SCALE: f64 = 0.05;

impl Correspondence {
    /// Whether [`Correspondence::confidence`] can be asked for.
    pub(crate) fn has_confidence(&self) -> bool {
        self.forward.confidence.is_some() || self.backward.is_some()
    }

    /// The confidence at a pixel position of the source photo, 0 to 1.
    ///
    /// # Panics
    /// Without a backward flow, of a matcher that is not calibrated.
    pub(crate) fn confidence(&self, pixel: Point) -> f64 {
        let source_unit = self.source.unit_from_pixel(pixel);
        let target_unit = self.forward.target_from_source_unit(source_unit);
        let inside = |coordinate: f64| (0.0..=1.0).contains(&coordinate);
        if !inside(target_unit.x) || !inside(target_unit.y) {
            return 0.0;
        }
        if let Some(confidence) = self.forward.confidence(source_unit) {
            return confidence;
        }
        let miss = self.miss_from(target_unit, pixel);
        let miss = miss.expect("whoever reads a confidence asks for both directions");
        (-(miss / SCALE).powi(2)).exp()
    }

    /// How far the way there and back ends from a pixel position of the source photo, as a part of the photo's longer
    /// side, if the way back is known.
    pub(crate) fn miss(&self, pixel: Point) -> Option<f64> {
        let source_unit = self.source.unit_from_pixel(pixel);
        self.miss_from(self.forward.target_from_source_unit(source_unit), pixel)
    }

    fn miss_from(&self, target_unit: Point, pixel: Point) -> Option<f64> {
        let back = self.backward.as_ref()?.target_from_source_unit(target_unit);
        let back = self.source.pixel_from_unit(back);
        Some(back.distance(pixel) / self.source.longer_side() as f64)
    }

    /// The confidence at every pixel of the grid that flows are written on, row by row.
    ///
    /// # Panics
    /// As [`Correspondence::confidence`].
    pub(crate) fn confidence_map(&self, resolution: Resolution) -> Vec<f32> {
        let grid = self.grid(resolution);
        let mut map = vec![0.0; grid.area()];
        map.par_chunks_mut(grid.width).enumerate().for_each(|(row, values)| {
            for (column, value) in values.iter_mut().enumerate() {
                let cell = Point::new(column as f64, row as f64);
                *value = self.confidence(self.source_pixel(cell, grid)) as f32;
            }
        });
        map
    }

    /// Where the centre of a grid's cell lies in the source photo.
    fn source_pixel(&self, cell: Point, grid: Size) -> Point {
        self.source.pixel_from_unit(grid.unit_from_pixel(cell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Flow;

    /// A flow that shifts everything by a part of the image's width.
    fn shift(part: f32) -> Flow {
        let size = Size::square(16);
        Flow::from_channels(
            size,
            &[vec![part * 16.0; size.area()], vec![0.0; size.area()]].concat(),
        )
    }

    fn round_trip(forward: f32, backward: f32) -> Correspondence {
        Correspondence {
            forward: shift(forward).into(),
            backward: Some(shift(backward).into()),
            similarity: None,
            features: None,
            source: Size::new(50, 100),
            target: Size::new(90, 30),
        }
    }

    #[test]
    fn a_round_trip_that_ends_at_home_is_certain() {
        let confidence = round_trip(0.25, -0.25).confidence(Point::new(20.0, 30.0));
        assert!((confidence - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_round_trip_that_misses_by_the_scale_gets_one_over_e() {
        let confidence = round_trip(0.25, -0.2).confidence(Point::new(20.0, 30.0));
        assert!((confidence - (-1.0_f64).exp()).abs() < 1e-6, "{confidence}");
    }

    #[test]
    fn a_calibrated_matchers_own_confidence_goes_before_the_round_trip() {
        let mut pair = round_trip(0.25, -0.25);
        pair.forward.confidence = Some(vec![0.75; 256]);
        assert_eq!(pair.confidence(Point::new(20.0, 30.0)), 0.75);
        assert_eq!(pair.confidence(Point::new(90.0, 30.0)), 0.0, "it lies outside the target");
        pair.backward = None;
        assert!(pair.has_confidence());
        assert_eq!(pair.confidence_map(Resolution::Network)[0], 0.75);
    }

    #[test]
    fn a_match_outside_the_target_counts_nothing() {
        let pair = round_trip(0.25, -0.25);
        assert_eq!(pair.confidence(Point::new(90.0, 30.0)), 0.0);
        let map = pair.confidence_map(Resolution::Original);
        assert_eq!(map.len(), 5000);
        assert!(map[..74].iter().all(|value| *value > 0.99), "{:?}", &map[..74]);
        assert!(map[76..100].iter().all(|value| *value == 0.0));
        assert_eq!(pair.confidence_map(Resolution::Network).len(), 256);
    }
}
