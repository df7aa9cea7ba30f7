//! A flow picture that explains itself: the photo beneath the colours, and below it words and the colour wheel.

use image::imageops::FilterType;
use image::{DynamicImage, Rgb, RgbImage, Rgba};

use crate::data::photo::resize::resize_like_pillow;
use crate::drawing::canvas::{Canvas, Ink};
use crate::drawing::colour::{brightness, greyed};
use crate::drawing::strip::Strip;
use crate::drawing::text::{self, CAPITALS};
use crate::geometry::{Point, Size};
use crate::predict::format::wheel::{self, FlowScale};

/// The longer side of smaller pictures is made this long, in pixels, so that the photo is seen.
const SMALLEST: u32 = 600;
/// How dark the colours become where the photo is black.
const DARKEST: f64 = 0.45;
/// Where no match is known: the greys of the photo's black and white, none as light as what stays.
const GREY: [f64; 2] = [0.3, 0.62];
/// The wheel's radius in text sizes.
const RADIUS: f64 = 2.2;
/// The least width of the words, in text sizes.
const LEAST_WORDS: f64 = 12.0;

/// A flow picture over the photo, both enlarged if the flow's grid is small, above the wheel in its right corner and
/// words at its left. Transparent pixels are those without a match.
pub(super) fn explained(flow: &DynamicImage, photo: &RgbImage, scale: FlowScale) -> RgbImage {
    let picture = over(flow, photo);
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let unit = (width * height).sqrt() / 100.0;
    let caption = format!(
        "Colour: which way, and how far, each place moves to reach the same part of the second photo{}. White: it \
         stays. Full colour: by {}. Grey: no reliable match.",
        if matches!(scale, FlowScale::Part(_)) { ", as if both had one size" } else { "" },
        scale.in_words()
    );
    let size = Strip::new("", unit, width).size;
    let wheel = Wheel::new(size);
    let width = width.max(LEAST_WORDS * size + wheel.width);
    let words = Strip::new(&caption, unit, width - wheel.width);
    let below = words.height().max(wheel.height);
    let mut canvas = Canvas::new(Size::new((height + below).ceil() as usize, width as usize));
    canvas.paste(&picture, 0, 0);
    words.draw(&mut canvas, height);
    wheel.draw(&mut canvas, Point::new(width - wheel.width, height));
    canvas.into_picture()
}

/// The colours, darker where the photo is dark.
fn over(flow: &DynamicImage, photo: &RgbImage) -> RgbImage {
    let enlarge = SMALLEST.div_ceil(flow.width().max(flow.height()));
    let (width, height) = (flow.width() * enlarge, flow.height() * enlarge);
    let flow = flow.resize_exact(width, height, FilterType::Nearest).into_rgba8();
    let mut picture = match photo.dimensions() == (width, height) {
        true => photo.clone(),
        false => resize_like_pillow(photo, Size::new(height as usize, width as usize)),
    };
    for (pixel, Rgba([red, green, blue, alpha])) in picture.pixels_mut().zip(flow.pixels()) {
        let light = DARKEST + (1.0 - DARKEST) * brightness(*pixel);
        let dimmed = |value: u8| (f64::from(value) / 255.0 * light * 255.0).round() as u8;
        *pixel = Rgb(match alpha {
            0 => greyed(*pixel, GREY),
            _ => [*red, *green, *blue].map(dimmed),
        });
    }
    picture
}

/// Every displacement up to the full colours, in the direction it has, with the directions' names. In pixels.
struct Wheel {
    size: f64,
    radius: f64,
    /// The room for a direction's name beside the wheel.
    room: f64,
    width: f64,
    height: f64,
}

impl Wheel {
    fn new(size: f64) -> Self {
        let beside = ["left", "right"].map(|word| text::width(word, size));
        let room = beside[0].max(beside[1]) + 0.5 * size;
        let radius = RADIUS * size;
        let width = 2.0 * (radius + room) + size;
        Self { size, radius, room, width, height: 2.0 * radius + 3.6 * size }
    }

    fn draw(&self, canvas: &mut Canvas, corner: Point) {
        let Self { size, radius, room, width, height } = *self;
        let centre = Point::new(corner.x + width / 2.0, corner.y + height / 2.0);
        let side = (2.0 * radius).ceil() as usize;
        let corner = Point::new((centre.x - radius).round(), (centre.y - radius).round());
        let mut disc = RgbImage::from_pixel(side as u32, side as u32, Rgb([255; 3]));
        let colours = wheel::colours();
        for (x, y, pixel) in disc.enumerate_pixels_mut() {
            let along = |position: u32| ((f64::from(position) + 0.5) / radius - 1.0) as f32;
            let (x, y) = (along(x), along(y));
            if x.hypot(y) <= 1.0 {
                pixel.0 = wheel::colour(&colours, x, y);
            }
        }
        canvas.paste(&disc, corner.x as usize, corner.y as usize);
        // Over the steps of its rim.
        let middle = Point::new(corner.x + radius, corner.y + radius);
        canvas.ring(middle, radius, 1.5, Ink::solid([120; 3]));
        let mut write = |words: &str, middle: f64, baseline: f64| {
            let start = Point::new(middle - text::width(words, size) / 2.0, baseline);
            canvas.text(words, start, size, Ink::TEXT);
        };
        write("up", centre.x, centre.y - radius - 0.45 * size);
        write("down", centre.x, centre.y + radius + (CAPITALS + 0.35) * size);
        let middle = centre.y + CAPITALS * size / 2.0;
        write("left", centre.x - radius - room / 2.0, middle);
        write("right", centre.x + radius + room / 2.0, middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(width: u32, height: u32) -> DynamicImage {
        RgbImage::from_pixel(width, height, Rgb([250, 150, 150])).into()
    }

    #[test]
    fn the_photo_is_seen_beneath_and_the_wheel_below() {
        let photo = RgbImage::from_fn(800, 600, |x, _| Rgb([if x < 400 { 0 } else { 255 }; 3]));
        let drawn = explained(&flow(800, 600), &photo, FlowScale::Part(0.12));
        assert_eq!(drawn.width(), 800);
        assert!((700..900).contains(&drawn.height()), "{}", drawn.height());
        assert_eq!(drawn.get_pixel(700, 300).0, [250, 150, 150]);
        assert!(drawn.get_pixel(100, 300).0[0] < 140);
        // To the right of the wheel's middle lies what moves to the right.
        let is_red = |Rgb(pixel): &Rgb<u8>| pixel[0] == 255 && pixel[1] < 40 && pixel[2] < 40;
        let red = drawn.enumerate_pixels().find(|(_, _, pixel)| is_red(pixel)).unwrap();
        assert!(red.0 > 600 && red.1 > 600, "{red:?}");
    }

    #[test]
    fn small_grids_are_enlarged_narrow_ones_get_room_and_what_has_no_match_is_grey() {
        let photo = RgbImage::from_pixel(640, 480, Rgb([255, 0, 0]));
        assert_eq!(explained(&flow(24, 18), &photo, FlowScale::Pixels(3.0)).width(), 600);
        let narrow = explained(&flow(9, 900), &photo, FlowScale::Pixels(3.0));
        assert!(narrow.width() > 200 && narrow.get_pixel(100, 300).0 == [255; 3]);
        let nothing = DynamicImage::from(image::RgbaImage::new(640, 480));
        let [red, green, blue] =
            explained(&nothing, &photo, FlowScale::Part(0.1)).get_pixel(9, 9).0;
        assert!(red == green && green == blue && red < 200);
    }
}
