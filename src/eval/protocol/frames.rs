//! The frames that evaluators measure in: how a photo lies in each.

use crate::eval::protocol::rules::MeasureFrame;
use crate::geometry::{Point, Size};

/// How far within a photo's first and last pixels MARCO's evaluator holds target keypoints.
const MARGIN: f64 = 1e-4;

/// How a photo lies in a frame: scaled along each axis, then moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placed {
    /// Pixels of the frame for each of the photo's, along x and y.
    pub scale: [f64; 2],
    /// Where the photo's first pixel lies.
    pub offset: [f64; 2],
    /// The photo's width and height in the frame.
    pub extent: [f64; 2],
    /// Whether the evaluator computes in 32 bits.
    single: bool,
    /// Whether target keypoints are held within the photo.
    holds: bool,
}

impl MeasureFrame {
    /// Its side in pixels, the longer one if they differ; `None` of the target as it is.
    pub(crate) const fn side(self) -> Option<f64> {
        match self {
            Self::Paper512 => Some(512.0),
            Self::Stretched256 => Some(256.0),
            Self::Stretched240 => Some(240.0),
            Self::Stretched224 => Some(224.0),
            Self::Stretched320x224 => Some(320.0),
            Self::Scaled300 => Some(300.0),
            Self::TargetOriginal => None,
            Self::Padded840 => Some(840.0),
            Self::Stretched770 | Self::Padded770 => Some(770.0),
        }
    }

    /// How a photo lies in it.
    pub(crate) fn placed(self, image: Size) -> Placed {
        let (width, height) = (image.width as f64, image.height as f64);
        let longer = width.max(height);
        let side = self.side().unwrap_or_default();
        let stretched = Placed {
            scale: [side / width, side / height],
            offset: [0.0; 2],
            extent: [side; 2],
            single: true,
            holds: false,
        };
        match self {
            Self::TargetOriginal => {
                Placed { scale: [1.0; 2], extent: [width, height], single: false, ..stretched }
            }
            Self::Paper512 | Self::Stretched256 | Self::Stretched240 | Self::Stretched224 => {
                stretched
            }
            Self::Stretched770 => Placed { holds: true, ..stretched },
            Self::Stretched320x224 => {
                let extent = [side, 224.0];
                Placed { scale: [extent[0] / width, extent[1] / height], extent, ..stretched }
            }
            Self::Scaled300 => {
                let scale = side / longer;
                Placed { scale: [scale; 2], extent: [width * scale, height * scale], ..stretched }
            }
            Self::Padded770 => {
                // Parity: Python's rounding, half to even; keypoints are scaled as the rounded sides say.
                let extent = [width, height].map(|own| (own * (side / longer)).round_ties_even());
                let scale = [extent[0] / width, extent[1] / height];
                Placed { scale, extent, holds: true, ..stretched }
            }
            Self::Padded840 => {
                // Parity: NumPy's rounding; keypoints are scaled alike along both axes.
                let extent = [width, height].map(|own| (side * own / longer).round_ties_even());
                let offset = extent.map(|own| ((side - own) / 2.0).trunc());
                Placed { scale: [side / longer; 2], offset, extent, ..stretched }
            }
        }
    }
}

impl Placed {
    /// Where a pixel position of the photo lies in the frame.
    pub(crate) fn frame_from_original(&self, pixel: Point) -> Point {
        let along = |position: f64, axis: usize| match self.single {
            true => f64::from(position as f32 * self.scale[axis] as f32 + self.offset[axis] as f32),
            false => position * self.scale[axis] + self.offset[axis],
        };
        Point::new(along(pixel.x, 0), along(pixel.y, 1))
    }

    /// The same of a target keypoint, held within the photo where the evaluator does so.
    pub(crate) fn frame_from_keypoint(&self, pixel: Point) -> Point {
        let point = self.frame_from_original(pixel);
        if !self.holds {
            return point;
        }
        let held = |position: f64, extent: f64| {
            let last = (extent - 1.0 - MARGIN) as f32;
            f64::from((position as f32).max(MARGIN as f32).min(last))
        };
        Point::new(held(point.x, self.extent[0]), held(point.y, self.extent[1]))
    }

    /// Where a position of the frame lies in the photo.
    pub(crate) fn original_from_frame(&self, position: Point) -> Point {
        let along = |position: f64, axis: usize| (position - self.offset[axis]) / self.scale[axis];
        Point::new(along(position.x, 0), along(position.y, 1))
    }

    /// Where a position of the frame lies in the photo's unit square.
    pub(crate) fn unit_from_frame(&self, position: Point) -> Point {
        let along = |position: f64, axis: usize| (position - self.offset[axis]) / self.extent[axis];
        Point::new(along(position.x, 0), along(position.y, 1))
    }

    /// Where a point of the photo's unit square lies in the frame.
    pub(crate) fn frame_from_unit(&self, unit: Point) -> Point {
        let along = |unit: f64, axis: usize| unit * self.extent[axis] + self.offset[axis];
        Point::new(along(unit.x, 0), along(unit.y, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_left_as_it_was_entered() {
        let pixel = Point::new(123.25, 77.5);
        for frame in MeasureFrame::ALL {
            for size in [Size::new(301, 417), Size::new(640, 235), Size::square(300)] {
                let placed = frame.placed(size);
                let back = placed.original_from_frame(placed.frame_from_original(pixel));
                assert!(back.distance(pixel) < 1e-3, "{frame:?} {size:?}");
                let unit = placed.unit_from_frame(placed.frame_from_unit(Point::new(0.3, 0.9)));
                assert!(unit.distance(Point::new(0.3, 0.9)) < 1e-12);
            }
        }
    }

    #[test]
    fn padded_frames_keep_the_aspect_and_differ_in_where_the_photo_lies() {
        let size = Size::new(301, 417);
        let centred = MeasureFrame::Padded840.placed(size);
        // 840 * 301 / 417 = 606.33.
        assert_eq!((centred.extent, centred.offset), ([840.0, 606.0], [0.0, 117.0]));
        let middle = centred.frame_from_original(Point::new(208.5, 150.5));
        assert!((middle.y - (150.5 * 840.0 / 417.0 + 117.0)).abs() < 1e-4);
        let corner = MeasureFrame::Padded770.placed(size);
        // 770 * 301 / 417 = 555.8.
        assert_eq!((corner.extent, corner.offset), ([770.0, 556.0], [0.0; 2]));
    }

    #[test]
    fn marcos_target_keypoints_stay_within_the_photos_pixels() {
        let placed = MeasureFrame::Padded770.placed(Size::new(385, 770));
        let held = placed.frame_from_keypoint(Point::new(-3.0, 400.0));
        assert!((held.x - 1e-4).abs() < 1e-9 && (held.y - 383.9999).abs() < 1e-4, "{held:?}");
        assert_eq!(placed.frame_from_original(Point::new(-3.0, 400.0)), Point::new(-3.0, 400.0));
    }
}
