//! A small dataset of painted figures in PF-WILLOW's layout: ten spots, each of its own colour, on a
//! body, turned, scaled and moved.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The side of every photo.
const SIDE: u32 = 128;

/// The spots of an upright figure, in parts of its size about its centre.
const SPOTS: [[f64; 2]; 10] = [
    [0.0, -0.9],
    [0.45, -0.6],
    [-0.5, -0.55],
    [0.8, 0.0],
    [0.1, -0.15],
    [-0.8, 0.1],
    [0.5, 0.6],
    [-0.05, 0.45],
    [-0.55, 0.65],
    [0.05, 0.9],
];

/// A dataset on disk.
pub struct Toy {
    folder: tempfile::TempDir,
}

impl Toy {
    /// Draws `train` and `validation` pairs of figures, all different; without validation pairs the
    /// training pairs serve as such.
    pub fn new(train: usize, validation: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("toy");
        fs::create_dir_all(root.join("figures")).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut figures = 0;
        let mut list = |name: &str, pairs: usize| {
            let mut text = "imageA,imageB,points\n".to_owned();
            for _ in 0..pairs {
                text += &draw_pair(&root, &mut figures, &mut rng);
            }
            fs::write(root.join(name), text).unwrap();
        };
        list("train.csv", train);
        list("validation.csv", validation);
        let validation_list = if validation == 0 { "train.csv" } else { "validation.csv" };
        let catalog = format!(
            "[toy]\ntitle = \"Toy\"\nlayout = \"pf-willow\"\nroot = \"toy\"\ndefault_split = \"val\"\n\
             protocol = \"keypoint-box\"\nalphas = [0.1]\ncategories = [\"figures\"]\nsource = \"here\"\n\
             citation = \"none\"\n[toy.splits]\ntrn = \"train.csv\"\nval = \"{validation_list}\"\n"
        );
        fs::write(folder.path().join("datasets.toml"), catalog).unwrap();
        Self { folder }
    }

    /// A path beside the dataset.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of the photos.
    pub fn photos(&self) -> PathBuf {
        self.path("toy/figures")
    }

    /// The flags that name the dataset.
    pub fn flags(&self) -> Vec<String> {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let names = ["--dataset", "toy", "--datasets"].map(str::to_owned);
        let rest = [text(self.path("datasets.toml")), "--data-root".into(), text(self.path(""))];
        names.into_iter().chain(rest).collect()
    }

    /// The arguments of a training run on the dataset, of `tiny` unless the flags say another model or other data.
    pub fn training(&self, output: &Path, flags: &str) -> Vec<String> {
        let say = |names: &[&str]| flags.split_whitespace().any(|word| names.contains(&word));
        let mut words = ["train", "--output", output.to_str().unwrap()].map(str::to_owned).to_vec();
        if !say(&["--model", "--init"]) {
            words.extend(["--model", "tiny"].map(str::to_owned));
        }
        if !say(&["--photos"]) {
            words.extend(self.flags());
        }
        words.extend(flags.split_whitespace().map(str::to_owned));
        words
    }
}

/// Two photos and their row in the list.
fn draw_pair(root: &Path, figures: &mut usize, rng: &mut impl Rng) -> String {
    let body: [u8; 3] = rng.random();
    let sides = [(); 2].map(|()| {
        let name = format!("{figures}.png");
        *figures += 1;
        let (photo, spots) = draw(body, rng);
        photo.save(root.join("figures").join(&name)).unwrap();
        (name, spots)
    });
    let mut row: Vec<String> =
        sides.iter().map(|(name, _)| format!("toy/figures/{name}")).collect();
    for (_, spots) in &sides {
        row.extend(spots.iter().map(|spot| spot[0].to_string()));
        row.extend(spots.iter().map(|spot| spot[1].to_string()));
    }
    row.join(",") + "\n"
}

/// A figure and where its spots are.
fn draw(body: [u8; 3], rng: &mut impl Rng) -> (RgbImage, [[f64; 2]; 10]) {
    let side = f64::from(SIDE);
    let (sine, cosine) = rng.random_range(-0.6_f64..0.6).sin_cos();
    let size = side * rng.random_range(0.28..0.4);
    let centre = [side * rng.random_range(0.42..0.58), side * rng.random_range(0.42..0.58)];
    let place = |[x, y]: [f64; 2]| {
        [centre[0] + size * (cosine * x - sine * y), centre[1] + size * (sine * x + cosine * y)]
    };
    let spots = SPOTS.map(place);
    let ground: [u8; 3] = rng.random();
    let photo = RgbImage::from_fn(SIDE, SIDE, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        let near = |point: [f64; 2]| (x - point[0]).hypot(y - point[1]);
        let spot = spots.iter().position(|&spot| near(spot) < 0.14 * size);
        Rgb(match spot {
            Some(index) => colour(index),
            None if near(centre) < 1.15 * size => body.map(|value| 90 + value / 4),
            None => ground.map(|value| value / 3),
        })
    });
    (photo, spots)
}

/// Ten colours far apart.
fn colour(index: usize) -> [u8; 3] {
    let level = |shift: usize| [0, 128, 255][(index + 3) / 3_usize.pow(shift as u32) % 3];
    [level(0), level(1), [255, 60, 160][index % 3]]
}
