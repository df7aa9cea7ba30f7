//! Label maps: PNG files whose values name parts or objects and mean nothing between.

use std::io::{Cursor, Write};

use anyhow::{Context, Result, ensure};
use png::{BitDepth, ColorType, Decoder, Encoder, Limits, Transformations};

use crate::data::photo::limit::{ensure_decodable, most_bytes};
use crate::geometry::Size;

/// The value of a palette that means that a pixel is of no label: VOC's borders.
const VOID: u8 = 255;

/// A map of labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LabelMap {
    /// Rows and columns.
    pub size: Size,
    form: Form,
    /// [`LabelMap::width`] bytes a pixel, row by row.
    values: Vec<u8>,
}

/// How the labels are stored.
#[derive(Clone, Debug, PartialEq)]
struct Form {
    color: ColorType,
    depth: BitDepth,
    palette: Option<Vec<u8>>,
    transparency: Option<Vec<u8>>,
}

impl Form {
    fn bits(&self) -> usize {
        self.color.samples() * self.depth as usize
    }

    /// Bytes of a label; labels of fewer bits take one.
    fn width(&self) -> usize {
        self.bits().div_ceil(8)
    }

    /// The bytes of a stored row of so many pixels.
    fn row_bytes(&self, pixels: usize) -> usize {
        (pixels * self.bits()).div_ceil(8)
    }
}

impl LabelMap {
    /// The labels of a PNG; none where it is transparent by degrees, which makes it a picture.
    ///
    /// # Errors
    /// When the file is damaged, or larger than photos may be.
    pub(crate) fn of_png(bytes: &[u8]) -> Result<Option<Self>> {
        let bound = usize::try_from(most_bytes()).unwrap_or(usize::MAX);
        let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: bound });
        decoder.set_transformations(Transformations::IDENTITY);
        let mut reader = decoder.read_info()?;
        let info = reader.info();
        if matches!(info.color_type, ColorType::GrayscaleAlpha | ColorType::Rgba) {
            return Ok(None);
        }
        let form = Form {
            color: info.color_type,
            depth: info.bit_depth,
            palette: info.palette.as_ref().map(|palette| palette.to_vec()),
            transparency: info.trns.as_ref().map(|alpha| alpha.to_vec()),
        };
        ensure!(
            form.color != ColorType::Indexed || form.palette.is_some(),
            "it has numbers of a palette, but no palette"
        );
        let size = Size::new(info.height as usize, info.width as usize);
        ensure_decodable(size, 2 * form.width() as u64)?;
        let mut stored = vec![0; reader.output_buffer_size().context("it is too large")?];
        reader.next_frame(&mut stored)?;
        let rows = stored.chunks_exact(form.row_bytes(size.width));
        let values = rows.flat_map(|row| unpacked(row, &form, size.width)).collect();
        Ok(Some(Self { size, form, values }))
    }

    /// Writes it as a PNG of the same kind as it was read from.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write_png(&self, file: impl Write) -> Result<()> {
        let Size { height, width } = self.size;
        let mut encoder = Encoder::new(file, width as u32, height as u32);
        encoder.set_color(self.form.color);
        encoder.set_depth(self.form.depth);
        if let Some(palette) = &self.form.palette {
            encoder.set_palette(palette.clone());
        }
        if let Some(transparency) = &self.form.transparency {
            // What is read has a byte a sample where two are stored.
            let stored = match (self.form.color, self.form.depth) {
                (ColorType::Indexed, _) | (_, BitDepth::Sixteen) => transparency.clone(),
                _ => transparency.iter().flat_map(|sample| [0, *sample]).collect(),
            };
            encoder.set_trns(stored);
        }
        let rows = self.values.chunks_exact(width * self.width());
        let stored: Vec<u8> = rows.flat_map(|row| packed(row, &self.form, width)).collect();
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&stored)?;
        Ok(writer.finish()?)
    }

    /// The map of the same kind that has the label of `place` at each pixel of another size; 0 where that is none.
    pub(crate) fn rearranged(
        &self,
        size: Size,
        place: impl Fn(usize, usize) -> Option<[usize; 2]> + Sync,
    ) -> Self {
        use rayon::prelude::*;
        let width = self.width();
        let mut values = vec![0; size.area() * width];
        values.par_chunks_mut(size.width * width).enumerate().for_each(|(row, labels)| {
            for (column, label) in labels.chunks_mut(width).enumerate() {
                if let Some([row, column]) = place(row, column) {
                    label.copy_from_slice(self.at(row, column));
                }
            }
        });
        Self { size, form: self.form.clone(), values }
    }

    /// The label of a pixel.
    pub(crate) fn at(&self, row: usize, column: usize) -> &[u8] {
        let start = (row * self.size.width + column) * self.width();
        &self.values[start..start + self.width()]
    }

    /// Whether a label stands for pixels that are not to be counted.
    pub(crate) fn is_void(&self, label: &[u8]) -> bool {
        self.form.color == ColorType::Indexed && label == [VOID]
    }

    /// A label as people name it: its number, or its colour.
    pub(crate) fn name(&self, label: &[u8]) -> String {
        match self.form.color {
            ColorType::Rgb => {
                let hexadecimal = label.iter().map(|byte| format!("{byte:02x}"));
                format!("#{}", hexadecimal.collect::<String>())
            }
            _ => label.iter().fold(0, |value, byte| 256 * value + u32::from(*byte)).to_string(),
        }
    }

    /// Whether labels of two maps can be compared.
    ///
    /// # Errors
    /// When they are stored differently: a number here, a colour there.
    pub(crate) fn ensure_comparable(&self, other: &Self) -> Result<()> {
        let kinds = [self, other].map(|map| (map.form.color == ColorType::Rgb, map.width()));
        ensure!(
            kinds[0] == kinds[1],
            "one label map has {:?} of {} bits and the other {:?} of {}: save both in one way",
            self.form.color,
            self.form.depth as u8,
            other.form.color,
            other.form.depth as u8
        );
        Ok(())
    }

    fn width(&self) -> usize {
        self.form.width()
    }
}

