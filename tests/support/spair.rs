//! A tiny dataset in SPair-71k layout, written by the tests themselves.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

/// Photos of 64 x 48 pixels; each pair has three keypoints and a target box of side 40.
pub struct TinySpair {
    /// Removed at the end of the test.
    pub folder: tempfile::TempDir,
}

/// The pairs' names: category, source, target.
const PAIRS: [(&str, &str, &str); 6] = [
    ("cat", "a", "b"),
    ("cat", "b", "a"),
    ("cat", "a", "c"),
    ("dog", "x", "y"),
    ("dog", "y", "x"),
    ("dog", "x", "z"),
];

/// Where the keypoints of every target lie.
pub const TARGETS: [[f64; 2]; 3] = [[10.0, 10.0], [30.0, 20.0], [45.0, 40.0]];

impl TinySpair {
    /// Writes photos, annotations and the list of the split `test`.
    pub fn write() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("SPair-71k");
        let mut list = String::new();
        for (index, (category, source, target)) in PAIRS.into_iter().enumerate() {
            for name in [source, target] {
                photo(&root.join("JPEGImages").join(category).join(format!("{name}.png")));
            }
            let name = format!("{:06}-{source}-{target}:{category}", index + 1);
            let annotation = json!({
                "filename": name, "category": category,
                "src_imname": format!("{source}.png"), "trg_imname": format!("{target}.png"),
                "src_imsize": [64, 48, 3], "trg_imsize": [64, 48, 3],
                "src_bndbox": [4, 4, 34, 44], "trg_bndbox": [8, 8, 48, 42],
                "src_kps": [[12, 12], [28, 22], [30, 40]], "trg_kps": TARGETS,
                "kps_ids": ["0", "1", "2"], "mirror": 0,
                "viewpoint_variation": index % 3, "scale_variation": 1, "truncation": 0,
                "occlusion": index % 4,
            });
            write(
                &root.join("PairAnnotation/test").join(format!("{name}.json")),
                annotation.to_string(),
            );
            list.push_str(&name);
            list.push('\n');
        }
        write(&root.join("Layout/large/test.txt"), list);
        Self { folder }
    }

    /// The folder to give as `--data-root`.
    pub fn data_root(&self) -> &Path {
        self.folder.path()
    }

    /// The arguments that evaluate on it, with `more` of them.
    pub fn evaluation(&self, more: &[&str]) -> Vec<String> {
        let root = self.data_root().to_string_lossy();
        let fixed = ["eval", "--dataset", "spair71k", "--data-root", &root];
        fixed.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    /// A path for a result.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file of a photo.
    pub fn photo(&self, name: &str) -> PathBuf {
        self.folder.path().join("SPair-71k/JPEGImages").join(name)
    }

    /// Turns a photo's pixels so that its EXIF orientation turns them back.
    pub fn turn(&self, name: &str, orientation: u8) {
        let path = self.photo(name);
        let mut image = image::open(&path).expect("a photo");
        // 3 and 6 are turned back by 180 and by 90 degrees.
        image = match orientation {
            3 => image.rotate180(),
            6 => image.rotate270(),
            _ => panic!("no such case"),
        };
        let header = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
        let exif = [&header[..], &[orientation, 0, 0, 0, 0, 0, 0]].concat();
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        image::ImageEncoder::set_exif_metadata(&mut encoder, exif).expect("metadata in a PNG");
        image.write_with_encoder(encoder).expect("a photo");
        fs::write(path, bytes).expect("a written photo");
    }

    /// Writes predictions that hit the first `right[i]` keypoints of pair `i` exactly and miss the
    /// others by far, for as many pairs as `right` has numbers.
    pub fn predictions(&self, name: &str, right: &[usize]) -> PathBuf {
        let line = |(index, right): (usize, &usize)| {
            let place = |(keypoint, target): (usize, &[f64; 2])| match keypoint < *right {
                true => *target,
                false => [62.0, 1.0],
            };
            let predicted: Vec<[f64; 2]> = TARGETS.iter().enumerate().map(place).collect();
            json!({ "index": index, "predicted": predicted }).to_string() + "\n"
        };
        let path = self.path(name);
        write(&path, right.iter().enumerate().map(line).collect::<String>());
        path
    }
}

fn photo(path: &Path) {
    let shade = path.to_string_lossy().bytes().map(u32::from).sum::<u32>();
    let image = image::RgbImage::from_fn(64, 48, |x, y| {
        image::Rgb([(x * 4) as u8, (y * 5) as u8, ((x * y + shade) % 256) as u8])
    });
    fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
    image.save(path).expect("a written photo");
}

fn write(path: &Path, text: String) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
    fs::write(path, text).expect("a written file");
}
