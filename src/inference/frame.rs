//! The network's input frame: a photo brought to a square mostly, and its tensor.

use std::path::PathBuf;
use std::sync::Arc;

use image::RgbImage;
use image::imageops::replace;
use tch::{Device, Tensor};

use crate::data::photo::resize::{Filter, resize_like_pillow_by};
use crate::data::photo::sample::{Reading, sampled};
use crate::geometry::{Size, Turn};
use crate::inference::pixels::{Pixels, turned};
use crate::inference::placement::Placement;
use crate::model::backbone::Normalisation;
use crate::model::config::ModelConfig;
use crate::model::input::{ImageShape, InputRule};
use crate::model::matcher::parts::Part;
use crate::model::normalisation::Normaliser;

/// How a network wants its photos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// Side of the square, in pixels; the longer one of a frame that is none.
    pub side: usize,
    /// How photos are brought to it.
    pub rule: InputRule,
    /// Whether they are kept in more detail as well, for a closer look.
    pub detail: bool,
}

/// Pixels of a photo's detail for each of the frame, at most, to the right and down.
const DETAIL: usize = 2;

/// A photo in the network's frame, with the name under which its backbone features may be kept.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Equal for equal photos: the image file's path, and how it was changed if it was.
    pub key: FrameKey,
    /// The frame.
    pub pixels: Arc<Pixels>,
    /// The same in more pixels, where a closer look needs them and the photo has them.
    pub detail: Option<Arc<Pixels>>,
    /// The part of the square that the photo covers.
    pub placement: Placement,
    /// Whether the photo shows one colour alone: nothing of it corresponds to anything.
    pub is_blank: bool,
}

/// How a photo lies in the square.
#[derive(Clone, Copy, Debug)]
struct Fit {
    /// Its size there.
    size: Size,
    /// Where its upper left pixel lies, to the right and down.
    corner: [usize; 2],
    /// The part of the square that it covers.
    placement: Placement,
}

impl Fit {
    /// All of a frame of this size.
    fn filling(size: Size) -> Self {
        Self { size, corner: [0, 0], placement: Placement::WHOLE }
    }
}

/// Tells photos apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FrameKey {
    /// The image file.
    pub path: PathBuf,
    /// How it is turned.
    pub turn: Turn,
}

impl FrameKey {
    /// A photo as it is.
    pub(crate) fn of(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), turn: Turn::NONE }
    }
}

impl Input {
    /// Photos brought to frames of this side by a rule, in no more detail.
    pub(crate) const fn new(side: usize, rule: InputRule) -> Self {
        Self { side, rule, detail: false }
    }

    /// As a model takes them.
    pub(crate) fn of(config: &ModelConfig) -> Self {
        let detail = config.matcher.looks() > 1;
        Self { detail, ..Self::new(config.input_size, config.input) }
    }

    /// Photos stretched to a square of this side.
    #[cfg(test)]
    pub(crate) const fn stretched(side: usize) -> Self {
        Self::new(side, InputRule::Stretch)
    }

    /// A decoded photo as a frame, turned as the key says.
    pub(crate) fn frame(self, key: FrameKey, photo: &RgbImage) -> Frame {
        let longer = size_of(photo).longer_side();
        let side = longer.clamp(self.side, DETAIL * self.side);
        let detail = (self.detail && side > self.side)
            .then(|| Self { side, ..self }.in_one_size(key.clone(), photo).pixels);
        Frame { detail, ..self.in_one_size(key, photo) }
    }

    fn in_one_size(self, key: FrameKey, photo: &RgbImage) -> Frame {
        let size = key.turn.size(size_of(photo));
        // What lies beside a photo depends on its size alone, so that it may be turned once it is small, unless the frame
        // would be turned with it.
        let scaled = match self.rule.shape() {
            ImageShape::Wide if key.turn.quarters % 2 == 1 => {
                self.scaled(&turned(photo.clone(), key.turn))
            }
            _ => self.scaled(photo).turned(key.turn),
        };
        self.placed(key, scaled, size)
    }

