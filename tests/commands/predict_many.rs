//! `lpmflow predict` with what is drawn on a photo, with many photos, and with films, through the real binary.

use std::fs::File;

use image::{GrayImage, Luma, Rgba, RgbaImage};
use png::{BitDepth, ColorType, Decoder, Encoder};
use serde_json::{Value, json};

use crate::command::{Run, lpmflow, lpmflow_reading, names, write};
use crate::support::files::Folder;

/// A palette of four colours.
const PALETTE: [u8; 12] = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255];

/// A label map with label 2 in the middle and 3 in a corner of it.
fn labels(folder: &Folder, name: &str, width: u32, height: u32) -> String {
    let label = |x: u32, y: u32| match (4 * x / width, 4 * y / height) {
        (1, 1) => 3,
        (1..=2, 1..=2) => 2,
        _ => 0,
    };
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let pixels: Vec<u8> = pixels.map(|(x, y)| label(x, y)).collect();
    let mut encoder = Encoder::new(File::create(folder.path(name)).unwrap(), width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(PALETTE.to_vec());
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    folder.text(name)
}

fn indices(path: &str) -> (ColorType, Vec<u8>, Vec<u8>) {
    let file = std::io::BufReader::new(File::open(path).unwrap());
    let mut reader = Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    let info = reader.info();
    (info.color_type, info.palette.clone().unwrap().to_vec(), pixels)
}

/// A photo of 160 x 120 pixels and its smaller copy of 80 x 90.
fn copies(folder: &Folder) -> (String, String) {
    (folder.photo("s.png", 160, 120), folder.photo("t.png", 80, 90))
}

fn statuses(run: &Run) -> Vec<String> {
    let status = |record: &Value| record["status"].as_str().unwrap().to_owned();
    run.json_lines().iter().map(status).collect()
}

#[test]
fn labels_are_carried_across_as_they_are_and_compared_with_the_truth() {
    let folder = Folder::new();
    let (source, target) = copies(&folder);
    let drawn = labels(&folder, "s-labels.png", 160, 120);
    let truth = labels(&folder, "t-labels.png", 80, 90);
    let out = folder.text("carried.png");
    let base = ["predict", &source, &target, "--transfer", &drawn];
    let run =
        lpmflow(base.into_iter().chain(["-o", &out, "--truth", &truth, "--json"])).succeeded();
    let (color, palette, pixels) = indices(&out);
    assert_eq!(
        (color, palette.as_slice(), pixels.len()),
        (ColorType::Indexed, &PALETTE[..], 80 * 90)
    );
    assert!(pixels.iter().all(|label| [0, 2, 3].contains(label)), "labels are never mixed");
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    for label in ["2", "3"] {
        assert!(found["labels"]["iou"][label]["found"].as_f64() > Some(0.8), "{found}");
        assert!(found["labels"]["iou"][label]["unmoved"].as_f64() > Some(0.9), "{found}");
    }
    assert!(found["labels"]["label_transfer_accuracy"]["found"].as_f64() > Some(0.9), "{found}");
    assert!(run.stderr.contains("labels: mean IoU 0."), "{}", run.stderr);

    let wrong = lpmflow(base.into_iter().chain(["-o", &folder.text("carried.jpg")]));
    assert!(wrong.failed_with(1).contains("a map of labels is written as .png"));
    let other =
        lpmflow(["predict", &target, &source, "--transfer", &drawn, "-o", &out]).failed_with(1);
    assert!(
        other.contains("is drawn on 160x120 pixels, but the source photo has 80x90"),
        "{other}"
    );
    assert!(lpmflow(base).failed_with(2).contains("--transfer goes with -o FILE"));
    let flow = folder.text("flow.flo");
    let only_flow = lpmflow(base.into_iter().chain(["-o", &flow])).failed_with(2);
    assert!(only_flow.contains("--transfer goes with -o FILE"), "{only_flow}");
    lpmflow(base.into_iter().chain(["-o", &out, "-o", &flow])).succeeded();
    assert_eq!(std::fs::metadata(&flow).unwrap().len(), 12 + 160 * 120 * 8);
    let kitti = folder.text("flow.kitti.png");
    lpmflow(base.into_iter().chain(["-o", &out, "-o", &kitti])).succeeded();
    assert_eq!(image::image_dimensions(&kitti).unwrap(), (160, 120), "the source's size");
    let same = lpmflow(base.into_iter().chain(["-o", &drawn])).failed_with(1);
    assert!(same.contains("s-labels.png"), "{same}");
}

#[test]
fn pictures_and_shapes_are_carried_across() {
    let folder = Folder::new();
    let (source, target) = copies(&folder);
    let sticker = RgbaImage::from_fn(160, 120, |x, y| {
        let inside = (40..80).contains(&x) && (40..80).contains(&y);
        Rgba(if inside { [250, 20, 20, 255] } else { [0; 4] })
    });
    let drawn = folder.text("sticker.png");
    sticker.save(&drawn).unwrap();
    let (layer, over) = (folder.text("layer.png"), folder.text("over.jpg"));
    let arguments = ["predict", &source, &target, "--transfer", &drawn, "-o", &layer, "-o", &over];
    lpmflow(arguments).succeeded();
    let carried = image::open(&layer).unwrap().into_rgba8();
    assert_eq!(carried.dimensions(), (80, 90));
    assert_eq!(*carried.get_pixel(30, 45), Rgba([250, 20, 20, 255]));
    assert_eq!(carried.get_pixel(70, 80).0[3], 0);
    let over = image::open(&over).unwrap().into_rgb8();
    assert!(over.get_pixel(30, 45).0[0] > 200 && over.get_pixel(70, 80).0[0] < 200);

    let shapes = json!({
        "info": {"year": 2026},
        "licenses": [{"id": 1, "name": "CC0"}],
        "images": [{"id": 1, "file_name": "s.png", "width": 160, "height": 120}],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 1, "bbox": [40, 40, 40, 40], "area": 1600,
            "segmentation": [[40, 40, 80, 40, 80, 80, 40, 80]], "keypoints": [60, 60, 2], "num_keypoints": 1}],
    });
    let drawn = write(&folder, "shapes.json", shapes.to_string());
    let out = folder.text("carried.json");
    lpmflow(["predict", &source, &target, "--transfer", &drawn, "-o", &out]).succeeded();
    let carried: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(
        carried["images"][0],
        json!({"id": 1, "file_name": "t.png", "width": 80, "height": 90})
    );
    assert_eq!((&carried["info"], &carried["licenses"]), (&shapes["info"], &shapes["licenses"]));
    let object = &carried["annotations"][0];
    let near = |value: &Value, wanted: f64, room: f64| {
        assert!((value.as_f64().unwrap() - wanted).abs() <= room, "{value} is not {wanted}");
    };
    for (index, wanted) in [20.0, 30.0, 20.0, 30.0].into_iter().enumerate() {
        near(&object["bbox"][index], wanted, 4.0);
    }
    near(&object["area"], 600.0, 90.0);
    near(&object["keypoints"][0], 30.0, 3.0);
    near(&object["keypoints"][1], 45.0, 3.0);
    assert!(object["segmentation"][0].as_array().unwrap().len() >= 8);
}

