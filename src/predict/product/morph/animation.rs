//! Animations as files: there and back, again and again.

use anyhow::{Context, Result, anyhow};
use color_quant::NeuQuant;
use gif::{Encoder, Frame, Repeat};
use image::RgbImage;
use rayon::prelude::*;
use webp_animation::{ColorMode, EncoderOptions, EncodingConfig};

/// How long either photo stands still, in milliseconds.
const STILL: i32 = 500;
/// How long the way from one to the other takes.
const WAY: i32 = 800;

/// Qualities of WebP, 1 to 100: the first at which a file takes no more than [`MOST_BYTES`].
const QUALITIES: [f32; 4] = [75.0, 60.0, 45.0, 30.0];
const MOST_BYTES: usize = 600_000;

/// A file format for animations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnimationFormat {
    /// WebP, lossy: in full colours and small.
    Webp,
    /// GIF: for programs that know nothing else.
    Gif,
}

impl AnimationFormat {
    /// The longer side of its pictures at most, in pixels.
    pub(super) fn longest_side(self) -> usize {
        match self {
            Self::Webp => 640,
            Self::Gif => 320,
        }
    }

    /// In how many steps one photo becomes the other.
    pub(super) fn steps(self) -> usize {
        match self {
            Self::Webp => 16,
            Self::Gif => 10,
        }
    }

    /// An animation of the way from the first frame to the last and back.
    ///
    /// # Errors
    /// When the format does not allow it.
    pub(super) fn encode(self, frames: &[RgbImage]) -> Result<Vec<u8>> {
        match self {
            Self::Webp => webp(frames),
            Self::Gif => gif(frames),
        }
    }
}

/// The frames in the order in which they are shown, with the time that each stays.
fn shown(frames: &[RgbImage]) -> impl Iterator<Item = (&RgbImage, i32)> {
    let last = frames.len() - 1;
    let there = frames.iter().enumerate();
    let back = there.clone().skip(1).take(last.saturating_sub(1)).rev();
    there.chain(back).map(move |(index, frame)| {
        // The way from one end to the other has one step more than frames in between.
        let still = index == 0 || index == last;
        (frame, if still { STILL } else { WAY / (last as i32 - 1).max(1) })
    })
}

fn webp(frames: &[RgbImage]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for quality in QUALITIES {
        bytes =
            webp_of(frames, quality).map_err(|error| anyhow!("encoding the animation: {error}"))?;
        if bytes.len() <= MOST_BYTES {
            break;
        }
    }
    Ok(bytes)
}

fn webp_of(frames: &[RgbImage], quality: f32) -> Result<Vec<u8>, webp_animation::Error> {
    let options = EncoderOptions {
        color_mode: ColorMode::Rgb,
        // Every frame whole: of frames that leave out what hardly changes, remains of others show through.
        kmin: 0,
        kmax: 1,
        encoding_config: Some(EncodingConfig::new_lossy(quality)),
        ..EncoderOptions::default()
    };
    let mut encoder = webp_animation::Encoder::new_with_options(frames[0].dimensions(), options)?;
    let mut time = 0;
    for (frame, stays) in shown(frames) {
        encoder.add_frame(frame.as_raw(), time)?;
        time += stays;
    }
    Ok(encoder.finalize(time)?.to_vec())
}

/// Colours of a GIF.
const COLOURS: usize = 256;
/// How carefully they are chosen: 1 the most, 30 the least.
const SAMPLING: i32 = 3;
/// Bayer's matrix: the order in which the pixels of a square of four by four turn to the next colour. It stays where it
/// is from frame to frame, so that nothing flickers.
const ORDER: [[u8; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];
/// How far apart the colours of a palette are about, of 255.
const SPREAD: f32 = 9.0;

fn gif(frames: &[RgbImage]) -> Result<Vec<u8>> {
    let (width, height) = frames[0].dimensions();
    let side = |side: u32| u16::try_from(side).context("the animation is too large for a GIF");
    let (width, height) = (side(width)?, side(height)?);
    // One palette for all, from both ends and the middle.
    let looked_at = [0, frames.len() / 2, frames.len() - 1].map(|index| rgba(&frames[index]));
    let palette = NeuQuant::new(SAMPLING, COLOURS, &looked_at.concat());
    let indexed: Vec<Vec<u8>> = frames.par_iter().map(|frame| dithered(frame, &palette)).collect();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height, &palette.color_map_rgb())?;
    encoder.set_repeat(Repeat::Infinite)?;
    for (frame, stays) in shown(frames) {
        let index = frames.iter().position(|other| std::ptr::eq(other, frame)).unwrap_or_default();
        let buffer = indexed[index].as_slice().into();
        // Hundredths of a second.
        let delay = (stays as f32 / 10.0).round() as u16;
        encoder.write_frame(&Frame { width, height, delay, buffer, ..Frame::default() })?;
    }
    drop(encoder);
    Ok(bytes)
}