    /// A decoded photo in the size that it has within the square.
    pub(crate) fn scaled(self, photo: &RgbImage) -> Pixels {
        let size = self.fit(size_of(photo)).size;
        let read = |reading| Pixels::Numbers(sampled(photo, size, reading));
        let filter = match self.rule {
            InputRule::SampledStretch => return read(Reading::WithinOutermost),
            InputRule::SampledWide | InputRule::SampledOwn => return read(Reading::Edges),
            InputRule::Stretch | InputRule::PaddedSquare | InputRule::MeanPaddedSquare => {
                Filter::Bilinear
            }
            InputRule::CentredSquare => Filter::Lanczos,
        };
        Pixels::Bytes(resize_like_pillow_by(filter, photo, size))
    }

    /// A photo that [`Input::scaled`] made of one of the size `photo`, as a frame.
    pub(crate) fn placed(self, key: FrameKey, scaled: Pixels, photo: Size) -> Frame {
        let Fit { size, corner: [left, top], placement } = self.fit(photo);
        let is_blank = scaled.is_blank();
        let pixels = match scaled {
            Pixels::Bytes(scaled) if size != Size::square(self.side) => {
                let mut square = RgbImage::new(self.side as u32, self.side as u32);
                replace(&mut square, &scaled, left as i64, top as i64);
                Pixels::Bytes(square)
            }
            scaled => scaled,
        };
        Frame { key, pixels: Arc::new(pixels), detail: None, placement, is_blank }
    }

    /// Whether all frames have one size, so that several can be a batch.
    pub(crate) fn is_uniform(self) -> bool {
        self.rule.shape() != ImageShape::Own
    }

    /// How a photo of a size lies in the frame.
    fn fit(self, photo: Size) -> Fit {
        match self.rule.shape() {
            ImageShape::Square => self.fit_square(photo),
            ImageShape::Wide => {
                let rows = ImageShape::Wide.rows(self.side as i64) as usize;
                Fit::filling(Size::new(rows, self.side))
            }
            ImageShape::Own => {
                // Parity: the scale is a 32-bit number, and what is less than a pixel is cut off; positions are scaled
                // all the same, so that the photo reaches beyond its frame by that.
                let scale = self.side as f32 / photo.longer_side() as f32;
                let scaled = |pixels: usize| pixels as f32 * scale;
                let [height, width] = [photo.height, photo.width].map(scaled);
                let size = Size::new((height as usize).max(1), (width as usize).max(1));
                let part = |whole: f32, cut: usize| f64::from(whole) / cut as f64;
                let (width, height) = (part(width, size.width), part(height, size.height));
                let placement = Placement { left: 0.0, top: 0.0, width, height };
                Fit { placement, ..Fit::filling(size) }
            }
        }
    }

    /// The same, of the rules for squares.
    fn fit_square(self, photo: Size) -> Fit {
        let longer = photo.longer_side();
        // Parity: NumPy's and Python's rounding, halves to the even number.
        let rounded = |exact: f64| (exact.round_ties_even() as usize).max(1);
        let scaled: &dyn Fn(usize) -> usize = match self.rule {
            // To the nearest pixel; the longer side exactly.
            InputRule::PaddedSquare => {
                &|pixels| ((2 * pixels * self.side + longer) / (2 * longer)).max(1)
            }
            // Parity: by the scale's quotient.
            InputRule::MeanPaddedSquare => {
                &|pixels| rounded(pixels as f64 * (self.side as f64 / longer as f64))
            }
            InputRule::CentredSquare => {
                &|pixels| rounded((self.side * pixels) as f64 / longer as f64)
            }
            _ => return Fit::filling(Size::square(self.side)),
        };
        let size = Size::new(scaled(photo.height), scaled(photo.width));
        let part = |pixels: usize| pixels as f64 / self.side as f64;
        let (corner, [width, height]) = if self.rule == InputRule::CentredSquare {
            let middle = |pixels: usize| (self.side - pixels) / 2;
            // Parity: both axes have the longer side's scale, whatever the shorter one was rounded to.
            let covered = |pixels: usize| pixels as f64 / longer as f64;
            ([size.width, size.height].map(middle), [photo.width, photo.height].map(covered))
        } else {
            ([0, 0], [size.width, size.height].map(part))
        };
        let [left, top] = corner.map(part);
        Fit { size, corner, placement: Placement { left, top, width, height } }
    }