#[test]
fn a_photo_is_matched_with_a_folder_and_its_targets_are_ranked() {
    let folder = Folder::new();
    let source = folder.photo("s.png", 160, 120);
    std::fs::create_dir(folder.path("photos")).unwrap();
    folder.photo("photos/t10.png", 80, 90);
    folder.photo("photos/t9.jpg", 90, 60);
    GrayImage::from_pixel(60, 40, Luma([90])).save(folder.path("photos/grey.png")).unwrap();
    write(&folder, "photos/broken.png", "no photo");
    let (photos, out) = (folder.text("photos"), folder.text("photos/out"));
    let drawn = labels(&folder, "labels.png", 160, 120);
    let arguments = ["predict", &source, &photos, "--output-dir", &out, "--transfer", &drawn];
    let run = lpmflow(arguments);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(statuses(&run), ["failed", "done", "done", "done"]);
    assert!(run.stderr.contains("broken.png"), "{}", run.stderr);
    let files = [
        "grey.json",
        "grey.transfer.png",
        "ranking.csv",
        "t10.json",
        "t10.transfer.png",
        "t9.json",
        "t9.transfer.png",
    ];
    assert_eq!(names(&folder.path("photos/out")), files);
    let ranking = std::fs::read_to_string(folder.path("photos/out/ranking.csv")).unwrap();
    let targets: Vec<&str> =
        ranking.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert!(targets.len() == 3 && targets[2].ends_with("grey.png"), "{ranking}");
    assert!(run.stderr.contains("best: `"), "{}", run.stderr);

    // What is done is not done again, until what is drawn changes; and results are no targets, wherever they lie.
    std::fs::remove_file(folder.path("photos/broken.png")).unwrap();
    assert_eq!(statuses(&lpmflow(arguments).succeeded()), ["skipped"; 3]);
    for other in [["--set", "matcher.temperature=0.3"], ["--input-rule", "padded-square"]] {
        let changed = arguments.into_iter().chain(other);
        assert_eq!(statuses(&lpmflow(changed).succeeded()), ["done"; 3], "{other:?}");
    }
    lpmflow(arguments).succeeded();
    GrayImage::new(160, 120).save(&drawn).unwrap();
    assert_eq!(statuses(&lpmflow(arguments).succeeded()), ["done"; 3]);

    // One error says what would be wrong with every target.
    let elsewhere = folder.text("elsewhere");
    let no_drawing =
        ["predict", &source, &photos, "--output-dir", &elsewhere, "--format", "transfer.png"];
    assert!(lpmflow(no_drawing).failed_with(2).contains("goes with --transfer FILE"));
    let target = folder.text("photos/t10.png");
    let other =
        lpmflow(["predict", &target, &photos, "--output-dir", &elsewhere, "--transfer", &drawn]);
    assert!(other.failed_with(1).contains("is drawn on 160x120 pixels"));

    write(&folder, "photos/out/ranking.csv", "mine");
    let taken = lpmflow(arguments).failed_with(1);
    assert!(taken.contains("ranking.csv` is there and is no ranking"), "{taken}");
}

