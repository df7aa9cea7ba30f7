//! What the network says of one pair of photos, in the photos' own pixels.

use rayon::prelude::*;

use crate::flow::{Flow, Matched};
use crate::geometry::{Point, Size};
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
    /// The source photo's size.
    pub source: Size,
    /// The target photo's size.
    pub target: Size,
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
}

impl Correspondence {
    /// From target to source, if that is known.
    pub(crate) fn reversed(&self) -> Option<Self> {
        Some(Self {
            forward: self.backward.clone()?,
            backward: Some(self.forward.clone()),
            similarity: None,
            source: self.target,
            target: self.source,
        })
    }

    /// Where a pixel position of the source photo lies in the target photo.
    pub(crate) fn transfer(&self, pixel: Point) -> Point {
        self.forward.transfer(pixel, self.source, self.target)
    }

    /// The flow in the pixels of the photos, or as the network returns it.
    pub(crate) fn flow(&self, resolution: Resolution) -> Flow {
        match resolution {
            Resolution::Original => self.forward.flow.to_original(self.source, self.target),
            Resolution::Network => self.forward.flow.clone(),
        }
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

    #[test]
    fn the_same_place_in_a_photo_of_another_size_is_no_motion() {
        let size = Size::square(8);
        let pair = |part: f32| Correspondence {
            forward: Flow::from_channels(size, &[[part * 8.0; 64], [0.0; 64]].concat()).into(),
            backward: None,
            similarity: None,
            source: Size::new(30, 40),
            target: Size::new(900, 700),
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
