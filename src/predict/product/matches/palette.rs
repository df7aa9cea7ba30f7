//! A colour for each of some points, so that they are told apart at a glance: hue runs from left to right,
//! lightness from top to bottom.

use crate::drawing::colour::oklch;
use crate::geometry::Point;

/// Lightness (OKLCH) of the uppermost and of the lowest point.
const LIGHTNESS: [f64; 2] = [0.87, 0.62];
/// Chroma (OKLCH): vivid, and within sRGB for most hues.
const CHROMA: f64 = 0.18;
/// Hue of the leftmost and of the rightmost point, in degrees: red, yellow, green, blue, violet.
const HUE: [f64; 2] = [20.0, 330.0];

/// The colours of points, as sRGB bytes. They follow the points' order from left to right and from top to bottom, so
/// that points that lie close together differ as much as others.
pub(super) fn colours(points: &[Point]) -> Vec<[u8; 3]> {
    let across = ranks(points, |point| point.x);
    let down = ranks(points, |point| point.y);
    let between = |[first, last]: [f64; 2], part: f64| first + (last - first) * part;
    across
        .into_iter()
        .zip(down)
        .map(|(across, down)| oklch(between(LIGHTNESS, down), CHROMA, between(HUE, across)))
        .collect()
}

/// Each point's place in the order of a coordinate, 0 to 1.
fn ranks(points: &[Point], coordinate: fn(&Point) -> f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|a, b| coordinate(&points[*a]).total_cmp(&coordinate(&points[*b])));
    let mut ranks = vec![0.5; points.len()];
    for (rank, index) in order.into_iter().enumerate() {
        if points.len() > 1 {
            ranks[index] = rank as f64 / (points.len() - 1) as f64;
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_that_lie_close_together_have_different_colours() {
        let points: Vec<Point> = (0..12)
            .map(|index| Point::new(f64::from(index) * 0.01, f64::from(index % 3)))
            .collect();
        let colours = colours(&points);
        for (index, first) in colours.iter().enumerate() {
            for second in &colours[index + 1..] {
                let apart: i32 =
                    (0..3).map(|channel| i32::from(first[channel].abs_diff(second[channel]))).sum();
                assert!(apart > 30, "{first:?} {second:?}");
            }
        }
        assert_eq!(super::colours(&[Point::default()]).len(), 1);
        assert!(super::colours(&[]).is_empty());
    }
}
