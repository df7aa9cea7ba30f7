//! The colour wheel that explains a flow picture, and the corner it lies in.

use image::{DynamicImage, RgbImage};

use crate::geometry::{Point, Size};
use crate::predict::drawing::canvas::{Canvas, Ink};
use crate::predict::drawing::text::{self, CAPITALS};
use crate::predict::format::wheel::{self, FlowScale};

/// Sizes in hundredths of the picture's size.
const RADIUS: f64 = 6.0;
const TEXT: f64 = 2.3;
const MARGIN: f64 = 1.2;
/// The smallest text that is read easily, in pixels.
const SMALLEST_TEXT: f64 = 12.0;
/// The longer side of smaller pictures is made this long, in pixels, so that the wheel hides little.
const SMALLEST: u32 = 600;

/// A flow picture with the wheel in its lower right corner; a small picture is enlarged, its pixels kept apart.
pub(crate) fn with_legend(picture: DynamicImage, scale: FlowScale) -> DynamicImage {
    let enlarge = SMALLEST.div_ceil(picture.width().max(picture.height()));
    let (width, height) = (picture.width() * enlarge, picture.height() * enlarge);
    let mut picture = match enlarge {
        1 => picture,
        _ => picture.resize_exact(width, height, image::imageops::FilterType::Nearest),
    };
    let unit = (f64::from(width) * f64::from(height)).sqrt() / 100.0;
    let legend = DynamicImage::from(legend(unit, scale));
    let [left, top] = [(width, legend.width()), (height, legend.height())]
        .map(|(whole, part)| i64::from(whole) - i64::from(part));
    // A picture too narrow for it shows its beginning.
    image::imageops::replace(&mut picture, &legend, left.max(0), top.max(0));
    picture
}

/// The wheel, with words around it: where the counterpart lies, and how far full colours are.
fn legend(unit: f64, scale: FlowScale) -> RgbImage {
    let size = (TEXT * unit).max(SMALLEST_TEXT);
    let (radius, margin) = (RADIUS * unit, MARGIN * unit);
    let words = ["the way to the", "counterpart; full", "colour:"].map(str::to_owned);
    let words: Vec<String> = words.into_iter().chain([scale.in_words()]).collect();
    let widest = words.iter().map(|words| text::width(words, size)).fold(0.0, f64::max);
    let beside = ["left", "right"].map(|word| text::width(word, size));
    let room = beside[0].max(beside[1]) + 0.4 * size;
    let width = (2.0 * margin + widest.max(2.0 * (radius + room))).ceil();
    let line = 1.35 * size;
    let height = (2.0 * margin + 2.0 * radius + (words.len() as f64 + 2.5) * line).ceil();
    let mut canvas = Canvas::new(Size::new(height as usize, width as usize));
    // Its edges, for pale pictures.
    let (corner, grey) = (Point::default(), Ink::solid([190; 3]));
    canvas.rectangle(corner, width, 1.0, grey);
    canvas.rectangle(corner, 1.0, height, grey);
    let centre = Point::new(width / 2.0, margin + line + radius);
    draw_wheel(&mut canvas, centre, radius);
    let mut write = |words: &str, middle: f64, baseline: f64| {
        let start = Point::new(middle - text::width(words, size) / 2.0, baseline);
        canvas.text(words, start, size, Ink::TEXT);
    };
    write("up", centre.x, centre.y - radius - 0.45 * size);
    write("down", centre.x, centre.y + radius + (CAPITALS + 0.35) * size);
    let middle = centre.y + CAPITALS * size / 2.0;
    write("left", centre.x - radius - room / 2.0, middle);
    write("right", centre.x + radius + room / 2.0, middle);
    for (index, words) in words.iter().enumerate() {
        let baseline = centre.y + radius + line * (index as f64 + 2.0) + 0.4 * size;
        write(words, centre.x, baseline);
    }
    canvas.into_picture()
}

/// Every displacement up to the full colours, in the direction it has.
fn draw_wheel(canvas: &mut Canvas, centre: Point, radius: f64) {
    let side = (2.0 * radius).ceil() as usize;
    let corner = Point::new((centre.x - radius).round(), (centre.y - radius).round());
    let mut disc = RgbImage::from_pixel(side as u32, side as u32, image::Rgb([255; 3]));
    let wheel = wheel::colours();
    for (x, y, pixel) in disc.enumerate_pixels_mut() {
        let along = |position: u32| ((f64::from(position) + 0.5) / radius - 1.0) as f32;
        let (x, y) = (along(x), along(y));
        if x.hypot(y) <= 1.0 {
            pixel.0 = wheel::colour(&wheel, x, y);
        }
    }
    canvas.paste(&disc, corner.x as usize, corner.y as usize);
    // Over the steps of its rim.
    let middle = Point::new(corner.x + radius, corner.y + radius);
    canvas.ring(middle, radius, 1.5, Ink::solid([120; 3]));
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn the_wheel_lies_in_the_corner_and_hides_nothing_else() {
        let picture = RgbImage::from_pixel(800, 600, Rgb([9, 8, 7]));
        let drawn = with_legend(picture.into(), FlowScale::Part(0.12)).into_rgb8();
        assert_eq!(drawn.dimensions(), (800, 600));
        let kept = drawn.pixels().filter(|pixel| pixel.0 == [9, 8, 7]).count();
        assert!((0.85..0.97).contains(&(kept as f64 / 480_000.0)), "{kept}");
        assert_eq!(drawn.get_pixel(10, 10).0, [9, 8, 7]);
        // To the right of the wheel's middle lies what moves to the right.
        let red =
            drawn.pixels().any(|Rgb(pixel)| pixel[0] == 255 && pixel[1] < 40 && pixel[2] < 40);
        assert!(red);
        let small = with_legend(RgbImage::new(24, 18).into(), FlowScale::Pixels(3.0));
        assert_eq!((small.width(), small.height()), (600, 450));
    }
}
