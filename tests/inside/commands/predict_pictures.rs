//! What the pictures of `lpmflow predict` show, with the default weights.

use image::{Rgb, RgbImage};

use crate::commands::testing::lpmflow;
use crate::inside::support::files::{Folder, write};

/// The camels of the demonstration.
fn camels() -> [String; 2] {
    ["source", "target"]
        .map(|name| format!("{}/scripts/demo/{name}.png", env!("CARGO_MANIFEST_DIR")))
}

/// A photo made so wide that its pictures have its size.
fn wide(folder: &Folder, path: &str) -> String {
    let photo = image::open(path).unwrap();
    let large = folder.text("wide.png");
    photo.resize(640, 640, image::imageops::FilterType::Triangle).save(&large).unwrap();
    large
}

fn grey(folder: &Folder) -> String {
    let path = folder.text("grey.png");
    RgbImage::from_pixel(120, 90, Rgb([128; 3])).save(&path).unwrap();
    path
}

fn open(path: &str) -> RgbImage {
    image::open(path).unwrap().into_rgb8()
}

/// How far a picture is from grey, 0 to 255, in the mean over those of its pixels that `which` picks.
fn colour(picture: &RgbImage, which: impl Fn(f64, f64) -> bool) -> f64 {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let picked: Vec<f64> = picture
        .enumerate_pixels()
        .filter(|(x, y, _)| which(f64::from(*x) / width, f64::from(*y) / height))
        .map(|(_, _, Rgb(pixel))| {
            let (low, high) = (pixel.iter().min().unwrap(), pixel.iter().max().unwrap());
            f64::from(high - low)
        })
        .collect();
    picked.iter().sum::<f64>() / picked.len() as f64
}

fn everywhere(_x: f64, _y: f64) -> bool {
    true
}

#[test]
fn what_does_not_move_has_no_colour_whatever_the_photos_sizes() {
    let folder = Folder::new();
    let [source, target] = camels();
    let small = folder.text("small.png");
    image::open(&source).unwrap().thumbnail_exact(90, 160).save(&small).unwrap();
    let flow = folder.text("flow.png");
    let drawn = |target: &str, flags: &[&str]| {
        let run =
            lpmflow([&["predict", &source, target, "-o", &flow, "--json"][..], flags].concat());
        let run = run.succeeded();
        let scale = run.json_lines()[0]["flow_scale"].clone();
        (colour(&open(&flow), everywhere), scale, run.stderr)
    };
    let (same, scale, log) = drawn(&source, &[]);
    assert!(same < 30.0, "{same}");
    assert!((scale["part"].as_f64().unwrap() - 0.1).abs() < 1e-6, "{scale}");
    assert!(log.contains("full colours: a displacement of 10 % of the photo"), "{log}");
    let (smaller, _, _) = drawn(&small, &[]);
    assert!(smaller < 45.0, "{smaller}");
    let (moved, scale, _) = drawn(&target, &[]);
    assert!(moved > 60.0 && scale["part"].as_f64() > Some(0.1), "{moved} {scale}");
    // In pixels, what lies elsewhere in the smaller photo moves far.
    let (fixed, scale, log) = drawn(&small, &["--flow-scale", "20"]);
    assert!(fixed > 100.0 && scale["pixels"] == 20.0, "{fixed} {scale}");
    assert!(log.contains("a displacement of 20 pixels"), "{log}");
    for wrong in ["0", "-3", "nan", "wide"] {
        let flag = format!("--flow-scale={wrong}");
        let error = lpmflow(["predict", &source, &target, "-o", &flow, &flag]).failed_with(2);
        assert!(error.contains("a number of pixels is above 0"), "{error}");
    }
}

#[test]
fn a_legend_shows_the_photo_beneath_a_flow_and_words_below() {
    let folder = Folder::new();
    let [source, target] = camels();
    let source = wide(&folder, &source);
    let files = ["bare", "legend"].map(|name| folder.text(&format!("{name}.png")));
    lpmflow(["predict", &source, &target, "-o", &files[0]]).succeeded();
    lpmflow(["predict", &source, &target, "-o", &files[1], "--legend"]).succeeded();
    let [bare, legend] = files.map(|file| open(&file));
    assert!(legend.width() == bare.width() && legend.height() > bare.height() + 40);
    // Colours lie on most of the photo; some of a hump has no match in a camel of one.
    let above = legend.enumerate_pixels().filter(|(_, y, _)| *y < bare.height());
    let is_grey = |Rgb([red, green, blue]): &Rgb<u8>| red == green && green == blue;
    let (grey, all) = above
        .fold((0, 0), |(grey, all), (_, _, pixel)| (grey + usize::from(is_grey(pixel)), all + 1));
    assert!((500..all / 2).contains(&grey), "{grey} of {all}");
}