    /// Frames as a normalised batch on `device`, which gets one copy of their bytes.
    ///
    /// # Shapes
    /// Result `[B, 3, H, W]`, float32.
    ///
    /// # Panics
    /// When `frames` is empty or the sizes differ.
    pub(crate) fn batch(
        self,
        frames: &[&Frame],
        normalisation: Normalisation,
        device: Device,
    ) -> Tensor {
        let images = to_device(pixels(frames), device).permute([0, 3, 1, 2]).contiguous();
        let images = Normaliser::new(normalisation, device).apply_to_pixels(&images); // [B, 3, H, W]
        if self.rule == InputRule::MeanPaddedSquare {
            // 8 bits cannot say the mean colour; normalised, it is 0.
            for (index, frame) in (0..).zip(frames) {
                let side = self.side as f64;
                let Placement { width, height, .. } = frame.placement;
                for (axis, part) in [(1, height), (2, width)] {
                    let covered = (part * side).round() as i64;
                    let mut rest =
                        images.get(index).narrow(axis, covered, self.side as i64 - covered);
                    let _ = rest.zero_();
                }
            }
        }
        images
    }
}

impl Frame {
    /// The memory that the pixels take.
    pub(crate) fn bytes(&self) -> usize {
        self.pixels.bytes() + self.detail.as_ref().map_or(0, |detail| detail.bytes())
    }

    /// A part of a square frame as a frame of its own, of `side` pixels a side.
    pub(crate) fn part(&self, part: Part, side: usize) -> Self {
        let pixels = self.detail.as_ref().unwrap_or(&self.pixels).part(part, side);
        Self { pixels: Arc::new(pixels), detail: None, placement: Placement::WHOLE, ..self.clone() }
    }
}

fn size_of(photo: &RgbImage) -> Size {
    Size::new(photo.height() as usize, photo.width() as usize)
}

/// The pixels of frames of one size, `[B, H, W, 3]`.
fn pixels(frames: &[&Frame]) -> Tensor {
    Tensor::cat(&frames.iter().map(|frame| frame.pixels.tensor()).collect::<Vec<_>>(), 0)
}

