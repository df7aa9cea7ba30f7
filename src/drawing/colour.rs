//! Colours by the eye's measure: OKLab, the scale of the confidence, and grey.

use image::Rgb;

/// The scale viridis (van der Walt and Smith, matplotlib) at even steps: dark violet to light yellow, even to the
/// eye, and in order without colours too.
pub(crate) const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 45, 123],
    [59, 82, 139],
    [44, 114, 142],
    [33, 145, 140],
    [40, 174, 128],
    [94, 201, 98],
    [173, 220, 48],
    [253, 231, 37],
];

/// The colour of a number of 0 to 1 on the scale of the confidence.
pub(crate) fn viridis(value: f64) -> [u8; 3] {
    let position = value.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let first = (position as usize).min(VIRIDIS.len() - 2);
    mixed(VIRIDIS[first], VIRIDIS[first + 1], position - first as f64)
}

/// A colour between two, `part` of the way from the first.
pub(crate) fn mixed(from: [u8; 3], to: [u8; 3], part: f64) -> [u8; 3] {
    std::array::from_fn(|channel| {
        let (from, to) = (f64::from(from[channel]), f64::from(to[channel]));
        (from + (to - from) * part).round() as u8
    })
}

/// How bright a pixel is, 0 to 1, as the eye has it (Rec. 601 luma of gamma-encoded values).
pub(crate) fn brightness(Rgb([red, green, blue]): Rgb<u8>) -> f64 {
    (0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)) / 255.0
}

/// A pixel in grey, between those of black and of white (0 to 1).
pub(crate) fn greyed(pixel: Rgb<u8>, [black, white]: [f64; 2]) -> [u8; 3] {
    [((black + (white - black) * brightness(pixel)) * 255.0).round() as u8; 3]
}

/// sRGB of lightness (0 to 1), chroma and hue (degrees) in OKLCH; Ottosson, "A perceptual color space for image
/// processing", 2020. What sRGB cannot show is cut off.
pub(crate) fn oklch(lightness: f64, chroma: f64, hue: f64) -> [u8; 3] {
    let (sine, cosine) = hue.to_radians().sin_cos();
    oklab(lightness, chroma * cosine, chroma * sine)
}

/// sRGB of a lightness (0 to 1), and how far from green to red and from blue to yellow, in OKLab; likewise.
pub(crate) fn oklab(lightness: f64, a: f64, b: f64) -> [u8; 3] {
    let long = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let medium = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let short = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    let linear = [
        4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701_0 * short,
    ];
    linear.map(|value| {
        let value = value.clamp(0.0, 1.0);
        let encoded = if value <= 0.003_130_8 {
            12.92 * value
        } else {
            1.055 * value.powf(1.0 / 2.4) - 0.055
        };
        (encoded * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oklab_red_is_srgb_red() {
        assert_eq!(oklab(0.627_955, 0.224_863, 0.125_846), [255, 0, 0]);
        assert_eq!(oklch(1.0, 0.0, 77.0), [255, 255, 255]);
    }

    #[test]
    fn the_scale_grows_brighter_all_the_way() {
        let brightness: Vec<f64> =
            (0..=100).map(|step| brightness(Rgb(viridis(f64::from(step) / 100.0)))).collect();
        assert!(brightness.is_sorted(), "{brightness:?}");
        assert_eq!((viridis(-1.0), viridis(2.0)), (VIRIDIS[0], VIRIDIS[8]));
        assert_eq!(viridis(0.5), VIRIDIS[4]);
    }
}
