//! The training augmentation against values of albumentations 1.4.0 and of the official crop.

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::data::photo::decode_benchmark;
use crate::data::photo::resize::resize_like_pillow;
use crate::data::photo::resize_opencv::resize_like_opencv;
use crate::geometry::{Point, Size};
use crate::inside::shared_data;
use crate::model::backbone::IMAGENET;
use crate::train::samples::augment::ColourStep;
use crate::train::samples::augment::crop::Crop;
use crate::train::samples::augment::jitter::JitterPart;
use crate::train::samples::planes::Planes;

fn read(name: &str) -> Option<Value> {
    let path = shared_data::golden()?.join("datasets").join(name);
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// The values of an array `[row][column][rgb]`, flat.
fn flat(value: &Value) -> Vec<f64> {
    let rows = value.as_array().unwrap().iter();
    rows.flat_map(|row| row.as_array().unwrap()).flat_map(numbers).collect()
}

fn formula_image() -> RgbImage {
    RgbImage::from_fn(16, 12, |x, y| {
        let value = |c: u32| ((11 * x + 7 * y + 50 * c + ((3 * x * y) % 61)) % 256) as u8;
        Rgb([value(0), value(1), value(2)])
    })
}

fn jitter_part(name: &str, strength: f64) -> JitterPart {
    match name {
        "brightness" => JitterPart::Brightness(strength),
        "contrast" => JitterPart::Contrast(strength),
        "saturation" => JitterPart::Saturation(strength),
        "hue" => JitterPart::Hue(strength),
        other => panic!("unknown part {other}"),
    }
}

fn run(op: &str, params: &Value) -> RgbImage {
    let mut image = formula_image();
    let param = |name: &str| number(&params[name]);
    let step = match op {
        "to_gray" => ColourStep::ToGray,
        "posterize" => ColourStep::Posterize,
        "equalize" => ColourStep::Equalize,
        "solarize" => ColourStep::Solarize,
        "sharpen" => ColourStep::Sharpen { alpha: param("alpha"), lightness: param("lightness") },
        "brightness_contrast" => {
            ColourStep::BrightnessContrast { contrast: param("alpha"), brightness: param("beta") }
        }
        "color_jitter_all" => {
            let order = params["order"].as_array().unwrap();
            let part = |name: &Value| {
                let name = name.as_str().unwrap();
                jitter_part(name, param(name))
            };
            let parts: Vec<JitterPart> = order.iter().map(part).collect();
            ColourStep::ColourJitter(parts.try_into().unwrap())
        }
        "resize_cv2_linear" => {
            let size = Size::new(param("height") as usize, param("width") as usize);
            return resize_like_opencv(&image, size);
        }
        jitter => {
            let name = jitter.strip_prefix("jitter_").unwrap();
            jitter_part(name, param("factor")).apply(&mut image);
            return image;
        }
    };
    step.apply(&mut image);
    image
}

#[test]
fn every_operator_gives_albumentations_values() {
    let Some(golden) = read("photometric.json") else { return };
    assert_eq!(
        flat(&golden["input_pixels"]),
        formula_image().iter().map(|&value| f64::from(value)).collect::<Vec<_>>()
    );
    let ops = golden["ops"].as_array().unwrap();
    assert_eq!(ops.len(), 23);
    for case in ops {
        let (op, params) = (case["op"].as_str().unwrap(), &case["params"]);
        let wanted = flat(&case["output"]);
        if op == "normalize" {
            assert_normalised(&wanted);
            continue;
        }
        let found = run(op, params);
        assert_eq!(found.len(), wanted.len(), "{op}");
        let differences: Vec<f64> = found
            .iter()
            .zip(&wanted)
            .map(|(&found, wanted)| (f64::from(found) - wanted).abs())
            .filter(|&difference| difference > 0.0)
            .collect();
        assert!(differences.is_empty(), "{op} {params}: {differences:?}");
    }
}

fn assert_normalised(wanted: &[f64]) {
    let planes = Planes::from_image(&formula_image(), IMAGENET);
    for (index, wanted) in wanted.iter().enumerate() {
        let found = f64::from(planes.plane(index % 3)[index / 3]);
        assert!((found - wanted).abs() < 1e-5, "value {index}: {found} is not {wanted}");
    }
}

#[test]
fn resize_of_real_photos_gives_opencv_values() {
    let (Some(golden), Some(data)) = (read("photometric.json"), shared_data::data()) else {
        return;
    };
    let positions: Vec<Vec<f64>> =
        golden["positions_cyx"].as_array().unwrap().iter().map(numbers).collect();
    for case in golden["resize_512_images"].as_array().unwrap() {
        let name = case["image"].as_str().unwrap();
        let photo = decode_benchmark(&data.join("dogs-spair/SPair-71k").join(name)).unwrap();
        let resized = resize_like_opencv(&photo, Size::square(512));
        let mut off = 0;
        for (position, wanted) in positions.iter().zip(numbers(&case["u8"])) {
            let pixel = resized.get_pixel(position[2] as u32, position[1] as u32);
            let difference = (f64::from(pixel[position[0] as usize]) - wanted).abs();
            // The JPEG decoder is another one: up to 8 levels a pixel.
            assert!(difference <= 8.0, "{name} at {position:?}: {difference} levels off");
            off += usize::from(difference > 1.0);
        }
        assert!(off <= 5, "{name}: {off} of 50 values are off by more than one level");
        for (channel, wanted) in numbers(&case["channel_sums"]).into_iter().enumerate() {
            let sum: f64 = resized.pixels().map(|pixel| f64::from(pixel[channel])).sum();
            let mean_difference = (sum - wanted).abs() / (512.0 * 512.0);
            assert!(mean_difference < 0.4, "{name}, channel {channel}: {mean_difference}");
        }
    }
}

fn points(value: &Value) -> Vec<Point> {
    let [xs, ys] = [0, 1].map(|axis| numbers(&value[axis]));
    xs.into_iter().zip(ys).map(|(x, y)| Point::new(x, y)).collect()
}

/// The crop of a case; `None` where its draw said not to crop.
fn applied_crop(case: &Value) -> Option<Crop> {
    let whole = |name: &str| case[name].as_u64().unwrap() as usize;
    case["applied"].as_bool().unwrap().then(|| Crop {
        left: whole("left"),
        top: whole("top"),
        size: Size::new(whole("height"), whole("width")),
    })
}

#[test]
fn crop_moves_keypoints_as_the_official_one() {
    let Some(golden) = read("random_crop.json") else { return };
    let frame = Size::square(512);
    let cases = golden["cases"].as_array().unwrap();
    let applied: Vec<(&Value, Crop)> =
        cases.iter().filter_map(|case| Some((case, applied_crop(case)?))).collect();
    assert_eq!(applied.len(), 6);
    for (case, crop) in applied {
        let after = points(&case["kps_after"]);
        for (before, after) in points(&case["kps_before"]).into_iter().zip(after) {
            let found = crop.transfer(before, frame);
            assert!(found.distance(after) < 1e-3, "{before:?}: {found:?} is not {after:?}");
        }
    }
}

#[test]
fn crop_of_real_photos_gives_the_official_values() {
    let (Some(golden), Some(data)) = (read("random_crop.json"), shared_data::data()) else {
        return;
    };
    let positions: Vec<Vec<f64>> =
        golden["positions_cyx"].as_array().unwrap().iter().map(numbers).collect();
    for case in golden["cases"].as_array().unwrap() {
        let folder = match case["loader"].as_str().unwrap() {
            "spair" => "dogs-spair/SPair-71k/JPEGImages/dog",
            _ => "dogs-pfpascal/PF-PASCAL/JPEGImages",
        };
        let name = case["image"].as_str().unwrap();
        let photo = decode_benchmark(&data.join(folder).join(name)).unwrap();
        let photo = resize_like_pillow(&photo, Size::square(512));
        let mut planes = Planes::from_image(&photo, IMAGENET);
        if let Some(crop) = applied_crop(case) {
            planes = crop.apply(&planes);
        }
        let differences: Vec<f64> = positions
            .iter()
            .zip(numbers(&case["values"]))
            .map(|(position, wanted)| {
                let [channel, y, x] = [0, 1, 2].map(|axis| position[axis] as usize);
                (f64::from(planes.plane(channel)[y * 512 + x]) - wanted).abs()
            })
            .collect();
        // The JPEG decoder is another one, and one of its 256 levels is 0.0175 here.
        let mean = differences.iter().sum::<f64>() / 50.0;
        let largest = differences.into_iter().fold(0.0, f64::max);
        println!("{name}: off by {largest:.2e}, mean {mean:.2e}");
        assert!(largest < 8.0 * 0.0175 && mean < 0.0175, "{name}: {largest}, mean {mean}");
    }
}
