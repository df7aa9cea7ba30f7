//! `lpmflow predict` on two photos, through the real binary with the default weights; `tests/inside/commands/predict.rs`
//! has more.

use serde_json::Value;

use crate::command::{lpmflow, lpmflow_reading, names};
use crate::support::files::Folder;

/// Width and height of an image file.
fn dimensions(path: &str) -> (u32, u32) {
    image::image_dimensions(path).unwrap()
}

#[test]
fn every_output_is_written_and_has_the_size_of_the_source() {
    let folder = Folder::new();
    let (source, target) = (folder.photo("s.jpg", 90, 60), folder.photo("t.png", 50, 70));
    let out = |name: &str| folder.text(name);
    let flows = ["f.png", "f.jpg", "f.webp", "f.flo", "f.npy", "f.npz", "f.pfm", "f.kitti.png"];
    let flows = flows.iter().flat_map(|name| ["-o".to_owned(), out(name)]);
    let others = [
        ["--warp", "w.png"],
        ["--blend", "b.webp"],
        ["--matches", "m.jpg"],
        ["--colours", "o.png"],
        ["--confidence", "c.grey.png"],
    ];
    let others = others.iter().flat_map(|[flag, name]| [(*flag).to_owned(), out(name)]);
    let run = lpmflow(["predict".into(), source, target].into_iter().chain(flows).chain(others));
    let run = run.succeeded();
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("source 90x60 pixels, target 50x70"), "{}", run.stderr);
    assert!(run.stderr.contains("magnitude: 99 %"), "{}", run.stderr);
    for name in ["f.png", "f.jpg", "f.webp", "f.kitti.png", "w.png", "c.grey.png"] {
        assert_eq!(dimensions(&out(name)), (90, 60), "{name}");
        assert!(run.stderr.contains(&out(name)), "{}", run.stderr);
    }
    assert_eq!(std::fs::metadata(out("f.flo")).unwrap().len(), 12 + 90 * 60 * 8);
    assert_eq!(std::fs::metadata(out("f.pfm")).unwrap().len(), 14 + 90 * 60 * 12);
    for name in ["m.jpg", "o.png", "b.webp"] {
        assert!(dimensions(&out(name)).0 >= 480, "small photos are enlarged to be seen: {name}");
    }
    assert_eq!(
        names(&folder.path("")).len(),
        2 + 8 + 5,
        "no temporary file is left: {:?}",
        names(&folder.path(""))
    );
}

#[test]
fn a_warp_with_a_legend_lies_on_the_source_in_grey_above_words() {
    let folder = Folder::new();
    let photo = folder.photo("s.png", 600, 400);
    let warp = folder.text("w.png");
    lpmflow(["predict", &photo, &photo, "--warp", &warp, "--legend"]).succeeded();
    let picture = image::open(&warp).unwrap();
    assert!(!picture.color().has_alpha() && picture.width() == 600 && picture.height() > 420);
    let words = picture.crop_imm(0, 410, 600, picture.height() - 410).into_luma8();
    let dark = words.pixels().filter(|pixel| pixel.0[0] < 100).count();
    assert!(dark > 400, "{dark} dark pixels below the photo are no words");
}

#[test]
fn a_photo_and_its_smaller_copy_correspond_everywhere() {
    let folder = Folder::new();
    let (source, target) = (folder.photo("s.png", 160, 120), folder.photo("t.png", 80, 90));
    let points = "[[20, 30], [48, 48], [100, 80], [140.5, 100.25]]";
    let arguments = ["predict", &source, &target, "--keypoints", "-"];
    let found: Value =
        serde_json::from_str(&lpmflow_reading(points, arguments).succeeded().stdout).unwrap();
    for (source, target) in
        found["source"].as_array().unwrap().iter().zip(found["target"].as_array().unwrap())
    {
        let number = |point: &Value, axis: usize| point[axis].as_f64().unwrap();
        assert!((number(target, 0) - number(source, 0) / 2.0).abs() < 4.0, "{found}");
        assert!((number(target, 1) - number(source, 1) * 0.75).abs() < 4.0, "{found}");
    }
    assert!(found["confidence"].as_array().unwrap().iter().all(|value| value.as_f64() > Some(0.8)));
    assert_eq!(found.get("score"), None);
}

#[test]
fn quiet_is_quiet() {
    let folder = Folder::new();
    let source = folder.photo("s.png", 20, 20);
    let run = lpmflow(["-q", "predict", &source, &source, "-o", &folder.text("f.png")]).succeeded();
    assert_eq!((run.stdout, run.stderr), (String::new(), String::new()));
}
