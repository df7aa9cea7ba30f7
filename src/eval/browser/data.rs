//! What a page's script works with: photos, pairs, and what every system predicted.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use rayon::prelude::*;
use serde::Serialize;

use crate::data::{AnnotatedImage, Difficulty};
use crate::eval::browser::subject::Browser;
use crate::eval::predictions::image_name;
use crate::geometry::Point;
use crate::page;

/// Longer side of a photo in a page, in pixels: enough to see a nose, and few enough for a telephone.
const PHOTO_SIDE: u32 = 512;
const JPEG_QUALITY: u8 = 80;

/// Everything in a page.
#[derive(Debug, Serialize)]
pub(super) struct Data {
    /// The protocol.
    pub protocol: String,
    /// The alphas to choose from, and the position of the first shown.
    pub alphas: Vec<String>,
    pub alpha: usize,
    /// The systems' names.
    pub systems: Vec<String>,
    pub photos: Vec<Photo>,
    pub categories: Vec<String>,
    pub parts: Vec<String>,
    pub pairs: Vec<Entry>,
}

/// A photo: what it is called, its own size in pixels, and a picture of it, or why there is none.
#[derive(Debug, Serialize)]
pub(super) struct Photo {
    name: String,
    width: usize,
    height: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

/// A pair; whole numbers are positions in the lists above.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    index: usize,
    category: usize,
    photos: [usize; 2],
    /// Keypoints of the source and of the target.
    source: Vec<Point>,
    target: Vec<Point>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<usize>,
    /// Grades of viewpoint, scale, truncation and occlusion.
    #[serde(skip_serializing_if = "Option::is_none")]
    difficulty: Option<[u8; 4]>,
    /// Half axes, in target pixels, of the region that alpha 1 allows.
    reach: [f64; 2],
    /// By system: where each keypoint is predicted, and how far off in units of the length.
    predicted: Vec<Vec<Option<Point>>>,
    errors: Vec<Vec<Option<f64>>>,
}

impl Entry {
    /// Its grade of a kind of difficulty, where the dataset says how hard it is.
    pub(super) fn grade(&self, kind: usize) -> Option<u8> {
        self.difficulty.map(|grades| grades[kind])
    }
}

/// Things in the order in which they first come, each once.
#[derive(Default)]
struct Numbered<'a> {
    names: Vec<&'a str>,
    numbers: HashMap<&'a str, usize>,
}

impl<'a> Numbered<'a> {
    fn number(&mut self, name: &'a str) -> usize {
        *self.numbers.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() - 1
        })
    }

    fn owned(&self) -> Vec<String> {
        self.names.iter().map(ToString::to_string).collect()
    }
}

impl Data {
    /// The data of the pairs at some positions.
    pub(super) fn new(browser: &Browser, positions: &[usize]) -> Result<Self> {
        let (mut categories, mut parts) = (Numbered::default(), Numbered::default());
        let mut images: Vec<&AnnotatedImage> = Vec::new();
        let mut numbers: HashMap<&Path, usize> = HashMap::new();
        let mut pairs = Vec::new();
        for &position in positions {
            let pair = &browser.pairs[position];
            let photos = [&pair.source, &pair.target].map(|image| {
                *numbers.entry(&image.path).or_insert_with(|| {
                    images.push(image);
                    images.len() - 1
                })
            });
            let length = browser.protocol.threshold(pair)?;
            let placed = browser.protocol.frame.placed(pair.target.size);
            let kept = |system: usize| browser.kept(system, position);
            let systems = 0..browser.reports.len();
            let predicted = |system: usize| kept(system).map(|kept| kept.predicted.clone());
            let errors = |system: usize| {
                kept(system).and_then(|kept| kept.errors.get(&browser.protocol.name).cloned())
            };
            pairs.push(Entry {
                index: pair.index,
                category: categories.number(&pair.category),
                photos,
                source: pair.source.keypoints.iter().map(rounded).collect(),
                target: pair.target.keypoints.iter().map(rounded).collect(),
                parts: pair.parts.iter().map(|part| parts.number(&part.name)).collect(),
                difficulty: pair.difficulty.map(grades),
                reach: placed.scale.map(|scale| (length / scale * 10.0).round() / 10.0),
                predicted: systems
                    .clone()
                    .map(|system| predicted(system).unwrap_or_default())
                    .collect(),
                errors: systems.map(|system| errors(system).unwrap_or_default()).collect(),
            });
        }
        let scores = browser.reports[0].1.protocol(browser.protocol.name);
        let alphas: Vec<String> =
            scores.map(|scores| scores.overall.keys().cloned().collect()).unwrap_or_default();
        Ok(Self {
            protocol: browser.protocol.name.to_string(),
            alpha: alphas.iter().position(|alpha| alpha == browser.alpha).unwrap_or_default(),
            alphas,
            systems: browser.reports.iter().map(|(name, _)| name.clone()).collect(),
            photos: images.into_par_iter().map(|image| photo(image, browser)).collect(),
            categories: categories.owned(),
            parts: parts.owned(),
            pairs,
        })
    }
}

fn rounded(point: &Point) -> Point {
    let tenths = |value: f64| (value * 10.0).round() / 10.0;
    Point::new(tenths(point.x), tenths(point.y))
}

fn grades(difficulty: Difficulty) -> [u8; 4] {
    let Difficulty { viewpoint, scale, truncation, occlusion } = difficulty;
    [viewpoint, scale, truncation, occlusion]
}

fn photo(image: &AnnotatedImage, browser: &Browser) -> Photo {
    let picture = || -> Result<String> {
        let small = page::fitted(Cow::Owned((browser.decode)(&image.path)?), PHOTO_SIDE);
        Ok(page::address(&page::jpeg(&small, JPEG_QUALITY)?))
    };
    let (picture, trouble) = match picture() {
        Ok(picture) => (Some(picture), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let (width, height) = (image.size.width, image.size.height);
    Photo { name: image_name(&image.path), width, height, picture, trouble }
}