/// A label a pixel of a stored row, in whole bytes.
fn unpacked(row: &[u8], form: &Form, pixels: usize) -> Vec<u8> {
    let bits = form.bits();
    if bits >= 8 {
        return row.to_vec();
    }
    let mask = (1u8 << bits) - 1;
    let label = |pixel: usize| {
        let bit = pixel * bits;
        row[bit / 8] >> (8 - bits - bit % 8) & mask
    };
    (0..pixels).map(label).collect()
}

/// The stored row of labels.
fn packed(labels: &[u8], form: &Form, pixels: usize) -> Vec<u8> {
    let bits = form.bits();
    if bits >= 8 {
        return labels.to_vec();
    }
    let mut row = vec![0; form.row_bytes(pixels)];
    for (pixel, label) in labels.iter().enumerate() {
        let bit = pixel * bits;
        row[bit / 8] |= label << (8 - bits - bit % 8);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(color: ColorType, depth: BitDepth, values: Vec<u8>) -> LabelMap {
        let palette = (color == ColorType::Indexed).then(|| vec![7; 12]);
        let samples = if depth == BitDepth::Sixteen { 2 } else { 1 } * color.samples();
        let transparency = Some(vec![1; samples]);
        let form = Form { color, depth, palette, transparency };
        LabelMap { size: Size::new(2, 3), form, values }
    }

    fn read_again(map: &LabelMap) -> LabelMap {
        let mut bytes = Vec::new();
        map.write_png(&mut bytes).unwrap();
        LabelMap::of_png(&bytes).unwrap().unwrap()
    }

    #[test]
    fn every_kind_of_label_is_written_as_it_was_read() {
        let small = vec![1, 0, 1, 1, 1, 0];
        for depth in [BitDepth::One, BitDepth::Two, BitDepth::Four, BitDepth::Eight] {
            for color in [ColorType::Indexed, ColorType::Grayscale] {
                let map = map(color, depth, small.clone());
                assert_eq!(read_again(&map), map);
            }
        }
        let wide = map(ColorType::Grayscale, BitDepth::Sixteen, (0..12).collect());
        assert_eq!(read_again(&wide), wide);
        assert_eq!(wide.name(wide.at(0, 1)), "515");
        let colours = map(ColorType::Rgb, BitDepth::Eight, (0..18).collect());
        assert_eq!(read_again(&colours), colours);
        assert_eq!(colours.name(colours.at(1, 0)), "#090a0b");
        assert!(colours.ensure_comparable(&wide).is_err());
        wide.ensure_comparable(&wide).unwrap();
    }

    #[test]
    fn a_picture_that_is_transparent_by_degrees_is_no_label_map() {
        let mut bytes = Vec::new();
        image::RgbaImage::new(3, 2)
            .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)
            .unwrap();
        assert_eq!(LabelMap::of_png(&bytes).unwrap(), None);
        assert!(LabelMap::of_png(&bytes[..20]).is_err());
    }

    #[test]
    fn labels_move_and_are_never_mixed() {
        let map = map(ColorType::Indexed, BitDepth::Two, vec![1, 2, 3, 3, 2, 255]);
        let turned = map.rearranged(Size::new(1, 2), |_, column| (column == 1).then_some([1, 0]));
        assert_eq!((turned.at(0, 0), turned.at(0, 1)), (&[0][..], &[3][..]));
        assert_eq!(turned.form, map.form);
        assert!(map.is_void(map.at(1, 2)) && !map.is_void(map.at(0, 0)));
    }
}
