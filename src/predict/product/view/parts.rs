//! What the page is told of a pair, as JSON: numbers in base64, the large ones compressed.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::RgbImage;
use rayon::prelude::*;
use serde::Serialize;

use crate::flow::Matched;
use crate::geometry::{Point, Size};
use crate::inference::placement::Placement;
use crate::inference::similarity::Similarity;
use crate::page;
use crate::predict::context::Context;
use crate::predict::correspondence::Correspondence;
use crate::predict::format::wheel;
use crate::predict::photo::Photo;
use crate::predict::product::matches::shown::surest;
use crate::predict::transferred::TransferredKeypoints;
use crate::predict::turning;
use crate::predict::verdict::Verdict;
use crate::visible::Shown;

/// How much a page shows.
#[derive(Debug)]
pub(super) struct Detail {
    /// Longer side of the shown photos, in pixels.
    side: u32,
    /// Bytes of each.
    most_bytes: usize,
    /// Rows and columns of the cells whose similarities it knows.
    most_cells: usize,
}

/// Sharp on a large screen, below three megabytes in all.
pub(super) const LARGE: Detail = Detail { side: 1440, most_bytes: 800_000, most_cells: usize::MAX };
/// For reports that hold a dozen such pages, and are still to be mailed.
pub(super) const SMALL: Detail = Detail { side: 640, most_bytes: 100_000, most_cells: 24 };

/// Qualities of the shown photos, 1 to 100: the first at which a photo takes no more than its bytes.
const JPEG_QUALITIES: [u8; 4] = [85, 75, 60, 40];
/// Rows and columns on which matches are stored that follow a rule of their own instead of a flow.
const RULE_SIDE: usize = 128;

/// Everything the page shows.
#[derive(Debug, Serialize)]
pub(super) struct Parts {
    /// The source photo.
    pub source: Picture,
    /// The target photo.
    pub target: Picture,
    /// Source to target.
    forward: Field,
    /// Target to source.
    backward: Option<Field>,
    similarity: Option<SimilarityMap>,
    keypoints: Option<Keypoints>,
    /// The place of the source that is shown at first: the surest of those that have something to see.
    start: Option<Point>,
    /// The confidence from which a match counts.
    threshold: f64,
    /// The colours of directions, see [`wheel`].
    wheel: Vec<[f32; 3]>,
    /// The least displacement that full colours stand for, as a part of the photo.
    flow_floor: f32,
    /// What the photos have in common, in words.
    #[serde(skip)]
    pub verdict: Option<String>,
}

/// A photo to be shown.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    /// Its file's name.
    pub name: String,
    /// Its own width, which all positions count in.
    pub width: usize,
    /// Its own height.
    pub height: usize,
    /// It, smaller perhaps, as a `data:` address.
    #[serde(skip)]
    pub address: String,
}

/// Where everything of one photo lies in the other, bilinear between the centres of a grid's cells.
#[derive(Debug, Serialize)]
struct Field {
    width: usize,
    height: usize,
    /// By how much each cell's point moves between the unit squares: x and y of each cell, float32.
    steps: String,
    /// How far each cell's match can be trusted, 0 to 255.
    confidence: String,
}

/// How well each cell of the source matches each of the target, in the network's squares.
#[derive(Debug, Serialize)]
struct SimilarityMap {
    /// Rows, and columns, of the cells of source and target.
    sides: [usize; 2],
    /// The photos in the squares: left, top, width, height.
    places: [[f64; 4]; 2],
    /// A byte for each target cell of each source cell, in zlib's format.
    values: String,
}

/// Keypoints in both photos, in their pixels.
#[derive(Debug, Serialize)]
struct Keypoints {
    source: Vec<Point>,
    target: Vec<Point>,
    confidence: Vec<f64>,
    truth: Option<Vec<Point>>,
    /// Distances from the truth, in target pixels.
    distance: Option<Vec<f64>>,
}

impl Parts {
    /// What is known of a pair.
    ///
    /// # Errors
    /// When the photos were not kept, or cannot be encoded.
    pub(super) fn new(context: &Context, detail: &Detail) -> Result<Self> {
        let pair = context.pair;
        let picture = |photo| Picture::new(photo, detail);
        let (source, target) = rayon::join(|| picture(context.source), || picture(context.target));
        let similarity = pair.similarity.as_ref();
        let similarity = similarity.map(|similarity| similarity.coarser(detail.most_cells));
        Ok(Self {
            source: source?,
            target: target?,
            forward: Field::new(pair),
            backward: pair.reversed().as_ref().map(Field::new),
            similarity: similarity.as_deref().map(SimilarityMap::new).transpose()?,
            keypoints: context.keypoints.map(Keypoints::new),
            start: surest(context)?,
            threshold: context.limits.threshold(),
            wheel: wheel::colours(),
            flow_floor: wheel::FLOOR,
            verdict: in_words(context),
        })
    }

