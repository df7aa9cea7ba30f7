//! Morphs and pictures of features, as `predict` writes them.

use std::fs;

use crate::command::{lpmflow, names, write};
use crate::support::files::Folder;

/// The camels of README.
const PHOTOS: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo/source.png"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo/target.png"),
];

#[test]
fn a_morph_is_an_animation_of_a_few_hundred_thousand_bytes() {
    let folder = Folder::new();
    for (name, start) in [("m.webp", "RIFF"), ("m.gif", "GIF89a")] {
        let file = folder.text(name);
        lpmflow(["predict", PHOTOS[0], PHOTOS[1], "--morph", &file]).succeeded();
        let bytes = fs::read(&file).unwrap();
        assert!(bytes.starts_with(start.as_bytes()), "{name}");
        assert!((20_000..700_000).contains(&bytes.len()), "{name}: {}", bytes.len());
        let frames = bytes.windows(4).filter(|window| window == b"ANMF").count();
        assert_eq!(frames, if name == "m.webp" { 32 } else { 0 });
    }
    let wrong = lpmflow(["predict", PHOTOS[0], PHOTOS[1], "--morph", "m.mp4"]).failed_with(2);
    assert!(wrong.contains("use .webp, .gif"), "{wrong}");
    // Of the smallest photos too.
    let dot = folder.photo("dot.png", 1, 1);
    let long = folder.photo("long.png", 700, 3);
    let file = folder.text("small.webp");
    lpmflow(["predict", &dot, &long, "--morph", &file]).succeeded();
    let size = image::image_dimensions(&file).unwrap();
    assert!(size.0 <= 640 && size.1 <= 640, "{size:?}");
}

#[test]
fn a_photo_and_itself_have_the_same_colours_and_every_run_draws_them_alike() {
    let folder = Folder::new();
    let (picture, again) = (folder.text("f.png"), folder.text("again.png"));
    let twice = [PHOTOS[0], PHOTOS[0]];
    lpmflow(["predict", twice[0], twice[1], "--features", &picture]).succeeded();
    lpmflow(["predict", twice[0], twice[1], "--features", &again]).succeeded();
    assert_eq!(fs::read(&picture).unwrap(), fs::read(&again).unwrap());
    let seen = image::open(&picture).unwrap().into_rgb8();
    // Two rows of two, 320 pixels each: photos above, colours below, the same on both sides; then a caption.
    let (width, height) = (seen.width(), 2 * 320 + 6);
    assert!((height + 15..height + 100).contains(&seen.height()), "{}", seen.height());
    let half = (width - 6) / 2;
    assert_eq!(2 * half + 6, width);
    let differing = (0..half)
        .flat_map(|x| (height / 2 + 10..height - 1).map(move |y| (x, y)))
        .filter(|(x, y)| seen.get_pixel(*x, *y) != seen.get_pixel(width - half + x, *y))
        .count();
    assert_eq!(differing, 0, "{width} x {height}");
    let colours: std::collections::HashSet<[u8; 3]> =
        (0..half).map(|x| seen.get_pixel(x, height * 3 / 4).0).collect();
    assert!(colours.len() > 50, "{}", colours.len());
}

#[test]
fn lists_write_both_for_weights_with_and_without_a_calibrated_confidence() {
    let folder = Folder::new();
    let list = write(&folder, "pairs.csv", format!("{},{}\n", PHOTOS[0], PHOTOS[1]));
    for weights in ["lite", "zero-shot"] {
        let out = folder.text(weights);
        let flags = ["predict", "--pairs", &list, "--output-dir", &out, "--weights", weights];
        let formats = ["--format", "morph.gif", "--format", "features.jpg"];
        lpmflow(flags.into_iter().chain(formats)).succeeded();
        let written = [
            "source-to-target.features.jpg",
            "source-to-target.json",
            "source-to-target.morph.gif",
        ];
        assert_eq!(names(&folder.path(weights)), written);
    }
}
