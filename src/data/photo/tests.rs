//! Photos of every format, sound and not.

use std::io::Cursor;
use std::path::PathBuf;

use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};

use super::*;
use crate::data::photo::header::image_size;

const JPEG: &[u8] = include_bytes!("../../../tests/golden/jpeg/subsampled.jpg");

/// A file in a folder that lives as long as the test.
fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A photo as users see it.
fn shown(path: &Path) -> Result<RgbImage> {
    let photo = decode_photo(&PhotoFile::read(path)?, Exif::Apply, false)?;
    assert_eq!(photo.pixels.dimensions(), (photo.size.width as u32, photo.size.height as u32));
    Ok(photo.pixels)
}

fn error(name: &str, bytes: &[u8]) -> String {
    let (_folder, path) = file(name, bytes);
    let error = format!("{:#}", shown(&path).unwrap_err());
    assert!(error.contains(&format!("decoding image `{}`: ", path.display())), "{error}");
    error
}

/// A PNG that promises more than it holds.
fn png_header(width: u32, height: u32, bits: u8) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, 2, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in [(b"IHDR", header.as_slice()), (b"IDAT", b"\x78\x9c\x03\0")] {
        let mut checksum = flate2::Crc::new();
        checksum.update(name);
        checksum.update(content);
        png.extend((content.len() as u32).to_be_bytes());
        png.extend([name, content, &checksum.sum().to_be_bytes()].concat());
    }
    png
}

/// The JPEG with an EXIF block that holds an orientation.
fn oriented_jpeg(orientation: u8) -> Vec<u8> {
    let exif = [
        b"\xFF\xE1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(),
        &[orientation, 0, 0, 0, 0, 0, 0, 0],
    ];
    [&JPEG[..2], &exif.concat(), &JPEG[2..]].concat()
}

#[test]
fn every_format_is_told_from_its_content() {
    let image =
        DynamicImage::from(RgbImage::from_fn(5, 3, |x, y| Rgb([x as u8 * 40, y as u8 * 90, 7])));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff] {
        let (_folder, path) = file("photo.jpg", &encoded(&image, format));
        assert_eq!(shown(&path).unwrap(), *image.as_rgb8().unwrap(), "{format:?}");
        assert_eq!(decode_benchmark(&path).unwrap(), *image.as_rgb8().unwrap(), "{format:?}");
        assert_eq!(image_size(&path).unwrap(), Size::new(3, 5));
    }
}

#[test]
fn sixteen_bits_are_rounded_to_the_nearest_of_eight() {
    // 257 levels of 16 bits for one of 8, so 128 is the first that is nearer to 1.
    let grey = ImageBuffer::<Luma<u16>, _>::from_raw(4, 1, vec![128, 129, 385, 65_535]).unwrap();
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let (_folder, path) = file("grey.png", &encoded(&grey.clone().into(), format));
        let shown = shown(&path).unwrap();
        assert_eq!(shown.as_raw(), &[0, 0, 0, 1, 1, 1, 1, 1, 1, 255, 255, 255], "{format:?}");
        assert_eq!(shown, decode_benchmark(&path).unwrap());
    }
}

#[test]
fn transparency_shows_white_to_users_and_is_dropped_for_benchmarks() {
    let colours = vec![200, 100, 0, 255, 200, 100, 0, 0, 200, 100, 0, 51];
    let colours = ImageBuffer::<Rgba<u8>, _>::from_raw(3, 1, colours).unwrap();
    let (_folder, path) = file("a.png", &encoded(&colours.into(), ImageFormat::Png));
    let expected = [200, 100, 0, 255, 255, 255, 244, 224, 204];
    assert_eq!(shown(&path).unwrap().as_raw(), &expected);
    assert_eq!(decode_benchmark(&path).unwrap().as_raw(), &[200, 100, 0].repeat(3));

    let grey = vec![40_000, 65_535, 40_000, 0, 40_000, 13_107];
    let grey = ImageBuffer::<LumaA<u16>, _>::from_raw(3, 1, grey).unwrap();
    let (_folder, path) = file("b.png", &encoded(&grey.into(), ImageFormat::Png));
    let expected = [156, 156, 156, 255, 255, 255, 235, 235, 235];
    assert_eq!(shown(&path).unwrap().as_raw(), &expected);
    assert_eq!(decode_benchmark(&path).unwrap().as_raw(), &[156; 9]);
}

