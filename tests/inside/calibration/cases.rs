//! Pairs whose truth is known, made of the cut-outs' validation split: as they are, turned, mirrored, with half
//! of the object or none of it, and of a photo with itself.

use std::path::{Path, PathBuf};

use image::imageops::{crop_imm, flip_horizontal, rotate90, rotate180, rotate270};
use image::{Rgb, RgbImage};
use rand::{Rng, RngExt};
use serde_json::Value;

use crate::data::photo::decode_benchmark;
use crate::geometry::{Point, Size};
use crate::synth::rendered::generator;

/// What a point is an example of, and how much of the fit it makes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Population {
    /// Part of another animal.
    Plain,
    /// The same with the target turned by 90, 180 or 270 degrees.
    Turned,
    /// The same with the target mirrored, left and right exchanged.
    Mirrored,
    /// The same where the target shows half of the animal.
    Half,
    /// Part of an animal, and a target that shows none.
    Nothing,
    /// Ground beside the animal, of which the target shows nothing.
    Ground,
    /// Anything in a photo, and the same photo, whole or cropped.
    Same,
    /// Anything in a photo, and the same photo turned or mirrored.
    SameTurned,
}

impl Population {
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Turned,
        Self::Mirrored,
        Self::Half,
        Self::Nothing,
        Self::Ground,
        Self::Same,
        Self::SameTurned,
    ];

    /// Its share: half is what the tool is for, a tenth each what it must not be fooled by.
    pub fn share(self) -> f64 {
        match self {
            Self::Plain => 0.4,
            Self::Turned | Self::Mirrored | Self::Half | Self::Nothing | Self::Ground => 0.1,
            Self::Same | Self::SameTurned => 0.05,
        }
    }
}

/// A point of the source photo and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub population: Population,
    /// In source pixels.
    pub source: Point,
    /// In target pixels; none where the target does not show it.
    pub target: Option<Point>,
    /// How far from that a right match may lie, in target pixels.
    pub tolerance: f64,
}

/// A pair of photos with known points.
pub struct Case {
    /// The file of the source, which comes up in several cases.
    pub source: PathBuf,
    pub target: RgbImage,
    pub points: Vec<Known>,
}

/// Points drawn of a photo's ground, and of a photo and itself.
const DRAWN: usize = 12;

/// How far from the animal's box its ground begins, in pixels.
const APART: f64 = 12.0;

/// The keypoints of one photo: names, positions, box.
struct Annotated {
    path: PathBuf,
    names: Vec<String>,
    keypoints: Vec<Option<Point>>,
    bounds: [f64; 4],
}