#[test]
fn of_several_sources_the_best_is_taken_for_each_target() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("labelled")).unwrap();
    std::fs::create_dir(folder.path("masks")).unwrap();
    GrayImage::from_pixel(60, 40, Luma([90])).save(folder.path("labelled/grey.png")).unwrap();
    folder.photo("labelled/photo.png", 160, 120);
    let target = folder.photo("t.png", 80, 90);
    labels(&folder, "masks/grey.png", 60, 40);
    labels(&folder, "masks/photo.png", 160, 120);
    let (sources, masks, out) = (folder.text("labelled"), folder.text("masks"), folder.text("out"));
    let base = ["predict", &sources, &target, "--best-source", "--transfer", &masks];
    let arguments = || base.into_iter().chain(["--output-dir", &out]);
    let run = lpmflow(arguments()).succeeded();
    let record = &run.json_lines()[0];
    assert!(record["source"].as_str().unwrap().ends_with("photo.png"), "{record}");
    assert_eq!(record["source_index"], 1);
    assert_eq!(names(&folder.path("out")), ["ranking.csv", "t.json", "t.transfer.png"]);
    assert!(indices(&folder.text("out/t.transfer.png")).2.contains(&3));
    let again = lpmflow(arguments()).succeeded();
    assert_eq!(statuses(&again), ["skipped"]);
    assert_eq!(again.json_lines()[0]["source"], record["source"]);
    assert!(lpmflow(base).failed_with(2).contains("goes with --output-dir"));

    // What is wrong with one source is told, and the others serve.
    std::fs::remove_file(folder.path("masks/grey.png")).unwrap();
    let absent = lpmflow(arguments()).succeeded();
    assert!(
        absent.stderr.contains("grey.png` is left out: there is no file in"),
        "{}",
        absent.stderr
    );
    labels(&folder, "masks/grey.png", 61, 40);
    let wrong = lpmflow(arguments()).succeeded();
    assert!(
        wrong.stderr.contains("is left out: what is to be carried across is drawn on 61x40"),
        "{}",
        wrong.stderr
    );
    assert_eq!(statuses(&wrong), ["skipped"], "the same sources are left as before");
}

#[test]
fn points_of_the_first_frame_are_found_in_all_others() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("film")).unwrap();
    for (index, width) in [160, 120, 80].into_iter().enumerate() {
        folder.photo(&format!("film/f{}.png", index + 9), width, 90);
    }
    let film = folder.text("film");
    let run = lpmflow(["predict", "--frames", &film, "--point", "48,45"]).succeeded();
    let rows = run.json_lines();
    assert_eq!(rows.len(), 2);
    for (row, (frame, x)) in rows.iter().zip([(2, 36.0), (3, 24.0)]) {
        assert_eq!(row["frame"], frame);
        assert_eq!(row.get("line"), None);
        let found = row["keypoints"]["target"][0][0].as_f64().unwrap();
        assert!((found - x).abs() < 4.0, "{row}");
    }
    assert_eq!(names(&folder.path("film")).len(), 3, "nothing is written");

    let list = format!("{film}/f11.png\n{film}/f9.png\n");
    let listed =
        lpmflow_reading(&list, ["predict", "--frames", "-", "--point", "20,20"]).succeeded();
    assert!(listed.json_lines()[0]["target"].as_str().unwrap().ends_with("f9.png"));
    let nothing = lpmflow(["predict", "--frames", &film]).failed_with(2);
    assert!(nothing.contains("say what is followed"), "{nothing}");
}

#[test]
fn many_photos_want_a_folder_for_what_is_written() {
    let folder = Folder::new();
    let (source, target) = copies(&folder);
    let usage = |more: &[&str]| {
        let arguments =
            ["predict", &source, &target, &target].into_iter().chain(more.iter().copied());
        lpmflow(arguments).failed_with(2)
    };
    assert!(usage(&["--warp", "w.png"]).contains("--output-dir DIR and --format say"));
    assert!(usage(&["--format", "flo"]).contains("--output-dir"));
    // Without a folder, they are judged alone.
    let run = lpmflow(["predict", &source, &target, &target]).succeeded();
    assert_eq!(statuses(&run), ["done"], "a target that is named twice is one");
    assert!(run.json_lines()[0]["verdict"]["best_confidence"].as_f64() > Some(0.5));
}
