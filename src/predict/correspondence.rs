//! What the network says of one pair of photos, in the photos' own pixels.

use rayon::prelude::*;

use crate::flow::{Flow, Matched};
use crate::geometry::{Point, Size, Turn};
use crate::inference::components::Components;
use crate::inference::similarity::Similarity;

/// The flow between two photos, as the network returns it, with the photos' sizes.
#[derive(Clone, Debug)]
pub(crate) struct Correspondence {
    /// Source to target.
    pub forward: Matched,
    /// Target to source, likewise; there when an output shows it, or needs a confidence that the matcher does not
    /// say itself.
    pub backward: Option<Matched>,
    /// How well each part of one photo matches each part of the other; there when an output shows it.
    pub similarity: Option<Similarity>,
    /// What the network sees in both photos; there when an output shows it.
    pub features: Option<[Components; 2]>,
    /// The source photo's size.
    pub source: Size,
    /// The target photo's size.
    pub target: Size,
    /// How source and target were turned for the network; all else here counts in the photos as they are, but for
    /// what the network found.
    pub turns: [Turn; 2],
}

/// What is to be known of a pair; each includes what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// Where everything lies.
    Matches,
    /// How far each match can be trusted.
    Confidence,
    /// Also where everything of the target lies in the source.
    BothWays,
    /// Also where else each point could lie.
    Everything,
    /// Also what the network sees in the photos.
    Features,
}

impl Correspondence {
    /// What was found between photos of these sizes, as they are.
    pub(crate) fn new(
        forward: Matched,
        backward: Option<Matched>,
        [source, target]: [Size; 2],
    ) -> Self {
        let (similarity, features, turns) = (None, None, [Turn::NONE; 2]);
        Self { forward, backward, similarity, features, source, target, turns }
    }

    /// The same between the photos as the network saw them.
    pub(crate) fn as_seen(&self) -> Self {
        let sizes = [self.turns[0].size(self.source), self.turns[1].size(self.target)];
        Self::new(self.forward.clone(), self.backward.clone(), sizes)
    }

    /// From target to source, if that is known.
    pub(crate) fn reversed(&self) -> Option<Self> {
        let sizes = [self.target, self.source];
        let (forward, backward) = (self.backward.clone()?, Some(self.forward.clone()));
        let [source, target] = self.turns;
        Some(Self { turns: [target, source], ..Self::new(forward, backward, sizes) })
    }

    /// Where a pixel position of the source photo lies in the target photo.
    pub(crate) fn transfer(&self, pixel: Point) -> Point {
        if !self.is_turned() {
            return self.forward.transfer(pixel, self.source, self.target);
        }
        let [source, target] = self.turns;
        let (seen, found) = (source.size(self.source), target.size(self.target));
        let turned = source.apply(self.source.unit_from_pixel(pixel));
        let matched = self.forward.transfer(seen.pixel_from_unit(turned), seen, found);
        self.target.pixel_from_unit(target.undo(found.unit_from_pixel(matched)))
    }

    /// How points move, of weights that have a rule of their own for them.
    pub(crate) fn point_rule(&self) -> Option<&'static str> {
        self.forward.points.as_ref().map(|points| points.rule())
    }

    /// Where a point of the source's unit square lay where the network saw it.
    pub(crate) fn seen(&self, unit: Point) -> Point {
        self.turns[0].apply(unit)
    }

    /// The flow in the pixels of the photos, or on the network's grid.
    pub(crate) fn flow(&self, resolution: Resolution) -> Flow {
        match resolution {
            _ if self.is_turned() => self.turned_flow(resolution),
            Resolution::Original => self.forward.flow.to_original(self.source, self.target),
            Resolution::Network => self.forward.flow.clone(),
        }
    }

    fn is_turned(&self) -> bool {
        self.turns != [Turn::NONE; 2]
    }

    /// The flow where the network saw the photos turned.
    fn turned_flow(&self, resolution: Resolution) -> Flow {
        let grid = self.grid(resolution);
        let target = match resolution {
            Resolution::Original => self.target,
            Resolution::Network => grid,
        };
        let mut flow = Flow::zero(grid);
        let rows = flow.dx.par_chunks_mut(grid.width).zip(flow.dy.par_chunks_mut(grid.width));
        rows.enumerate().for_each(|(row, (dx, dy))| {
            for column in 0..grid.width {
                let pixel = Point::new(column as f64, row as f64);
                let seen = self.seen(grid.unit_from_pixel(pixel));
                let found = self.turns[1].undo(self.forward.flow.target_from_source_unit(seen));
                let found = target.pixel_from_unit(found);
                dx[column] = (found.x - pixel.x) as f32;
                dy[column] = (found.y - pixel.y) as f32;
            }
        });
        flow
    }

    /// The flow as a part of the photos' width and height, on the same grid: how far each pixel's counterpart lies from
    /// the same place in the target.
    pub(crate) fn relative_flow(&self, resolution: Resolution) -> Flow {
        let mut flow = self.flow(resolution);
        let (grid, target) = match resolution {
            Resolution::Original => (self.source, self.target),
            Resolution::Network => (flow.size, flow.size),
        };
        let rows = flow.dx.par_chunks_mut(grid.width).zip(flow.dy.par_chunks_mut(grid.width));
        rows.enumerate().for_each(|(row, (dx, dy))| {
            for (column, (dx, dy)) in dx.iter_mut().zip(dy).enumerate() {
                let pixel = Point::new(column as f64, row as f64);
                let found = Point::new(pixel.x + f64::from(*dx), pixel.y + f64::from(*dy));
                let (from, to) = (grid.unit_from_pixel(pixel), target.unit_from_pixel(found));
                (*dx, *dy) = ((to.x - from.x) as f32, (to.y - from.y) as f32);
            }
        });
        flow
    }

    /// The grid on which [`Correspondence::flow`] lives.
    pub(crate) fn grid(&self, resolution: Resolution) -> Size {
        match resolution {
            Resolution::Original => self.source,
            Resolution::Network => self.forward.flow.size,
        }
    }
}