#[test]
fn dots_lie_on_what_corresponds_and_lines_are_drawn_when_asked_for() {
    let folder = Folder::new();
    let [source, target] = camels();
    let file = folder.text("m.png");
    let drawn = |target: &str, flags: &[&str]| {
        lpmflow([&["predict", &source, target, "--matches", &file][..], flags].concat())
            .succeeded();
        open(&file)
    };
    // The photos' own colours are brown and white; dots are vivid.
    let vivid = |picture: &RgbImage| {
        let vivid = |Rgb([red, green, blue]): &Rgb<u8>| {
            i32::from(*blue) > i32::from(*red) + 60 || i32::from(*green) > i32::from(*red) + 60
        };
        picture.pixels().filter(|pixel| vivid(pixel)).count()
    };
    let (dots, lines) = (vivid(&drawn(&target, &[])), vivid(&drawn(&target, &["--lines"])));
    assert!(dots > 1000, "{dots}");
    assert!(lines > dots + 2000, "{lines} and {dots}");
    let nothing = vivid(&drawn(&grey(&folder), &[]));
    assert!(nothing < dots / 4, "{nothing} of {dots}");
}

#[test]
fn where_nothing_corresponds_a_blend_is_the_source_and_colours_are_grey() {
    let folder = Folder::new();
    let ([source, target], grey) = (camels(), grey(&folder));
    let source = wide(&folder, &source);
    let (blend, colours) = (folder.text("b.png"), folder.text("c.png"));
    let flags = ["--blend", &blend, "--colours", &colours];
    lpmflow([&["predict", &source, &grey][..], &flags].concat()).succeeded();
    let photo = image::open(&source).unwrap().into_rgba8();
    let shown = open(&blend);
    assert!(shown.width() == photo.width() && shown.height() > photo.height(), "words below");
    let opaque = photo.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[3] == 255);
    let (same, all) = opaque.fold((0, 0), |(same, all), (x, y, pixel)| {
        (same + usize::from(pixel.0[..3] == shown.get_pixel(x, y).0), all + 1)
    });
    assert!(same as f64 > 0.85 * f64::from(all), "{same} of {all}");
    assert!(colour(&open(&colours), everywhere) < 20.0);

    lpmflow([&["predict", &source, &target][..], &flags].concat()).succeeded();
    assert_ne!(open(&blend), shown);
    let head = colour(&open(&colours), |x, y| x < 0.08 && (0.2..0.8).contains(&y));
    assert!(head > 80.0, "{head}");
}

#[test]
fn confidence_is_laid_over_the_photo_unless_a_map_is_wanted() {
    let folder = Folder::new();
    let [source, target] = camels();
    let (picture, map) = (folder.text("c.png"), folder.text("c.grey.png"));
    for file in [&picture, &map] {
        lpmflow(["predict", &source, &target, "--confidence", file]).succeeded();
    }
    let size = image::image_dimensions(&source).unwrap();
    assert_eq!(image::image_dimensions(&map).unwrap(), size);
    assert_eq!(image::open(&map).unwrap().color(), image::ColorType::L8);
    let picture = open(&picture);
    assert!(picture.width() >= 480 && picture.height() * size.0 > picture.width() * size.1);
    assert!(colour(&picture, everywhere) > 30.0);
}

#[test]
fn colmap_gets_a_list_of_pairs_and_the_keypoints_of_both_photos() {
    let folder = Folder::new();
    let [source, target] = camels();
    let list = folder.text("m.txt");
    let flags = ["--matches", &list, "--max-matches", "50"];
    let run = || lpmflow([&["predict", &source, &target][..], &flags].concat());
    // A second time what is there is ours and is replaced.
    run().succeeded();
    run().succeeded();
    let text = std::fs::read_to_string(&list).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!((rows[0], rows[1]), ("source.png target.png", "0 0"));
    assert!(text.ends_with("\n\n") && (20..=52).contains(&rows.len()), "{text}");
    for name in ["source.png.txt", "target.png.txt"] {
        let keypoints = std::fs::read_to_string(folder.path(name)).unwrap();
        let count = rows.len() - 2;
        assert!(keypoints.starts_with(&format!("{count} 128\n")), "{keypoints}");
        assert_eq!(keypoints.lines().count(), count + 1);
    }

    write(&folder, "target.png.txt", "1 128\n1 2 3 0.5 17\n");
    let error = run().failed_with(1);
    assert!(error.contains("target.png.txt`") && error.contains("of another program"), "{error}");
    let refused = |source: &str, target: &str, list: &str| {
        lpmflow(["predict", source, target, "--matches", list]).failed_with(1)
    };
    assert!(refused(&source, &source, &list).contains("both photos are called `source.png`"));
    let spaced = folder.photo("a b.png", 30, 40);
    assert!(refused(&source, &spaced, &list).contains("names end at a space"));
    // The list would be its own keypoints.
    let own = folder.text("source.png.txt");
    assert!(refused(&source, &target, &own).contains("named for two outputs"));
    let pairs = write(&folder, "pairs.csv", "a b.png,grey.png\n");
    let out = folder.text("out");
    let flags = ["predict", "--pairs", &pairs, "--output-dir", &out, "--format", "matches.txt"];
    assert!(lpmflow(flags).failed_with(2).contains("there is no format `matches.txt`"));
}
