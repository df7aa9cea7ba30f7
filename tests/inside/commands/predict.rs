//! `lpmflow predict` on two photos with the default weights: kinds of photos, annotated pairs, and what is refused.

use std::path::Path;

use image::{DynamicImage, ImageFormat};

use crate::commands::testing::lpmflow;
use crate::inside::support::files::{Folder, photo, write};

/// Width and height of an image file.
fn dimensions(path: &str) -> (u32, u32) {
    image::image_dimensions(path).unwrap()
}

#[test]
fn photos_of_every_kind_are_read() {
    let folder = Folder::new();
    let target = folder.photo("target.png", 40, 30);
    let colour = DynamicImage::from(photo(30, 50));
    let kinds = [
        ("portrait.bmp", colour.clone()),
        ("grey.jpg", colour.to_luma8().into()),
        ("grey16.tif", colour.to_luma16().into()),
        ("colour16.png", colour.to_rgb16().into()),
        ("alpha.webp", colour.to_rgba8().into()),
        ("alpha16.png", colour.to_luma_alpha16().into()),
        ("one.png", colour.crop_imm(0, 0, 1, 1)),
        ("line.png", colour.crop_imm(0, 0, 1, 50)),
    ];
    let (mut list, mut sizes) = (String::new(), Vec::new());
    for (name, picture) in kinds {
        let path = folder.text(name);
        picture.save(&path).unwrap();
        sizes.push((name, (picture.width(), picture.height())));
        list.push_str(&format!("{name},target.png\ntarget.png,{name}\n"));
    }
    let list = write(&folder, "list.csv", list);
    let formats = ["--format", "warp.png", "--format", "matches.png"];
    let arguments = ["predict", "--pairs", &list, "--output-dir", &folder.text("out")];
    lpmflow(arguments.into_iter().chain(formats)).succeeded();
    for (name, size) in sizes {
        let stem = name.split('.').next().unwrap();
        let warp = |name: &str| dimensions(&folder.text(&format!("out/{name}.warp.png")));
        assert_eq!(warp(&format!("{stem}-to-target")), size, "{name}");
        assert_eq!(warp(&format!("target-to-{stem}")), dimensions(&target), "{name}");
    }
}

#[test]
fn exif_orientation_is_applied_unless_the_user_says_otherwise() {
    let folder = Folder::new();
    let mut jpeg = std::io::Cursor::new(Vec::new());
    photo(60, 40).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    // An EXIF segment whose only entry is orientation 6: turn a quarter clockwise.
    let exif =
        b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let jpeg = jpeg.into_inner();
    let turned = write(&folder, "turned.jpg", [&jpeg[..2], exif, &jpeg[2..]].concat());
    let target = folder.photo("target.png", 40, 30);
    let flow = folder.text("flow.png");
    let run = lpmflow(["predict", &turned, &target, "-o", &flow, "--json"]).succeeded();
    assert_eq!(dimensions(&flow), (40, 60));
    let record = &run.json_lines()[0];
    assert_eq!(record["source_size"], serde_json::json!({"height": 60, "width": 40}));
    assert_eq!(record["status"], "done");
    assert_eq!(record["files"][0]["path"], flow);

    let stored = ["predict", &turned, &target, "-o", &flow, "--exif", "ignore"];
    lpmflow(stored).succeeded();
    assert_eq!(dimensions(&flow), (60, 40));
    let sizes =
        "{\"src_imsize\": [60, 40, 3], \"trg_imsize\": [40, 30, 3], \"src_kps\": [[50, 9]]}";
    let points = write(&folder, "points.json", sizes);
    lpmflow([&stored[..], &["--keypoints", &points]].concat()).succeeded();
    let error = lpmflow(["predict", &turned, &target, "--keypoints", &points]).failed_with(1);
    assert!(error.contains("photo has 40x60 (--exif says"), "{error}");
    // What was done with photos turned is not done with photos as they are stored.
    let list = write(&folder, "list.csv", format!("{turned},{target}\n"));
    let out = folder.text("out");
    let run = |exif| {
        let flags = ["predict", "--pairs", &list, "--output-dir", &out, "--exif", exif];
        lpmflow(flags).succeeded().json_lines()[0]["status"].clone()
    };
    assert_eq!(
        ["apply", "apply", "ignore", "ignore"].map(run),
        ["done", "skipped", "done", "skipped"]
    );
}