fn rgba(frame: &RgbImage) -> Vec<u8> {
    frame.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2], 255]).collect()
}

/// The numbers of the colours that come nearest, neighbours rounded to different sides.
fn dithered(frame: &RgbImage, palette: &NeuQuant) -> Vec<u8> {
    let number = |(x, y, pixel): (u32, u32, &image::Rgb<u8>)| {
        let order = ORDER[y as usize % 4][x as usize % 4];
        let offset = ((f32::from(order) + 0.5) / 16.0 - 0.5) * SPREAD;
        let [red, green, blue] =
            pixel.0.map(|value| (f32::from(value) + offset).round().clamp(0.0, 255.0) as u8);
        palette.index_of(&[red, green, blue, 255]) as u8
    };
    frame.enumerate_pixels().map(number).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use gif::{ColorOutput, DecodeOptions};
    use image::Rgb;

    use super::*;

    fn frames(count: u32) -> Vec<RgbImage> {
        let frame = |step: u32| {
            RgbImage::from_fn(64, 40, |x, y| Rgb([(x * 2) as u8, (y * 3) as u8, (step * 12) as u8]))
        };
        (0..count).map(frame).collect()
    }

    #[test]
    fn the_way_back_is_the_way_there_and_the_ends_stand_still() {
        let frames = frames(4);
        let order: Vec<(u8, i32)> =
            shown(&frames).map(|(frame, stays)| (frame.get_pixel(0, 0).0[2] / 12, stays)).collect();
        assert_eq!(order, [(0, 500), (1, 400), (2, 400), (3, 500), (2, 400), (1, 400)]);
    }

    #[test]
    fn a_gif_holds_every_frame_in_nearly_its_colours() {
        let frames = frames(4);
        let bytes = AnimationFormat::Gif.encode(&frames).unwrap();
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        let mut decoder = options.read_info(Cursor::new(bytes)).unwrap();
        let mut count = 0;
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            let wanted = &frames[[0, 1, 2, 3, 2, 1][count]];
            let off = frame.buffer.chunks(4).zip(wanted.pixels()).map(|(found, wanted)| {
                (0..3).map(|channel| found[channel].abs_diff(wanted.0[channel])).max().unwrap()
            });
            let mean = off.map(f64::from).sum::<f64>() / f64::from(64 * 40);
            assert!(mean < 16.0, "frame {count}: {mean}");
            count += 1;
        }
        assert_eq!((count, decoder.repeat()), (6, Repeat::Infinite));
    }

    #[test]
    fn a_webp_holds_every_frame_and_their_times() {
        let frames = frames(4);
        let bytes = AnimationFormat::Webp.encode(&frames).unwrap();
        let decoded: Vec<_> = webp_animation::Decoder::new(&bytes).unwrap().into_iter().collect();
        let ends: Vec<i32> = decoded.iter().map(|frame| frame.timestamp()).collect();
        assert_eq!(ends, [500, 900, 1300, 1800, 2200, 2600]);
        let [red, green, blue] =
            [0, 1, 2].map(|channel| decoded[3].data()[(20 * 64 + 32) * 4 + channel]);
        let near = |found: u8, wanted: u8| found.abs_diff(wanted) < 25;
        assert!(near(red, 64) && near(green, 60) && near(blue, 36), "{red} {green} {blue}");
    }
}
