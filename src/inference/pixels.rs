//! A photo's pixels as the network gets them: bytes, or numbers between them.

use std::borrow::Cow;

use image::imageops::{flip_horizontal_in_place, rotate90, rotate180, rotate270};
use image::{ImageBuffer, Pixel, Rgb, Rgb32FImage, RgbImage};
use tch::Tensor;

use crate::data::photo::resize::{Filter, resize_part_like_pillow};
use crate::geometry::{Size, Turn};
use crate::model::matcher::parts::Part;

/// A photo's pixels, RGB in 0 to 255.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pixels {
    /// In 8 bits.
    Bytes(RgbImage),
    /// As what lies between pixels.
    Numbers(Rgb32FImage),
}

/// What the channels of one colour differ by at most, after compression.
const ONE_COLOUR: f32 = 8.0;

impl Pixels {
    /// The memory that they take.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Bytes(image) => image.as_raw().len(),
            Self::Numbers(image) => size_of_val(image.as_raw().as_slice()),
        }
    }

    /// Width and height.
    fn dimensions(&self) -> (u32, u32) {
        match self {
            Self::Bytes(image) => image.dimensions(),
            Self::Numbers(image) => image.dimensions(),
        }
    }

    /// Rows and columns.
    pub(super) fn size(&self) -> Size {
        let (width, height) = self.dimensions();
        Size::new(height as usize, width as usize)
    }

    /// In 8 bits, rounded where need be.
    pub(crate) fn into_bytes(self) -> RgbImage {
        match self {
            Self::Bytes(image) => image,
            Self::Numbers(image) => RgbImage::from_fn(image.width(), image.height(), |x, y| {
                Rgb(image.get_pixel(x, y).0.map(|value| value.round() as u8))
            }),
        }
    }

    /// The photo turned so.
    pub(super) fn turned(self, turn: Turn) -> Self {
        match self {
            Self::Bytes(image) => Self::Bytes(turned(image, turn)),
            Self::Numbers(image) => Self::Numbers(turned(image, turn)),
        }
    }

    /// A part of them in a square of so many pixels a side, in 8 bits.
    pub(super) fn part(&self, Part { start, end }: Part, side: usize) -> Self {
        let image = match self {
            Self::Bytes(image) => Cow::Borrowed(image),
            Self::Numbers(_) => Cow::Owned(self.clone().into_bytes()),
        };
        let [width, height] = [image.width(), image.height()].map(f64::from);
        let part = [[start.x * width, end.x * width], [start.y * height, end.y * height]];
        Self::Bytes(resize_part_like_pillow(Filter::Bilinear, &image, part, Size::square(side)))
    }

    /// Whether it shows one colour alone, but for what compression makes of that.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Bytes(image) => is_blank(image.pixels().map(|pixel| pixel.0.map(f32::from))),
            Self::Numbers(image) => is_blank(image.pixels().map(|pixel| pixel.0)),
        }
    }

    /// `[1, H, W, 3]`.
    pub(super) fn tensor(&self) -> Tensor {
        let (width, height) = self.dimensions();
        let shape = [1, i64::from(height), i64::from(width), 3];
        match self {
            Self::Bytes(image) => Tensor::from_slice(image.as_raw()).view(shape),
            Self::Numbers(image) => Tensor::from_slice(image.as_raw()).view(shape),
        }
    }
}

/// A photo turned so.
pub(crate) fn turned<P: Pixel + 'static>(
    mut photo: ImageBuffer<P, Vec<P::Subpixel>>,
    turn: Turn,
) -> ImageBuffer<P, Vec<P::Subpixel>> {
    if turn.mirrored {
        flip_horizontal_in_place(&mut photo);
    }
    match turn.quarters {
        0 => photo,
        1 => rotate90(&photo),
        2 => rotate180(&photo),
        _ => rotate270(&photo),
    }
}

fn is_blank(mut pixels: impl Iterator<Item = [f32; 3]>) -> bool {
    let mut range = [[f32::INFINITY; 3], [f32::NEG_INFINITY; 3]];
    pixels.all(|pixel| {
        let [least, most] = &mut range;
        (0..3).all(|channel| {
            least[channel] = least[channel].min(pixel[channel]);
            most[channel] = most[channel].max(pixel[channel]);
            most[channel] - least[channel] <= ONE_COLOUR
        })
    })
}