#[test]
fn lists_of_matches_say_the_same_in_every_format() {
    let folder = Folder::new();
    let [source, target] = ["source", "target"]
        .map(|name| format!("{}/scripts/demo/{name}.png", env!("CARGO_MANIFEST_DIR")));
    let files = ["csv", "json", "npz"].map(|ending| folder.text(&format!("m.{ending}")));
    for file in &files {
        let flags = ["--matches", file, "--max-matches", "60", "--min-confidence", "0.4"];
        lpmflow([&["predict", &source, &target][..], &flags].concat()).succeeded();
    }
    let text = std::fs::read_to_string(&files[0]).unwrap();
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|number| number.parse().unwrap()).collect())
        .collect();
    assert!(text.starts_with("source_x,source_y,target_x,target_y,confidence\n"));
    assert!((20..=60).contains(&rows.len()), "{}", rows.len());
    assert!(
        rows.iter().all(|row| row[4] >= 0.4) && rows.is_sorted_by(|one, next| one[4] >= next[4])
    );
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&files[1]).unwrap()).unwrap();
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&files[2]).unwrap()).unwrap();
    let mut array = |name: &str| {
        let array = npyz::NpyFile::new(archive.by_name(name).unwrap()).unwrap();
        array.into_vec::<f32>().unwrap()
    };
    let [from, to] = ["source.npy", "target.npy"].map(&mut array);
    for (index, row) in rows.iter().enumerate() {
        for (column, value) in row[..4].iter().enumerate() {
            let (side, axis) = (["source", "target"][column / 2], column % 2);
            let in_json = json[side][index][axis].as_f64().unwrap();
            let in_array = f64::from([&from, &to][column / 2][2 * index + axis]);
            assert!((in_json - value).abs() < 1e-3 && (in_array - value).abs() < 1e-3);
        }
    }
    // Keypoints are listed as they are.
    let flags = ["--matches", &files[0], "--point", "60,30"];
    lpmflow([&["predict", &source, &target][..], &flags].concat()).succeeded();
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert!(text.lines().count() == 2 && text.contains("\n60.000,30.000,"), "{text}");
}

#[test]
fn points_by_hand_are_those_of_a_file() {
    let folder = Folder::new();
    let (source, target) = (folder.photo("s.png", 90, 60), folder.photo("t.png", 60, 70));
    let keypoints = write(&folder, "points.txt", "60 30\n-0.5 12.5\n");
    let pair = ["predict", &source, &target];
    let of_file = lpmflow([&pair[..], &["--keypoints", &keypoints]].concat()).succeeded();
    let by_hand = ["--point", "60,30", "--point", "-0.5,12.5"];
    assert_eq!(lpmflow([&pair[..], &by_hand].concat()).succeeded().stdout, of_file.stdout);
    assert_eq!(of_file.json_lines()[0]["source"], serde_json::json!([[60.0, 30.0], [-0.5, 12.5]]));
    let wrong = lpmflow([&pair[..], &["--point", "60"]].concat()).failed_with(2);
    assert!(wrong.contains("a point is two numbers, as 60,30"), "{wrong}");
}

#[test]
fn network_size_keeps_the_networks_grid() {
    let folder = Folder::new();
    let source = folder.photo("s.png", 90, 60);
    let flow = folder.text("flow.flo");
    lpmflow(["predict", &source, &source, "-o", &flow, "--size", "network"]).succeeded();
    let bytes = std::fs::read(flow).unwrap();
    let side = |at: usize| i32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(side(4), side(8));
    assert_ne!(side(4), 90);
}

#[test]
fn an_annotated_pair_is_scored_and_drawn() {
    let folder = Folder::new();
    let source = folder.photo("s.png", 100, 80);
    let annotation = r#"{"src_imsize": [100, 80, 3], "trg_imsize": [100, 80, 3],
        "src_bndbox": [10, 10, 90, 70], "trg_bndbox": [10, 10, 90, 70],
        "src_kps": [[30, 32], [70, 24], [55, 60]], "trg_kps": [[30, 32], [70, 24], [10, 10]]}"#;
    let keypoints = write(&folder, "pair.json", annotation);
    let matches = folder.text("matches.png");
    let arguments =
        ["predict", &source, &source, "--keypoints", &keypoints, "--matches", &matches, "--json"];
    let run = lpmflow(arguments).succeeded();
    let score = &run.json_lines()[0]["keypoints"]["score"];
    assert_eq!(score["threshold"], "longer side of the target box");
    assert_eq!(score["side"], 80.0);
    assert!((score["pck"]["0.1"].as_f64().unwrap() - 200.0 / 3.0).abs() < 1e-9, "{score}");
    assert!(
        run.stderr.contains("PCK@0.1 66.7 %") && run.stderr.contains("longer side of the target")
    );
    // Of three points two are right: a green ring each, and a red one with a line to the truth.
    let picture = image::open(&matches).unwrap().into_rgb8();
    let near = |wanted: [u8; 3]| {
        let close = |pixel: &&image::Rgb<u8>| {
            pixel.0.iter().zip(wanted).all(|(value, wanted)| value.abs_diff(wanted) < 12)
        };
        picture.pixels().filter(close).count()
    };
    assert!(near([0, 200, 83]) > 200, "{}", near([0, 200, 83]));
    assert!(near([244, 33, 46]) > 400, "{}", near([244, 33, 46]));
}

