//! What a network sees in two photos, brought down to three numbers a cell that mean the same in both: their joint
//! principal components.

use tch::{Device, Kind, Tensor};

use crate::geometry::Point;
use crate::inference::placement::Placement;
use crate::model::features::Features;
use crate::nn::numbers::numbers;
use crate::nn::unit_length::unit_length;

/// How many components.
pub(crate) const COMPONENTS: usize = 3;

/// The parts of the cells that lie below 0 and above 1: a few odd ones do not decide about all others.
const BEYOND: f64 = 0.02;

/// The principal components of what a network sees in one of two photos.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Components {
    /// Rows, and columns, of the cells of the network's square.
    side: usize,
    /// The photo in that square.
    placement: Placement,
    /// Those of each cell, row by row.
    values: Vec<[f32; COMPONENTS]>,
}

impl Components {
    /// Of the deepest features of one photo each, from the cells that the photos cover. They are those of unit
    /// vectors, since matchers compare directions. Each component is turned so that its largest weight is positive,
    /// and scaled so that nearly all cells of both photos lie between 0 and 1.
    ///
    /// # Panics
    /// When a photo covers no cell at all, which has at least one pixel.
    pub(crate) fn of(features: [&Features; 2], placements: [Placement; 2]) -> [Self; 2] {
        let maps = features.map(|features| {
            let level = features.last().on_square();
            let patches = level.patches().get(0).to_kind(Kind::Float).to_device(Device::Cpu);
            (unit_length(&patches).to_kind(Kind::Double), level.shape.side()) // [G * G, D]
        });
        let covered: Vec<Tensor> = maps
            .iter()
            .zip(placements)
            .map(|((map, side), placement)| map.index_select(0, &covered(*side, placement)))
            .collect();
        let covered = Tensor::cat(&covered, 0); // [N, D]
        let mean = covered.mean_dim([0].as_slice(), true, None);
        let axes = axes(&(&covered - &mean)); // [D, 3]
        let project = |map: &Tensor| (map - &mean).matmul(&axes); // [.., 3]
        let range = Tensor::from_slice(&[BEYOND, 1.0 - BEYOND]);
        let range = project(&covered).quantile(&range, 0, false, "linear"); // [2, 3]
        let (low, high) = (range.get(0), range.get(1));
        let width = (&high - &low).clamp_min(f64::EPSILON);
        std::array::from_fn(|photo| {
            let (map, side) = &maps[photo];
            let values = triples(&((project(map) - &low) / &width));
            Self { side: *side as usize, placement: placements[photo], values }
        })
    }

    /// The components at a point of the photo's unit square, bilinear between the cells' centres; nearly always
    /// within 0 to 1.
    pub(crate) fn at(&self, unit: Point) -> [f32; COMPONENTS] {
        let Placement { left, top, width, height } = self.placement;
        // Beyond the cells that the photo covers, what the network saw is the frame around it.
        let along = |unit: f64, start: f64, length: f64| {
            let side = self.side as f64;
            let (first, last) = cells(side, start, length);
            let position = ((start + unit * length) * side - 0.5).clamp(first, last);
            let cell = position.floor();
            (cell as usize, (cell + 1.0).min(last) as usize, (position - cell) as f32)
        };
        let (left, right, along_x) = along(unit.x, left, width);
        let (top, bottom, along_y) = along(unit.y, top, height);
        let at = |row: usize, column: usize| self.values[row * self.side + column];
        let mix = |from: f32, to: f32, part: f32| from + (to - from) * part;
        std::array::from_fn(|index| {
            let row = |row| mix(at(row, left)[index], at(row, right)[index], along_x);
            mix(row(top), row(bottom), along_y)
        })
    }
}

/// The first and the last cell along an axis whose centres a part of the square covers, or the one in its middle.
fn cells(side: f64, start: f64, length: f64) -> (f64, f64) {
    let first = (start * side - 0.5).ceil().max(0.0);
    let last = ((start + length) * side - 0.5).floor().min(side - 1.0);
    if first <= last {
        return (first, last);
    }
    let middle = ((start + length / 2.0) * side).floor().clamp(0.0, side - 1.0);
    (middle, middle)
}

