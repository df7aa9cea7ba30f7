//! The picture in which both photos stand, each whole and in the middle.

use crate::geometry::{Point, Size};

/// The picture in which both photos stand.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// Its size in pixels.
    pub size: Size,
    /// Where source and target stand.
    pub places: [Place; 2],
}

/// Where a photo stands, in pixels of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its upper left pixel: right and down.
    pub corner: [usize; 2],
    /// Its size there.
    pub size: Size,
}

/// Photos whose aspects differ by less fill their stage; it can hardly be seen that they are not quite in shape.
const SAME_ASPECT: f64 = 1.15;

impl Stage {
    /// For photos of these sizes: of an aspect between theirs, no side longer than `longest` pixels, and no larger
    /// than the photos.
    pub(super) fn new(photos: [Size; 2], longest: usize) -> Self {
        let aspect = photos.map(|photo| photo.width as f64 / photo.height as f64);
        let fill = (aspect[0] / aspect[1]).max(aspect[1] / aspect[0]) < SAME_ASPECT;
        let aspect = (aspect[0] * aspect[1]).sqrt();
        let longest = photos.map(Size::longer_side).into_iter().fold(1, usize::max).min(longest);
        let side = |part: f64| ((longest as f64 * part).round() as usize).max(1);
        let size = Size::new(side((1.0 / aspect).min(1.0)), side(aspect.min(1.0)));
        let place = |photo| match fill {
            true => Place { corner: [0, 0], size },
            false => Place::within(size, photo),
        };
        Self { size, places: photos.map(place) }
    }
}

impl Place {
    fn within(stage: Size, photo: Size) -> Self {
        let scale = (stage.width as f64 / photo.width as f64)
            .min(stage.height as f64 / photo.height as f64);
        let side =
            |pixels: usize, most: usize| ((pixels as f64 * scale).round() as usize).clamp(1, most);
        let size = Size::new(side(photo.height, stage.height), side(photo.width, stage.width));
        Self { corner: [(stage.width - size.width) / 2, (stage.height - size.height) / 2], size }
    }

    /// Where a point of the photo's unit square stands.
    pub(super) fn pixel_from_unit(self, unit: Point) -> Point {
        let Point { x, y } = self.size.pixel_from_unit(unit);
        Point::new(x + self.corner[0] as f64, y + self.corner[1] as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_stand_whole_in_the_middle_and_are_not_enlarged_without_need() {
        let stage = Stage::new([Size::new(300, 400), Size::new(300, 400)], 640);
        assert_eq!(stage.size, Size::new(300, 400));
        let [source, target] = stage.places;
        assert_eq!((source, source), (target, Place { corner: [0, 0], size: stage.size }));
        let stage = Stage::new([Size::new(300, 400), Size::new(330, 400)], 640);
        assert_eq!((stage.size.width, stage.places[0]), (400, stage.places[1]));
        let stage = Stage::new([Size::new(3000, 1500), Size::new(1000, 2000)], 640);
        assert_eq!(stage.size, Size::square(640));
        assert_eq!(stage.places[0], Place { corner: [160, 0], size: Size::new(640, 320) });
        assert_eq!(stage.places[1], Place { corner: [0, 160], size: Size::new(320, 640) });
        let centre = stage.places[0].pixel_from_unit(Point::new(0.5, 0.5));
        assert_eq!(centre, Point::new(319.5, 319.5));
        let stage = Stage::new([Size::new(1, 5000), Size::new(1, 1)], 640);
        assert!(stage.size.height >= 1 && stage.size.width == 640, "{stage:?}");
    }
}