#[test]
fn mistakes_in_the_flags_exit_with_2_before_any_work() {
    let folder = Folder::new();
    let source = folder.photo("s.png", 20, 20);
    let usage = |arguments: &[&str]| lpmflow([&["predict"], arguments].concat()).failed_with(2);
    let ending = usage(&[&source, &source, "-o", "flow.xyz"]);
    assert!(ending.contains("`flow.xyz`") && ending.contains(".kitti.png"), "{ending}");
    assert!(usage(&[&source, &source, "--warp", "w.flo"]).contains("use .png"));
    usage(&[&source, "-o", "flow.png"]);
    usage(&[&source, &source, "--pairs", "list.csv", "--output-dir", "out"]);
    usage(&["--pairs", "list.csv"]);
    usage(&["--pairs", "list.csv", "--output-dir", "out", "-o", "flow.png"]);
    usage(&[&source, &source, "-o", "flow.png", "--format", "flo"]);
    let format = usage(&["--pairs", "list.csv", "--output-dir", "out", "--format", "gif"]);
    assert!(format.contains("`gif`") && format.contains("matches.png"), "{format}");
}

#[test]
fn what_cannot_be_read_is_named_with_the_reason() {
    let folder = Folder::new();
    let good = folder.photo("good.png", 20, 20);
    let jpeg = std::fs::read(folder.photo("whole.jpg", 200, 200)).unwrap();
    let text = write(&folder, "text.jpg", "this is no photo");
    let cut = write(&folder, "cut.jpg", &jpeg[..jpeg.len() / 2]);
    let empty = write(&folder, "empty.png", "");
    let huge = write(&folder, "huge.png", huge_png());
    let out = folder.text("flow.png");
    let error = |source: &str, target: &str| {
        let run = lpmflow(["predict", source, target, "-o", &out]);
        run.failed_with(1)
    };
    let missing = folder.text("missing.jpg");
    assert!(error(&missing, &good).contains("missing.jpg"));
    assert!(error(&good, &missing).contains("missing.jpg"));
    assert!(error(&text, &good).contains("text.jpg"));
    assert!(error(&good, &cut).contains("cut.jpg"));
    assert!(error(&empty, &good).contains("empty.png"));
    assert!(error(&huge, &good).contains("60000"));
    let folder = folder.text("");
    let many = lpmflow(["predict", &folder, &good, "-o", &out]).failed_with(2);
    assert!(many.contains("with several photos, --output-dir"), "{many}");
    assert!(!Path::new(&out).exists());
}

/// A PNG that announces 60000 x 60000 pixels and holds none.
fn huge_png() -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    photo(1, 1).write_to(&mut png, ImageFormat::Png).unwrap();
    let mut png = png.into_inner();
    // The header chunk: length (8..12), kind (12..16), width, height, ..., checksum (29..33).
    png[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let mut checksum = flate2::Crc::new();
    checksum.update(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
    png
}

#[test]
fn outputs_that_cannot_be_written_are_noticed_before_the_photos_are_read() {
    let folder = Folder::new();
    let missing = folder.text("missing.jpg");
    let error =
        |output: &str| lpmflow(["predict", &missing, &missing, "-o", output]).failed_with(1);
    assert!(error(&folder.text("no/such/folder/flow.png")).contains("does not exist"));
    std::fs::create_dir(folder.path("taken.png")).unwrap();
    assert!(error(&folder.text("taken.png")).contains("it is a folder"));
    let source = folder.photo("s.png", 20, 20);
    let overwriting = lpmflow(["predict", &source, &source, "-o", &source]).failed_with(1);
    assert!(overwriting.contains("would overwrite the input"), "{overwriting}");
}

#[test]
fn bad_keypoints_are_named_with_the_reason() {
    let folder = Folder::new();
    let source = folder.photo("s.png", 20, 10);
    let error = |keypoints: &str| {
        let keypoints = write(&folder, "points.json", keypoints);
        lpmflow(["predict", &source, &source, "--keypoints", &keypoints]).failed_with(1)
    };
    assert!(error("[[NaN, 1]]").contains("no JSON"));
    assert!(error("[[1, 2], [1]]").contains("keypoint 1 is [1]"));
    assert!(error("[[1, 2], [5, 99]]").contains("keypoint 1 at (5, 99) lies outside"));
    assert!(error("{}").contains("src_kps"));
    let missing = ["predict", &source, &source, "--keypoints", "nothing.json"];
    assert!(lpmflow(missing).failed_with(1).contains("`nothing.json`"));
}

#[test]
fn completions_and_manual_pages_are_made() {
    let folder = Folder::new();
    let bash = lpmflow(["completions", "bash"]).succeeded().stdout;
    assert!(bash.contains("--keypoints"));
    lpmflow(["man", &folder.text("man")]).succeeded();
    let page = std::fs::read_to_string(folder.path("man/lpmflow-predict.1")).unwrap();
    assert!(page.contains("keypoints"));
    assert!(folder.path("man/lpmflow.1").is_file());
}
