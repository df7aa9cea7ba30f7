//! From annotated cut-outs to a trained `lite`, through the real binary, on pictures made here.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::{Value, json};

use crate::command::{Run, lpmflow};
use crate::support::files::Folder;

const PARTS: [&str; 6] = ["nose", "left_eye", "right_eye", "back", "belly", "tail"];

/// Pictures of two views each of six "animals", an annotation of them, two grounds and another thing.
pub fn make_pictures(folder: &Folder) {
    let pictures = folder.path("pictures");
    fs::create_dir_all(folder.path("grounds")).unwrap();
    fs::create_dir_all(&pictures).unwrap();
    let mut records = Vec::new();
    for animal in 0..6u8 {
        for view in 0..2u8 {
            let picture = RgbaImage::from_fn(90, 60, |x, y| {
                let inside = (i64::from(x) - 45).pow(2) * 4 + (i64::from(y) - 30).pow(2) * 9 < 8000;
                let shade = (x as u8).wrapping_mul(3 + animal) ^ (y as u8).wrapping_mul(5 + view);
                Rgba([40 * animal, shade, 200 - 30 * animal, if inside { 255 } else { 0 }])
            });
            let file = format!("beast{animal}_{view}.png");
            picture.save(pictures.join(&file)).unwrap();
            let keypoints = [[75, 30], [68, 24], [66, 34], [45, 8], [45, 52], [12, 30]];
            let size = [90, 60];
            records.push(
                json!({"file": file, "size": size, "facing": "right", "keypoints": keypoints}),
            );
        }
    }
    RgbaImage::from_pixel(40, 40, Rgba([250, 10, 10, 255]))
        .save(pictures.join("ball.png"))
        .unwrap();
    fs::write(folder.path("others.txt"), "ball.png\n").unwrap();
    for ground in 0..2u32 {
        let photo = RgbImage::from_fn(300, 240, |x, y| Rgb([(x + 90 * ground) as u8, y as u8, 90]));
        photo.save(folder.path(&format!("grounds/{ground}.png"))).unwrap();
    }
    let category = json!({"name": "bird", "keypoint_names": PARTS, "images": records});
    let text = json!({"origin": "a test", "categories": [category]}).to_string();
    fs::write(folder.path("annotations.json"), text).unwrap();
}

fn composite(folder: &Folder, output: &str, renderings: &str) -> Run {
    lpmflow(arguments(folder, output, renderings))
}

/// The arguments that composite those pictures, each so many times.
pub fn arguments(folder: &Folder, output: &str, renderings: &str) -> Vec<String> {
    let [output, annotations, cutouts, backgrounds, others] =
        [output, "annotations.json", "pictures", "grounds", "others.txt"]
            .map(|name| folder.text(name));
    let arguments = [
        "datasets",
        "make-cutouts",
        &output,
        "--annotations",
        &annotations,
        "--cutouts",
        &cutouts,
        "--backgrounds",
        &backgrounds,
        "--others",
        &others,
        "--renderings",
        renderings,
        "--pairs",
        "6",
    ];
    arguments.map(str::to_owned).to_vec()
}

fn list(root: &Path, split: &str) -> Vec<String> {
    let text = fs::read_to_string(root.join(format!("cutouts/Layout/large/{split}.txt"))).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The animals of a split's pairs: `000001-beast0_1_000-beast3_0_001:bird` has beast0 and beast3.
fn animals(pairs: &[String]) -> Vec<String> {
    let photos = pairs.iter().flat_map(|pair| pair.split(['-', ':']).skip(1).take(2));
    photos.map(|photo| photo.split('_').next().unwrap().to_owned()).collect()
}

#[test]
fn splits_share_no_animal_and_equal_seeds_give_equal_pairs() {
    let folder = Folder::new();
    make_pictures(&folder);
    composite(&folder, "first", "2").succeeded();
    composite(&folder, "second", "2").succeeded();
    let root = folder.path("first");
    let [training, validation] = ["trn", "val"].map(|split| list(&root, split));
    assert_eq!(training.len(), 6);
    assert!(!validation.is_empty());
    let held_out = animals(&validation);
    assert!(animals(&training).iter().all(|animal| !held_out.contains(animal)));
    let pair = |root: &str| {
        let name = &training[0];
        fs::read(folder.path(root).join(format!("cutouts/PairAnnotation/trn/{name}.json"))).unwrap()
    };
    assert_eq!(pair("first"), pair("second"));
    lpmflow(["datasets", "check", "cutouts", "--data-root", root.to_str().unwrap()]).succeeded();
    // What is there is not overwritten.
    let error = composite(&folder, "first", "2").stderr;
    assert!(error.contains("not empty"), "{error}");
}

#[test]
fn lite_is_trained_on_them() {
    let folder = Folder::new();
    make_pictures(&folder);
    composite(&folder, "data", "1").succeeded();
    let (data, run, report) = (folder.text("data"), folder.text("run"), folder.text("report.json"));
    let data = ["--dataset", "cutouts", "--data-root", &data];
    let model = ["--model", "lite", "--init", "lite", "--input-size", "192"];
    let recipe = ["--batch-size", "3", "--epochs", "1", "--output", &run];
    lpmflow([&["train"], &data[..], &model, &recipe].concat()).succeeded();
    let text = fs::read_to_string(folder.path("run/config.toml")).unwrap();
    assert!(text.contains("[matching]"), "{text}");
    let weights = folder.text("run/best.safetensors");
    lpmflow([&["eval"], &data[..], &["--weights", &weights, "--report", &report]].concat())
        .succeeded();
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert!(report["model"]["config"]["head"]["width"].is_number());
}

/// A picture's file, size and keypoints.
type Annotated = (String, [f64; 2], Vec<Option<[f64; 2]>>);

/// The pictures of an annotation file.
fn annotated(file: &str) -> Vec<Annotated> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let categories = file["categories"].as_array().unwrap();
    let pictures = categories.iter().flat_map(|category| {
        let parts = category["keypoint_names"].as_array().unwrap().len();
        category["images"].as_array().unwrap().iter().map(move |record| {
            let keypoints: Vec<_> = serde_json::from_value(record["keypoints"].clone()).unwrap();
            assert_eq!(keypoints.len(), parts, "{record}");
            let size = serde_json::from_value(record["size"].clone()).unwrap();
            (record["file"].as_str().unwrap().to_owned(), size, keypoints)
        })
    });
    pictures.collect()
}

#[test]
fn keypoints_made_by_hand_lie_within_pictures_and_those_of_validation_are_never_trained_on() {
    let [animals, objects] =
        ["scripts/lite/annotations.json", "scripts/lite/objects/photos.json"].map(annotated);
    for (file, size, keypoints) in animals.iter().chain(&objects) {
        let seen: Vec<_> = keypoints.iter().flatten().collect();
        assert!(seen.len() >= 3, "{file}");
        for point in seen {
            assert!(
                (0..2).all(|axis| (0.0..=size[axis]).contains(&point[axis])),
                "{file}: {point:?}"
            );
        }
    }
    let trained: Vec<&str> = animals.iter().map(|(file, ..)| file.as_str()).collect();
    for (file, ..) in &objects {
        let stamp = file.strip_prefix("stamps/").unwrap_or(file);
        assert!(!trained.contains(&stamp), "{file}");
    }
}

#[test]
fn the_datasets_that_lite_is_made_from_can_be_listed() {
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lite/objects/datasets.toml");
    let listed = lpmflow(["datasets", "list", "--datasets", list]).succeeded().stdout;
    for name in ["objects", "mixed"] {
        assert!(listed.lines().any(|line| line.starts_with(name)), "{listed}");
    }
}
