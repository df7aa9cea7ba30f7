//! Thin-plate splines: the smoothest field that takes given values at given points.
//!
//! Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of Deformations".

use crate::geometry::Point;

/// A smooth field of displacements, `a + b x + c y + sum of w_i U(|p - c_i|)` with
/// `U(r) = r^2 ln(r^2)` for each of its two components.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spline {
    controls: Vec<Point>,
    /// One weight per control.
    weights: Vec<Point>,
    /// Constant, along x, along y.
    affine: [Point; 3],
}

impl Spline {
    /// The field that is `values[i]` at `controls[i]`.
    ///
    /// # Panics
    /// When the lists differ in length, or the controls coincide or lie on one line.
    pub(crate) fn through(controls: &[Point], values: &[Point]) -> Self {
        assert_eq!(controls.len(), values.len(), "every control has a value");
        let count = controls.len();
        // Rows: one per control, then the three that keep the bending from growing far away. The last
        // two columns are the right-hand sides.
        let mut rows = vec![vec![0.0; count + 5]; count + 3];
        for (i, (control, value)) in controls.iter().zip(values).enumerate() {
            for (j, other) in controls.iter().enumerate() {
                rows[i][j] = radial(*control, *other);
            }
            for (j, term) in [1.0, control.x, control.y].into_iter().enumerate() {
                rows[i][count + j] = term;
                rows[count + j][i] = term;
            }
            rows[i][count + 3] = value.x;
            rows[i][count + 4] = value.y;
        }
        let solution = solve(rows);
        let (weights, affine) = solution.split_at(count);
        Self {
            controls: controls.to_vec(),
            weights: weights.to_vec(),
            affine: [affine[0], affine[1], affine[2]],
        }
    }

    /// The field's value.
    pub(crate) fn at(&self, point: Point) -> Point {
        let [constant, along_x, along_y] = self.affine;
        let mut x = constant.x + along_x.x * point.x + along_y.x * point.y;
        let mut y = constant.y + along_x.y * point.x + along_y.y * point.y;
        for (control, weight) in self.controls.iter().zip(&self.weights) {
            let distance = radial(point, *control);
            x += weight.x * distance;
            y += weight.y * distance;
        }
        Point::new(x, y)
    }
}

fn radial(a: Point, b: Point) -> f64 {
    let square = (a.x - b.x).powi(2) + (a.y - b.y).powi(2);
    if square > 0.0 { square * square.ln() } else { 0.0 }
}

/// Solves a linear system for two right-hand sides, the last two columns of its `rows`, by elimination
/// with the largest pivot.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<Point> {
    let count = rows.len();
    for column in 0..count {
        let largest = (column..count)
            .max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))
            .unwrap_or(column);
        rows.swap(column, largest);
        let pivot = rows[column].clone();
        assert!(pivot[column].abs() > 1e-12, "the controls coincide or lie on one line");
        for (index, row) in rows.iter_mut().enumerate() {
            if index != column {
                let factor = row[column] / pivot[column];
                row.iter_mut().zip(&pivot).skip(column).for_each(|(a, b)| *a -= factor * b);
            }
        }
    }
    let solved = |(index, row): (usize, &Vec<f64>)| {
        Point::new(row[count] / row[index], row[count + 1] / row[index])
    };
    rows.iter().enumerate().map(solved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_passes_through_its_controls() {
        let controls: Vec<Point> = [(0.1, 0.2), (0.9, 0.1), (0.4, 0.6), (0.2, 0.9), (0.8, 0.8)]
            .map(|(x, y)| Point::new(x, y))
            .into();
        let values: Vec<Point> = [(0.3, 0.0), (-0.1, 0.2), (0.0, 0.5), (0.1, 0.1), (-0.4, -0.2)]
            .map(|(x, y)| Point::new(x, y))
            .into();
        let spline = Spline::through(&controls, &values);
        for (control, value) in controls.iter().zip(&values) {
            assert!(spline.at(*control).distance(*value) < 1e-10);
        }
    }

    #[test]
    fn affine_values_make_an_affine_field_without_bending() {
        let affine = |p: Point| Point::new(0.3 + 0.5 * p.x - 0.2 * p.y, 0.1 * p.x + 0.7 * p.y);
        let controls: Vec<Point> =
            (0..9).map(|i| Point::new(f64::from(i % 3) * 0.4, f64::from(i / 3) * 0.3)).collect();
        let values: Vec<Point> = controls.iter().map(|&control| affine(control)).collect();
        let spline = Spline::through(&controls, &values);
        for point in [Point::new(0.15, 0.95), Point::new(-2.0, 3.0)] {
            assert!(spline.at(point).distance(affine(point)) < 1e-9);
        }
    }

    #[test]
    #[should_panic(expected = "on one line")]
    fn controls_on_one_line_are_refused() {
        let controls: Vec<Point> = (0..4).map(|i| Point::new(f64::from(i), f64::from(i))).collect();
        let _ = Spline::through(&controls, &controls);
    }
}
