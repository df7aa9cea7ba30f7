//! How well every cell of one photo matches every cell of the other, small enough to be shown.

use std::borrow::Cow;

use tch::{Device, Kind, Tensor};

use crate::geometry::{Point, Size, Turn};
use crate::inference::placement::Placement;

/// Far below any score that is to be seen.
const TINY: f64 = 1e-30;

/// How well every cell of one photo matches every cell of the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Similarity {
    /// Rows, and columns, of the grids over the network's squares of source and target.
    pub sides: [usize; 2],
    /// Where the photos lie in these squares.
    pub placements: [Placement; 2],
    /// For each source cell, row by row, how well it matches each target cell: 255 where each is the other's best,
    /// and by the square root of the score, so that what is hardly likely can still be seen.
    pub values: Vec<u8>,
}

impl Similarity {
    /// Of `[S, T]` scores above 0 between grids of these sides, on any device.
    pub(crate) fn new(scores: &Tensor, sides: [i64; 2], placements: [Placement; 2]) -> Self {
        let best = |axis: i64| (scores.amax([axis].as_slice(), true) + TINY).rsqrt();
        let mutual = (scores * best(0) * best(1)).sqrt().clamp(0.0, 1.0) * 255.0;
        let bytes = mutual.round().to_kind(Kind::Uint8).to_device(Device::Cpu).contiguous();
        let mut values = vec![0; bytes.numel()];
        bytes.copy_data(&mut values, bytes.numel());
        Self { sides: sides.map(|side| side as usize), placements, values }
    }

    /// The same for a target that the network saw turned, with the target as it is.
    pub(crate) fn with_target_turned_back(self, turn: Turn) -> Self {
        if turn == Turn::NONE {
            return self;
        }
        let side = self.sides[1];
        let cells = Size::square(side);
        let seen_at = |cell: usize| {
            let centre = Point::new((cell % side) as f64, (cell / side) as f64);
            let seen = cells.pixel_from_unit(turn.apply(cells.unit_from_pixel(centre)));
            seen.y.round() as usize * side + seen.x.round() as usize
        };
        let order: Vec<usize> = (0..cells.area()).map(seen_at).collect();
        let rows = self.values.chunks_exact(cells.area());
        let values = rows.flat_map(|row| order.iter().map(|cell| row[*cell])).collect();
        let [source, Placement { left, top, width, height }] = self.placements;
        let corners =
            [Point::new(left, top), Point::new(left + width, top + height)].map(|at| turn.undo(at));
        let least = |axis: fn(&Point) -> f64| axis(&corners[0]).min(axis(&corners[1]));
        let (width, height) =
            if turn.quarters % 2 == 1 { (height, width) } else { (width, height) };
        let target = Placement { left: least(|at| at.x), top: least(|at| at.y), width, height };
        Self { placements: [source, target], values, ..self }
    }
}

impl Similarity {
    /// The same on grids of at most so many rows and columns, where several cells become one that matches as well as
    /// the best of them.
    pub(crate) fn coarser(&self, most: usize) -> Cow<'_, Self> {
        let in_one = self.sides.map(|side| side.div_ceil(most));
        if in_one == [1, 1] {
            return Cow::Borrowed(self);
        }
        let sides = [0, 1].map(|photo| self.sides[photo].div_ceil(in_one[photo]));
        let cell = |photo: usize, index: usize| {
            let (row, column) = (index / self.sides[photo], index % self.sides[photo]);
            row / in_one[photo] * sides[photo] + column / in_one[photo]
        };
        let [from, to] = sides.map(|side| side * side);
        let mut values = vec![0; from * to];
        let targets = self.sides[1] * self.sides[1];
        for (index, value) in self.values.iter().enumerate() {
            let best = &mut values[cell(0, index / targets) * to + cell(1, index % targets)];
            *best = (*best).max(*value);
        }
        // The last of the new cells may reach beyond the old square.
        let placements = [0, 1].map(|photo| {
            let part = self.sides[photo] as f64 / (sides[photo] * in_one[photo]) as f64;
            let Placement { left, top, width, height } = self.placements[photo];
            Placement {
                left: left * part,
                top: top * part,
                width: width * part,
                height: height * part,
            }
        });
        Cow::Owned(Self { sides, placements, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::matcher::test_fields::shifted_pair;
    use crate::model::matcher::{Matcher, nearest::Nearest};

    #[test]
    fn a_cell_matches_its_counterpart_best() {
        let (source, target) = shifted_pair(2, 9, [2, 1]);
        let scores = Nearest {}.scores(&source, &target).get(0);
        let found = Similarity::new(&scores, [9, 9], [Placement::WHOLE; 2]);
        let at = |source: usize, target: usize| found.values[source * 81 + target];
        assert_eq!(at(4 * 9 + 3, 5 * 9 + 5), 255);
        assert!(at(4 * 9 + 3, 0) < 40, "{}", at(4 * 9 + 3, 0));
    }

    #[test]
    fn of_several_cells_the_best_counts() {
        let (source, target) = shifted_pair(2, 8, [2, 2]);
        let scores = Nearest {}.scores(&source, &target).get(0);
        let fine = Similarity::new(&scores, [8, 8], [Placement::WHOLE; 2]);
        let coarse = fine.coarser(4);
        assert_eq!((coarse.sides, coarse.values.len()), ([4, 4], 256));
        assert_eq!(coarse.placements, [Placement::WHOLE; 2]);
        // Two cells of eight are one of four.
        assert_eq!(coarse.values[(4 + 1) * 16 + (2 * 4 + 2)], 255);
        assert_eq!(*fine.coarser(8), fine);
        let odd = fine.coarser(3);
        assert_eq!((odd.sides, odd.placements[0].width), ([3, 3], 8.0 / 9.0));
    }

    #[test]
    fn a_turned_target_is_told_as_it_is() {
        let placement = Placement { left: 0.0, top: 0.0, width: 0.5, height: 1.0 };
        let found = Similarity {
            sides: [1, 2],
            placements: [Placement::WHOLE, placement],
            values: vec![1, 2, 3, 4],
        };
        let turned = |mirrored, quarters| {
            let found = found.clone().with_target_turned_back(Turn { mirrored, quarters });
            let Placement { left, top, width, height } = found.placements[1];
            (found.values, [left, top, width, height])
        };
        assert_eq!(turned(false, 0), (vec![1, 2, 3, 4], [0.0, 0.0, 0.5, 1.0]));
        assert_eq!(turned(true, 0), (vec![2, 1, 4, 3], [0.5, 0.0, 0.5, 1.0]));
        // What the network saw above lies to the left.
        assert_eq!(turned(false, 1), (vec![2, 4, 1, 3], [0.0, 0.5, 1.0, 0.5]));
    }
}
