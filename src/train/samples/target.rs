//! The flow that training aims at, made from keypoints: known where a keypoint is near, unknown
//! elsewhere.

use crate::flow::Flow;
use crate::geometry::{Point, Size};

/// How the network's flow grid lies in the square frame of the photos.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FlowGrid {
    /// The frame's side in pixels.
    pub frame: usize,
    /// The grid's side in cells.
    pub cells: usize,
    /// Half the width of the window in which a keypoint counts for a cell, in parts of the frame's side.
    pub reach: f64,
}

impl FlowGrid {
    /// The grid's rows and columns.
    pub(crate) fn size(self) -> Size {
        Size::square(self.cells)
    }

    /// Pixels of the frame per cell.
    pub(crate) fn stride(self) -> f64 {
        self.frame as f64 / self.cells as f64
    }

    /// The target flow of a pair: a cell with source keypoints in its window (limits included, centred half a cell
    /// right of and below the cell's corner) points from the mean of these to the target keypoint of the last of
    /// them; (0, 0) is "unknown".
    ///
    /// Keypoints are in the frame. Parity: mixing the mean of some with the target of one is what the
    /// reference does where windows overlap.
    ///
    /// # Panics
    /// When the two lists differ in length.
    pub(crate) fn target(self, source: &[Point], target: &[Point]) -> Flow {
        assert_eq!(source.len(), target.len(), "every source keypoint has one in the target");
        let stride = self.stride();
        let half = self.reach * self.frame as f64;
        let near = |position: f64, cell: usize| {
            let centre = (cell as f64 + 0.5) * stride;
            (centre - half..=centre + half).contains(&position)
        };
        let mut flow = Flow::zero(self.size());
        for row in 0..self.cells {
            for column in 0..self.cells {
                let (mut sum, mut count, mut last) = (Point::default(), 0.0, None);
                for (from, to) in source.iter().zip(target) {
                    if near(from.x, column) && near(from.y, row) {
                        sum = Point::new(sum.x + from.x, sum.y + from.y);
                        count += 1.0;
                        last = Some(to);
                    }
                }
                if let Some(last) = last {
                    let index = row * self.cells + column;
                    flow.dx[index] = ((last.x - sum.x / count) / stride) as f32;
                    flow.dy[index] = ((last.y - sum.y / count) / stride) as f32;
                }
            }
        }
        flow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAPER: FlowGrid = FlowGrid { frame: 512, cells: 128, reach: 17.0 / 512.0 };

    fn known(flow: &Flow) -> Vec<(usize, usize)> {
        (0..128)
            .flat_map(|row| (0..128).map(move |column| (row, column)))
            .filter(|&(row, column)| flow.at(row, column) != Point::default())
            .collect()
    }

    #[test]
    fn window_limits_are_included() {
        // Cell 10 reads 4 * 10 - 15 = 25 to 4 * 10 + 19 = 59.
        let flow = |x: f64| PAPER.target(&[Point::new(x, 2.0)], &[Point::new(9.0, 9.0)]);
        assert!(known(&flow(25.0)).contains(&(0, 10)));
        assert!(!known(&flow(24.99)).contains(&(0, 10)));
        assert!(known(&flow(59.0)).contains(&(0, 10)));
        assert!(!known(&flow(59.01)).contains(&(0, 10)));
    }

    #[test]
    fn where_windows_overlap_the_mean_of_the_sources_points_to_the_last_target() {
        let sources = [Point::new(100.0, 100.0), Point::new(108.0, 100.0)];
        let targets = [Point::new(0.0, 0.0), Point::new(200.0, 140.0)];
        let flow = PAPER.target(&sources, &targets);
        assert_eq!(flow.at(25, 26), Point::new((200.0 - 104.0) / 4.0, 10.0));
    }

    #[test]
    fn a_smaller_frame_has_the_same_window_in_parts_of_its_side() {
        let small = FlowGrid { frame: 128, cells: 32, ..PAPER };
        let (source, target) = (Point::new(64.0, 30.0), Point::new(10.0, 90.0));
        let scaled = |point: Point| Point::new(point.x / 4.0, point.y / 4.0);
        let fine = PAPER.target(&[source], &[target]);
        let coarse = small.target(&[scaled(source)], &[scaled(target)]);
        let covered = |flow: &Flow| flow.dx.iter().filter(|&&dx| dx != 0.0).count() as f64;
        let share = covered(&coarse) / 32.0_f64.powi(2) * 128.0_f64.powi(2) / covered(&fine);
        assert!((0.2..4.0).contains(&share), "{share}");
        assert_eq!(coarse.at(1, 4), Point::new((2.5 - 16.0) / 4.0, (22.5 - 7.5) / 4.0));
    }
}