    /// Whether there are keypoints to show.
    pub(super) fn has_keypoints(&self) -> bool {
        self.keypoints.is_some()
    }
}

impl Picture {
    fn new(photo: &Photo, detail: &Detail) -> Result<Self> {
        let pixels = photo.pixels()?;
        let name = photo.path.file_name().unwrap_or(photo.path.as_os_str());
        Ok(Self {
            name: Path::new(name).shown(),
            width: photo.size.width,
            height: photo.size.height,
            address: address(pixels, detail)?,
        })
    }
}

/// What is to be said of a pair.
fn in_words(context: &Context) -> Option<String> {
    let verdict = context.verdict().map(Verdict::in_words);
    let turn = turning::in_words(context.pair.turns[1]);
    let said: Vec<String> = turn.into_iter().chain(verdict).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// A photo, made smaller where it is large, as a `data:` address.
fn address(pixels: &RgbImage, detail: &Detail) -> Result<String> {
    let small = page::fitted(Cow::Borrowed(pixels), detail.side);
    let mut jpeg = Vec::new();
    for quality in JPEG_QUALITIES {
        jpeg = page::jpeg(&small, quality)?;
        if jpeg.len() <= detail.most_bytes {
            break;
        }
    }
    Ok(page::address(&jpeg))
}

impl Field {
    fn new(pair: &Correspondence) -> Self {
        let grid = grid(&pair.forward);
        let cells: Vec<(Point, f64)> = (0..grid.area())
            .into_par_iter()
            .map(|index| {
                let cell = Point::new((index % grid.width) as f64, (index / grid.width) as f64);
                let from = grid.unit_from_pixel(cell);
                let pixel = pair.source.pixel_from_unit(from);
                let to = pair.target.unit_from_pixel(pair.transfer(pixel));
                (Point::new(to.x - from.x, to.y - from.y), pair.confidence(pixel))
            })
            .collect();
        let steps = cells.iter().flat_map(|(step, _)| [step.x as f32, step.y as f32]);
        let steps: Vec<u8> = steps.flat_map(f32::to_le_bytes).collect();
        let confidence: Vec<u8> =
            cells.iter().map(|(_, confidence)| (confidence * 255.0).round() as u8).collect();
        Self {
            width: grid.width,
            height: grid.height,
            steps: STANDARD.encode(steps),
            confidence: STANDARD.encode(confidence),
        }
    }
}

/// The grid between whose cells the page interpolates as the program does: the flow's own.
fn grid(matched: &Matched) -> Size {
    match &matched.points {
        None => matched.flow.size,
        Some(_) => Size::square(RULE_SIDE),
    }
}

impl SimilarityMap {
    fn new(similarity: &Similarity) -> Result<Self> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&similarity.values)?;
        let place = |Placement { left, top, width, height }: Placement| [left, top, width, height];
        Ok(Self {
            sides: similarity.sides,
            places: similarity.placements.map(place),
            values: STANDARD.encode(encoder.finish()?),
        })
    }
}

impl Keypoints {
    fn new(keypoints: &TransferredKeypoints) -> Self {
        Self {
            source: keypoints.source.clone(),
            target: keypoints.target.clone(),
            confidence: keypoints.confidence.clone(),
            truth: keypoints.truth.clone(),
            distance: keypoints.score.as_ref().map(|score| score.distance.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_worst_of_photos_stays_small() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let noise = RgbImage::from_fn(2000, 1500, |_, _| image::Rgb(rng.random()));
        let address = address(&noise, &LARGE).unwrap();
        assert!(address.len() < 1_400_000, "{}", address.len());
        let encoded = address.strip_prefix("data:image/jpeg;base64,").unwrap();
        let picture = image::load_from_memory(&STANDARD.decode(encoded).unwrap()).unwrap();
        assert_eq!((picture.width(), picture.height()), (1440, 1080));
    }

    #[test]
    fn names_that_would_end_the_script_do_not() {
        let picture = |name: &str| Picture {
            name: Path::new(name).shown(),
            width: 4,
            height: 3,
            address: "data:,".into(),
        };
        let field =
            || Field { width: 1, height: 1, steps: String::new(), confidence: String::new() };
        let parts = Parts {
            source: picture("</script><script>alert(1)</script>.png"),
            target: picture("\u{1b}[31m\".png"),
            forward: field(),
            backward: None,
            similarity: None,
            keypoints: None,
            start: None,
            threshold: 0.15,
            wheel: Vec::new(),
            flow_floor: 0.1,
            verdict: None,
        };
        let page = super::super::page::page(&parts).unwrap();
        assert_eq!(page.matches("<script").count(), 2);
        assert!(!page.contains("alert(1)</script>") && !page.contains('\u{1b}'));
    }
}