/// A tensor of the CPU on `device`; a GPU fetches it by itself, from memory that stays in place.
fn to_device(tensor: Tensor, device: Device) -> Tensor {
    if !device.is_cuda() {
        return tensor;
    }
    let kind = tensor.kind();
    tensor.pin_memory(device).to_device_(device, kind, true, false)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use image::imageops::{rotate90, rotate180, rotate270};

    use super::*;
    use crate::data::photo::resize::resize_like_pillow;
    use crate::model::backbone::IMAGENET;

    fn photo(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([(3 * x + 1) as u8, (y + 1) as u8, 9]))
    }

    fn shown(frame: &Frame) -> &RgbImage {
        match &*frame.pixels {
            Pixels::Bytes(image) => image,
            Pixels::Numbers(_) => panic!("the square is not in 8 bits"),
        }
    }

    fn key(mirrored: bool) -> FrameKey {
        FrameKey { turn: Turn { mirrored, quarters: 0 }, ..FrameKey::of("a.png") }
    }

    #[test]
    fn a_photo_of_one_colour_is_blank_whatever_compression_made_of_it() {
        let blank = |noise: u8| {
            let grey = |x, y| image::Rgb([100 + (x * y) as u8 % (noise + 1); 3]);
            let photo = RgbImage::from_fn(40, 30, grey);
            let input = Input::new(32, InputRule::PaddedSquare);
            input.frame(key(false), &photo).is_blank
        };
        assert_eq!([0, 8, 60].map(blank), [true, true, false]);
    }

    #[test]
    fn a_stretched_photo_fills_the_square() {
        let input = Input::stretched(32);
        let frame = input.frame(key(false), &photo(60, 20));
        assert_eq!(frame.placement, Placement::WHOLE);
        assert_eq!(*shown(&frame), resize_like_pillow(&photo(60, 20), Size::square(32)));
    }

    #[test]
    fn a_padded_photo_keeps_its_aspect_and_lies_in_the_upper_left_corner() {
        let input = Input::new(32, InputRule::PaddedSquare);
        for (width, height, covered) in
            [(60, 20, (32, 11)), (20, 60, (11, 32)), (8, 8, (32, 32)), (500, 1, (32, 1))]
        {
            let frame = input.frame(key(false), &photo(width, height));
            assert_eq!(shown(&frame).dimensions(), (32, 32));
            for (x, y, pixel) in shown(&frame).enumerate_pixels() {
                assert_eq!(pixel.0[2], if x < covered.0 && y < covered.1 { 9 } else { 0 });
            }
            let Placement { width, height, .. } = frame.placement;
            assert_eq!((width * 32.0, height * 32.0), (covered.0.into(), covered.1.into()));
        }
    }

    #[test]
    fn a_centred_photo_lies_in_the_middle_and_keeps_one_scale() {
        let input = Input::new(32, InputRule::CentredSquare);
        // 32 * 9 / 64 = 4.5 becomes 4: halves go to the even number; 14 rows above, 14 below.
        let frame = input.frame(key(false), &photo(64, 9));
        for (_, y, pixel) in shown(&frame).enumerate_pixels() {
            assert_eq!(pixel.0[2] > 0, (14..18).contains(&y), "{y}");
        }
        let wanted = Placement { left: 0.0, top: 14.0 / 32.0, width: 1.0, height: 9.0 / 64.0 };
        assert_eq!(frame.placement, wanted);
    }

    #[test]
    fn the_mean_colour_around_a_photo_is_zero_once_normalised() {
        let input = Input::new(32, InputRule::MeanPaddedSquare);
        // 32 / 64 * 9 = 4.5 becomes 4: halves go to the even number.
        let frame = input.frame(key(false), &photo(64, 9));
        let wanted = Placement { left: 0.0, top: 0.0, width: 1.0, height: 4.0 / 32.0 };
        assert_eq!(frame.placement, wanted);
        let batch = |input: Input, frames: &[&Frame]| input.batch(frames, IMAGENET, Device::Cpu);
        let images = batch(input, &[&frame, &frame]);
        let black = batch(Input { rule: InputRule::PaddedSquare, ..input }, &[&frame]);
        for image in [images.get(0), images.get(1)] {
            assert_eq!(image.narrow(1, 0, 4), black.get(0).narrow(1, 0, 4));
            assert_eq!(image.narrow(1, 4, 28).abs().max().double_value(&[]), 0.0);
        }
    }

    #[test]
    fn a_mirrored_photo_is_mirrored_within_its_part() {
        let input = Input::new(32, InputRule::PaddedSquare);
        let [plain, mirrored] = [false, true].map(|side| input.frame(key(side), &photo(10, 20)));
        assert_eq!(plain.placement, mirrored.placement);
        for y in 0..32 {
            assert_eq!(shown(&plain).get_pixel(0, y), shown(&mirrored).get_pixel(15, y));
            assert_eq!(shown(&mirrored).get_pixel(16, y).0, [0; 3]);
        }
    }

    #[test]
    fn a_photo_is_turned_as_if_it_had_been_so_before() {
        let photo = photo(30, 64);
        for rule in InputRule::value_variants() {
            let input = Input::new(32, *rule);
            for (quarters, turned) in
                (1..).zip([rotate90(&photo), rotate180(&photo), rotate270(&photo)])
            {
                let turn = Turn { mirrored: false, quarters };
                let frame = input.frame(FrameKey { turn, ..key(false) }, &photo);
                let wanted = input.frame(key(false), &turned);
                assert_eq!(frame.placement, wanted.placement);
                let [found, wanted] =
                    [&frame, &wanted].map(|frame| (*frame.pixels).clone().into_bytes());
                assert_eq!(found.dimensions(), wanted.dimensions(), "{rule:?} {quarters}");
                let mut pixels = found.as_raw().iter().zip(wanted.as_raw());
                assert!(pixels.all(|(a, b)| a.abs_diff(*b) <= 1), "{rule:?} {quarters}");
            }
        }
    }
}