/// The grid and the pixels that flows and confidences are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Resolution {
    /// The source photo's pixels, pointing to the target photo's.
    Original,
    /// The network's own grid and pixels.
    Network,
}

#[cfg(test)]
mod tests {
    use super::*;
    /// A network that finds each point of what it sees a quarter of the width further to the right.
    fn turned(turn: Turn) -> Correspondence {
        let size = Size::square(8);
        let flow =
            |step: f32| Flow::from_channels(size, &[vec![step; 64], vec![0.0; 64]].concat()).into();
        let sizes = [Size::new(40, 20), Size::new(60, 80)];
        Correspondence {
            turns: [Turn::NONE, turn],
            ..Correspondence::new(flow(2.0), Some(flow(-2.0)), sizes)
        }
    }

    #[test]
    fn what_the_network_saw_turned_is_told_of_the_photo_as_it_is() {
        for quarters in 0..4 {
            for mirrored in [false, true] {
                let turn = Turn { mirrored, quarters };
                let pair = turned(turn);
                let pixel = Point::new(5.0, 12.0);
                let unit = pair.source.unit_from_pixel(pixel);
                let wanted = turn.undo(Point::new(unit.x + 0.25, unit.y));
                let found = pair.transfer(pixel);
                assert!(found.distance(pair.target.pixel_from_unit(wanted)) < 1e-9, "{turn:?}");
                // There and back, by points and by flows.
                let back = pair.reversed().unwrap();
                assert!(back.transfer(found).distance(pixel) < 1e-9, "{turn:?}");
                assert!(pair.miss(pixel).unwrap() < 1e-9 && back.miss(found).unwrap() < 1e-9);
                let seen = pair.as_seen();
                let shown = seen.target.unit_from_pixel(seen.transfer(pixel));
                assert!(shown.distance(Point::new(unit.x + 0.25, unit.y)) < 1e-9, "{turn:?}");
                let step = pair.flow(Resolution::Original).at(12, 5);
                assert!(found.distance(Point::new(5.0 + step.x, 12.0 + step.y)) < 1e-4);
            }
        }
    }

    #[test]
    fn a_flow_on_the_networks_grid_is_one_of_the_photos_as_they_are() {
        let pair = turned(Turn { mirrored: true, quarters: 0 });
        let flow = pair.flow(Resolution::Network);
        // Column 1 is seen at 1.5 of 8, found at 3.5 of the mirrored photo, which is 4.5 of the photo itself.
        assert_eq!((flow.size, flow.at(3, 1)), (Size::square(8), Point::new(3.0, 0.0)));
    }

    #[test]
    fn the_same_place_in_a_photo_of_another_size_is_no_motion() {
        let size = Size::square(8);
        let pair = |part: f32| {
            let flow = Flow::from_channels(size, &[[part * 8.0; 64], [0.0; 64]].concat());
            Correspondence::new(flow.into(), None, [Size::new(30, 40), Size::new(900, 700)])
        };
        for resolution in [Resolution::Original, Resolution::Network] {
            let still = pair(0.0).relative_flow(resolution);
            assert!(still.dx.iter().chain(&still.dy).all(|value| value.abs() < 1e-4));
            let moved = pair(0.25).relative_flow(resolution);
            assert!(moved.dx.iter().all(|value| (value - 0.25).abs() < 1e-4), "{:?}", moved.dx);
            assert!(moved.dy.iter().all(|value| value.abs() < 1e-4));
        }
    }
}