#[test]
fn orientation_turns_photos_for_users_alone() {
    let (_folder, path) = file("turned.jpg", &oriented_jpeg(6));
    let stored = decode_benchmark(&path).unwrap();
    assert_eq!(stored.dimensions(), (37, 29));
    assert_eq!(image_size(&path).unwrap(), Size::new(29, 37));
    let shown = shown(&path).unwrap();
    assert_eq!(shown, image::imageops::rotate90(&stored));
    assert_ne!(stored.get_pixel(0, 0), stored.get_pixel(0, 28));
}

#[test]
fn smallest_and_longest_sides_are_read() {
    for (width, height) in [(1, 1), (16_384, 1), (1, 16_384)] {
        let image = DynamicImage::from(RgbImage::from_pixel(width, height, Rgb([9, 8, 7])));
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp] {
            let (_folder, path) = file("long", &encoded(&image, format));
            assert_eq!(shown(&path).unwrap().dimensions(), (width, height));
        }
    }
}

#[test]
fn decompression_bomb_is_refused_by_its_header() {
    let message = error("bomb.png", &png_header(60_000, 60_000, 8));
    assert!(message.contains("60000x60000 pixels and no side may exceed 16384"), "{message}");
    let mut jpeg = JPEG.to_vec();
    let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    assert!(error("bomb.jpg", &jpeg).contains("65535x65535"));
    let (_folder, path) = file("bomb.png", &png_header(60_000, 60_000, 8));
    assert!(format!("{:#}", image_size(&path).unwrap_err()).contains("60000x60000"));
}

#[test]
fn what_takes_too_much_memory_is_refused_before_it_is_taken() {
    let message = error("bomb.png", &png_header(16_384, 16_384, 16));
    let expected = "takes 1536 MiB of memory and one photo may take 1024: scale it down, or raise";
    assert!(message.contains(expected) && message.contains("--photo-memory 1536"), "{message}");
    // A progressive JPEG of a few bytes that would keep all its coefficients.
    let mut jpeg = include_bytes!("../../../tests/golden/jpeg/progressive.jpg").to_vec();
    let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC2]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x40, 0, 0x40, 0]);
    assert!(error("bomb.jpg", &jpeg).contains("--photo-memory 1536"), "{}", error("b.jpg", &jpeg));
}

#[test]
fn what_is_no_image_is_named_with_what_to_do() {
    assert!(
        error("text.jpg", b"this is text\n")
            .contains("is text, not JPEG, PNG, WebP, BMP, TIFF or HEIC")
    );
    assert!(error("gif.png", b"GIF89a\x01\0\x01\0\0\0\0;").contains("convert it"));
    assert!(error("empty.png", b"").contains("the file is empty"));
    let folder = tempfile::tempdir().unwrap();
    let message = format!("{:#}", shown(folder.path()).unwrap_err());
    assert!(message.contains("this is a folder"), "{message}");
    let missing = folder.path().join("missing.jpg");
    let message = format!("{:#}", shown(&missing).unwrap_err());
    assert!(message.contains("missing.jpg`: No such file"), "{message}");
    let message = format!("{:#}", PhotoFile::read(Path::new("-")).unwrap_err());
    assert!(message.contains("give /dev/stdin"), "{message}");
}

#[test]
fn no_cut_file_is_read_as_if_it_were_whole() {
    let image = DynamicImage::from(RgbImage::from_fn(40, 30, |x, y| {
        Rgb([(x * 6) as u8, (y * 8) as u8, (x * y) as u8])
    }));
    let mut formats = vec![("jpeg", JPEG.to_vec())];
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff] {
        formats.push((format.extensions_str()[0], encoded(&image, format)));
    }
    for (name, bytes) in formats {
        for share in [0.2, 0.5, 0.9] {
            let cut = (bytes.len() as f64 * share) as usize;
            let message = error(name, &bytes[..cut]);
            assert!(message.contains("damaged or cut off"), "{name} cut to {cut}: {message}");
        }
    }
}
