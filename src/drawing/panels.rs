//! Two photos beside each other at one height, or below each other where they are wide, with words below.

use image::RgbImage;

use crate::data::photo::resize::resize_like_pillow;
use crate::drawing::canvas::Canvas;
use crate::drawing::strip::Strip;
use crate::geometry::{Point, Size};

/// The longest side of both photos together, in pixels: two photos of twelve megapixels as they are.
const LONGEST: f64 = 8192.0;
/// Small photos are enlarged to this height (to this width below each other), in pixels, so that dots do not hide
/// them.
const LOWEST: f64 = 480.0;
/// Photos more elongated than this (width to height or height to width) get a margin.
const MOST_ELONGATED: f64 = 3.0;
/// Photos that are wider than this together, as a multiple of their height, lie below each other.
const WIDEST: f64 = 4.0;
/// The gap between the photos, in hundredths of their size.
const GAP: f64 = 1.2;

/// Both photos in one picture.
pub(crate) struct Panels {
    /// The picture under way.
    pub canvas: Canvas,
    /// Where the source photo lies.
    pub source: Placement,
    /// Where the target photo lies.
    pub target: Placement,
    /// A hundredth of a photo's size in the picture (the square root of its area), which sizes of what is drawn are
    /// multiples of.
    pub unit: f64,
}

/// Where a photo lies in a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    photo: Size,
    /// In the picture's pixels.
    pub left: f64,
    /// Likewise.
    pub top: f64,
    /// Likewise.
    pub width: f64,
    /// Likewise.
    pub height: f64,
}

impl Panels {
    /// Both photos at the resolution of the larger, above a caption.
    pub(crate) fn new(source: &RgbImage, target: &RgbImage, caption: &str) -> Self {
        let photos = [source, target];
        let aspects = photos.map(|photo| {
            let aspect = f64::from(photo.width()) / f64::from(photo.height());
            aspect.clamp(1.0 / MOST_ELONGATED, MOST_ELONGATED)
        });
        let stacked = aspects[0] + aspects[1] > WIDEST;
        // Sides of the panels of which one is the same.
        let relative = aspects.map(|aspect| if stacked { 1.0 / aspect } else { aspect });
        let own = |photo: &RgbImage| if stacked { photo.width() } else { photo.height() };
        let common = f64::from(own(source).max(own(target)));
        let most = LONGEST / (relative[0] + relative[1]).max(1.0);
        let common = common.max(LOWEST).min(most).floor();
        let sides = relative.map(|side| (side * common).floor());
        let unit = (common * (sides[0] + sides[1]) / 2.0).sqrt() / 100.0;
        let second = sides[0] + (GAP * unit).round();
        let (width, height) =
            if stacked { (common, second + sides[1]) } else { (second + sides[1], common) };
        let place = |photo: &RgbImage, start: f64, side: f64| {
            let corner = if stacked { (0.0, start) } else { (start, 0.0) };
            let panel = if stacked { (common, side) } else { (side, common) };
            Placement::fit(photo, corner, panel)
        };
        let (source_place, target_place) =
            (place(source, 0.0, sides[0]), place(target, second, sides[1]));
        let strip = Strip::new(caption, unit, width);
        let whole = Size::new((height + strip.height()) as usize, width as usize);
        let mut canvas = Canvas::new(whole);
        source_place.paste(source, &mut canvas);
        target_place.paste(target, &mut canvas);
        strip.draw(&mut canvas, height);
        Self { canvas, source: source_place, target: target_place, unit }
    }
}

impl Placement {
    /// The photo as large as fits, in the middle of a panel.
    fn fit(photo: &RgbImage, (left, top): (f64, f64), (width, height): (f64, f64)) -> Self {
        let photo = Size::new(photo.height() as usize, photo.width() as usize);
        let scale = (width / photo.width as f64).min(height / photo.height as f64);
        let side = |pixels: usize, most: f64| (pixels as f64 * scale).round().clamp(1.0, most);
        let (across, down) = (side(photo.width, width), side(photo.height, height));
        let margin = |whole: f64, part: f64| ((whole - part) / 2.0).floor();
        Self {
            photo,
            left: left + margin(width, across),
            top: top + margin(height, down),
            width: across,
            height: down,
        }
    }

    fn paste(&self, photo: &RgbImage, canvas: &mut Canvas) {
        let size = Size::new(self.height as usize, self.width as usize);
        let (left, top) = (self.left as usize, self.top as usize);
        if size == self.photo {
            canvas.paste(photo, left, top);
        } else {
            canvas.paste(&resize_like_pillow(photo, size), left, top);
        }
    }

    /// Where a position of the photo lies in the picture; beyond the photo, on its rim.
    pub(crate) fn position(&self, pixel: Point) -> Point {
        let unit = self.photo.unit_from_pixel(pixel);
        let (across, down) = (unit.x.clamp(0.0, 1.0), unit.y.clamp(0.0, 1.0));
        Point::new(self.left + across * self.width, self.top + down * self.height)
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn panels(source: (u32, u32), target: (u32, u32)) -> Panels {
        let photo = |(width, height), value| RgbImage::from_pixel(width, height, Rgb([value; 3]));
        Panels::new(&photo(source, 40), &photo(target, 80), "")
    }

    #[test]
    fn a_small_photo_is_as_high_as_the_large_one_beside_it() {
        let panels = panels((210, 140), (1500, 1000));
        assert_eq!((panels.source.height, panels.target.height), (1000.0, 1000.0));
        assert_eq!(panels.target.width, 1500.0);
        assert_eq!(panels.target.position(Point::new(-0.5, 999.5)).y, 1000.0);
        let middle = panels.source.position(Point::new(104.5, 69.5));
        assert_eq!((middle.x, middle.y), (750.0, 500.0));
        let picture = panels.canvas.into_picture();
        assert_eq!(picture.get_pixel(700, 500).0, [40; 3]);
        assert_eq!(picture.get_pixel(picture.width() - 1, 999).0, [80; 3]);
    }

    #[test]
    fn wide_photos_lie_below_each_other_and_extreme_ones_are_held() {
        let wide = panels((900, 300), (1200, 500));
        assert!(wide.target.top >= wide.source.height && wide.source.width == 1200.0);
        for (source, target) in [((1, 1), (16_000, 2)), ((1, 900), (5, 5)), ((9000, 9000), (9, 9))]
        {
            let picture = panels(source, target).canvas.into_picture();
            assert!(picture.width().max(picture.height()) <= 8400, "{:?}", picture.dimensions());
            assert!(picture.width().min(picture.height()) >= 300, "{:?}", picture.dimensions());
        }
    }
}