/// The numbers of the cells that a photo covers.
fn covered(side: i64, Placement { left, top, width, height }: Placement) -> Tensor {
    let range = |start, length| {
        let (first, last) = cells(side as f64, start, length);
        first as i64..=last as i64
    };
    let rows = range(top, height);
    let numbers: Vec<i64> =
        rows.flat_map(|row| range(left, width).map(move |column| row * side + column)).collect();
    Tensor::from_slice(&numbers)
}

/// The directions in which centred rows `[N, D]` differ most, `[D, 3]`, the first the most; zeros where there are
/// fewer.
fn axes(centred: &Tensor) -> Tensor {
    let size = centred.size();
    let covariance = centred.transpose(0, 1).matmul(centred) / size[0] as f64; // [D, D]
    let (_, vectors) = covariance.linalg_eigh("L");
    let count = size[1].min(COMPONENTS as i64);
    let largest = vectors.narrow(1, size[1] - count, count).flip([1].as_slice()); // [D, count]
    let heaviest = largest.abs().argmax(0, true); // [1, count]
    let turned = &largest * largest.gather(0, &heaviest, false).sign();
    turned.constant_pad_nd([0, COMPONENTS as i64 - count])
}

/// Rows of three values.
fn triples(rows: &Tensor) -> Vec<[f32; COMPONENTS]> {
    numbers(rows).as_chunks().0.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::matcher::test_fields::{field, shifted_pair};

    #[test]
    fn the_same_features_have_the_same_components_in_both_photos() {
        let (source, target) = shifted_pair(2, 9, [2, 1]);
        let [from, to] = Components::of([&source, &target], [Placement::WHOLE; 2]);
        let at = |components: &Components, column: f64, row: f64| {
            components.at(Point::new((column + 0.5) / 9.0, (row + 0.5) / 9.0))
        };
        for (column, row) in [(1.0, 1.0), (3.0, 4.0), (5.0, 2.0)] {
            let (here, there) = (at(&from, column, row), at(&to, column + 2.0, row + 1.0));
            let near = here.iter().zip(there).all(|(here, there)| (here - there).abs() < 1e-4);
            assert!(near, "{here:?}, not {there:?}");
        }
        let again = Components::of([&source, &target], [Placement::WHOLE; 2]);
        assert_eq!(again, [from.clone(), to]);
        // They differ from cell to cell, and lie where colours do.
        let spread = |index: usize| {
            let of = |values: &[f32; COMPONENTS]| values[index];
            let least = from.values.iter().map(of).fold(f32::MAX, f32::min);
            (least, from.values.iter().map(of).fold(f32::MIN, f32::max))
        };
        for index in 0..COMPONENTS {
            let (least, most) = spread(index);
            assert!(least > -0.6 && most < 1.6 && most - least > 0.5, "{least} to {most}");
        }
    }

    #[test]
    fn what_lies_around_a_photo_plays_no_part() {
        let whole = field(1, 8);
        let upper = Placement { height: 0.5, ..Placement::WHOLE };
        let shape = whole.last().shape;
        let lower = Tensor::ones([1, 32, shape.dim], (Kind::Float, Device::Cpu)) * 7.0;
        let changed =
            whole.with_last(Tensor::cat(&[whole.last().tokens.narrow(1, 0, 32), lower], 1));
        let of = |features: &Features| Components::of([features, features], [upper; 2]);
        let ([plain, _], [changed, _]) = (of(&whole), of(&changed));
        for (x, y) in [(0.1, 0.2), (0.5, 0.99), (1.0, 1.0)] {
            let (plain, changed) = (plain.at(Point::new(x, y)), changed.at(Point::new(x, y)));
            let near =
                plain.iter().zip(changed).all(|(plain, changed)| (plain - changed).abs() < 1e-4);
            assert!(near, "{changed:?}, not {plain:?}");
        }
    }
}