impl Annotated {
    fn read(root: &Path, category: &str, name: &str) -> Self {
        let path = root.join("ImageAnnotation").join(category).join(name).with_extension("json");
        let value = json(&path);
        let number = |value: &Value| value.as_f64().unwrap();
        let names: Vec<String> = value["kps_names"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect();
        let keypoint = |id: usize| {
            let point = value["kps"][id.to_string()].as_array()?;
            Some(Point::new(number(&point[0]), number(&point[1])))
        };
        Self {
            path: root.join("JPEGImages").join(category).join(name),
            keypoints: (0..names.len()).map(keypoint).collect(),
            names,
            bounds: [0, 1, 2, 3].map(|index| number(&value["bndbox"][index])),
        }
    }

    fn side(&self) -> f64 {
        let [left, top, right, bottom] = self.bounds;
        (right - left).max(bottom - top)
    }

    /// Whether a position lies well outside the animal's box.
    fn is_ground(&self, point: Point) -> bool {
        let [left, top, right, bottom] = self.bounds;
        point.x < left - APART
            || point.x > right + APART
            || point.y < top - APART
            || point.y > bottom + APART
    }

    /// The keypoint that keypoint `id` becomes in a mirror.
    fn opposite(&self, id: usize) -> usize {
        let name = &self.names[id];
        let other = match (name.strip_prefix("left"), name.strip_prefix("right")) {
            (Some(rest), _) => format!("right{rest}"),
            (_, Some(rest)) => format!("left{rest}"),
            _ => return id,
        };
        self.names.iter().position(|name| *name == other).unwrap_or(id)
    }
}

/// All cases of one validation pair.
pub fn cases(root: &Path, pair: &Path, number: usize, backgrounds: &[RgbImage]) -> Vec<Case> {
    let value = json(pair);
    let text = |key: &str| value[key].as_str().unwrap();
    let annotated = |key| Annotated::read(root, text("category"), text(key));
    let (source, object) = (annotated("src_imname"), annotated("trg_imname"));
    let photo = decode_benchmark(&source.path).unwrap();
    let other = decode_benchmark(&object.path).unwrap();
    let mut random = generator(0, [7, 7, number]);
    let across = |population, picture: RgbImage, truth: &dyn Fn(usize) -> Truth| Case {
        source: source.path.clone(),
        target: picture,
        points: source
            .keypoints
            .iter()
            .enumerate()
            .filter_map(|(id, point)| {
                let target = match truth(id) {
                    Truth::Unknown => return None,
                    Truth::Absent => None,
                    Truth::At(point) => Some(point),
                };
                let tolerance = 0.1 * object.side();
                Some(Known { population, source: (*point)?, target, tolerance })
            })
            .collect(),
    };
    let at = |id: usize| object.keypoints[id].map_or(Truth::Unknown, Truth::At);
    let mut plain = across(Population::Plain, other.clone(), &at);
    let size = Size::new(photo.height() as usize, photo.width() as usize);
    let mut anywhere = || {
        let [x, y] = [random.random_range(0.0..1.0), random.random_range(0.0..1.0)];
        size.pixel_from_unit(Point::new(x, y))
    };
    let drawn: Vec<Point> = (0..DRAWN).map(|_| anywhere()).collect();
    let ground = drawn.iter().filter(|point| source.is_ground(**point));
    plain.points.extend(ground.map(|point| Known {
        population: Population::Ground,
        source: *point,
        target: None,
        tolerance: 0.0,
    }));

    let turn = Turn::ALL[1 + number % 4];
    let turned = across(
        if turn == Turn::Mirror { Population::Mirrored } else { Population::Turned },
        turn.picture(&other),
        &|id| match at(if turn == Turn::Mirror { object.opposite(id) } else { id }) {
            Truth::At(point) => Truth::At(turn.point(point, &other)),
            unknown => unknown,
        },
    );

    let window = half(&object.bounds, &other, number / 4);
    let [left, top, width, height] = window;
    let part = crop_imm(&other, left, top, width, height).to_image();
    let halved = across(Population::Half, part, &|id| match at(id) {
        Truth::At(point) => {
            let moved = Point::new(point.x - f64::from(left), point.y - f64::from(top));
            let inside = |value: f64, side: u32| (0.0..f64::from(side)).contains(&value);
            match inside(moved.x, width) && inside(moved.y, height) {
                true => Truth::At(moved),
                false => Truth::Absent,
            }
        }
        unknown => unknown,
    });

    let empty = across(Population::Nothing, empty(backgrounds, number), &|_| Truth::Absent);

    // The photo and itself.
    let turn = Turn::ALL[number % 5];
    let (picture, moved): (RgbImage, Box<dyn Fn(Point) -> Point>) = if turn == Turn::None {
        let [left, top] = [photo.width() / 8, photo.height() / 10];
        let part = crop_imm(&photo, left, top, photo.width() - left, photo.height() - top);
        let shift = Point::new(f64::from(left), f64::from(top));
        (part.to_image(), Box::new(move |point| Point::new(point.x - shift.x, point.y - shift.y)))
    } else {
        let photo = photo.clone();
        (turn.picture(&photo), Box::new(move |point| turn.point(point, &photo)))
    };
    let side = f64::from(picture.width().max(picture.height()));
    let population = if turn == Turn::None { Population::Same } else { Population::SameTurned };
    let same = |point: &Point| Known {
        population,
        source: *point,
        target: Some(moved(*point)),
        tolerance: 0.1 * side,
    };
    let points = drawn.iter().map(same).collect();
    let same = Case { source: source.path.clone(), target: picture, points };
    vec![plain, turned, halved, empty, same]
}

/// Where a keypoint lies in a target.
enum Truth {
    Unknown,
    Absent,
    At(Point),
}

/// How a target is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    None,
    Quarter,
    Half,
    ThreeQuarters,
    Mirror,
}

impl Turn {
    const ALL: [Self; 5] =
        [Self::None, Self::Quarter, Self::Half, Self::ThreeQuarters, Self::Mirror];

    fn picture(self, photo: &RgbImage) -> RgbImage {
        match self {
            Self::None => photo.clone(),
            Self::Quarter => rotate90(photo),
            Self::Half => rotate180(photo),
            Self::ThreeQuarters => rotate270(photo),
            Self::Mirror => flip_horizontal(photo),
        }
    }

    /// Where a position of the photo lies in its picture.
    fn point(self, point: Point, photo: &RgbImage) -> Point {
        let [right, bottom] = [photo.width(), photo.height()].map(|side| f64::from(side) - 1.0);
        match self {
            Self::None => point,
            Self::Quarter => Point::new(bottom - point.y, point.x),
            Self::Half => Point::new(right - point.x, bottom - point.y),
            Self::ThreeQuarters => Point::new(point.y, right - point.x),
            Self::Mirror => Point::new(right - point.x, point.y),
        }
    }
}

/// The left, right, upper or lower half of a photo, cut through the middle of the animal.
fn half(bounds: &[f64; 4], photo: &RgbImage, which: usize) -> [u32; 4] {
    let [left, top, right, bottom] = *bounds;
    let (width, height) = photo.dimensions();
    let x = (((left + right) / 2.0) as u32).clamp(16, width - 16);
    let y = (((top + bottom) / 2.0) as u32).clamp(16, height - 16);
    match which % 4 {
        0 => [0, 0, x, height],
        1 => [x, 0, width - x, height],
        2 => [0, 0, width, y],
        _ => [0, y, width, height - y],
    }
}

/// A picture of no animal: part of a background, or one grey.
fn empty(backgrounds: &[RgbImage], number: usize) -> RgbImage {
    if number.is_multiple_of(4) {
        return RgbImage::from_pixel(400, 300, Rgb([128; 3]));
    }
    let mut random = generator(0, [7, 8, number]);
    let background = &backgrounds[number % backgrounds.len()];
    let side = random.random_range(200..400).min(background.width()).min(background.height());
    let mut start = |whole: u32| random.next_u32() % (whole - side + 1);
    let (left, top) = (start(background.width()), start(background.height()));
    crop_imm(background, left, top, side, side).to_image()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
