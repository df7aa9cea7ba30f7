//! What says where the parts of a source lie in its target, where it is more than a list of keypoints.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};

use crate::data::flo;
use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::visible::Shown;

/// The largest displacement that is one; larger ones, and what is no number, stand for "unknown".
const LARGEST: f32 = 1e9;

/// About how many pixels of a flow are drawn in its stead.
const DRAWN: usize = 30;

/// What kind of truth a layout's annotations hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TruthKind {
    /// Keypoints that are the same part in both photos.
    Keypoints,
    /// A flow from the source to the target: every pixel that has a counterpart is measured.
    Flow,
    /// Outlines of the object in both photos: every pixel of the source is measured.
    Outlines,
}

impl TruthKind {
    /// It in a word, of which there are several.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Keypoints => "keypoints",
            Self::Flow => "flows",
            Self::Outlines => "outlines",
        }
    }
}

/// What a pair is measured by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Truth {
    /// The keypoints of its photos.
    Keypoints,
    /// A flow; the keypoints are a few of its pixels, evenly spread, for pictures.
    Flow(TrueFlow),
    /// Outlines of the object; the keypoints are their corners, which do not correspond.
    Outlines,
}

/// A true flow in its file: a dataset of them has a hundred million pixels, so they are read when they are needed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrueFlow {
    /// The file, in Middlebury's format, on the pixels of the source and in pixels of the target.
    pub file: PathBuf,
    /// How many pixels have a counterpart.
    pub pixels: usize,
    /// SHA-256 of size and displacements, in which all that is unknown is alike.
    pub digest: [u8; 32],
}

impl TrueFlow {
    /// What is in a file.
    pub(crate) fn new(file: &Path, flow: &Flow) -> Self {
        let mut hash = Sha256::new();
        hash.update((flow.size.height as u64).to_le_bytes());
        let mut pixels = 0;
        for (dx, dy) in flow.dx.iter().zip(&flow.dy) {
            let known = is_known(*dx, *dy);
            pixels += usize::from(known);
            let [dx, dy] = if known { [*dx, *dy] } else { [f32::INFINITY; 2] };
            hash.update([dx.to_le_bytes(), dy.to_le_bytes()].concat());
        }
        Self { file: file.to_owned(), pixels, digest: hash.finalize().into() }
    }

    /// The pixels that have a counterpart, row by row, and where that lies in the target.
    ///
    /// # Errors
    /// When the file can no longer be read, or holds another flow by now.
    pub(crate) fn points(&self) -> Result<Vec<(Point, Point)>> {
        let points = known(&flo::read(&self.file)?);
        ensure!(
            points.len() == self.pixels,
            "the true flow `{}` has changed since it was first read",
            self.file.shown()
        );
        Ok(points)
    }
}

fn is_known(dx: f32, dy: f32) -> bool {
    dx.abs() <= LARGEST && dy.abs() <= LARGEST
}

/// The pixels whose displacement a flow knows, row by row, and where they lead.
pub(crate) fn known(flow: &Flow) -> Vec<(Point, Point)> {
    let Size { width, .. } = flow.size;
    let led = |(index, (dx, dy)): (usize, (&f32, &f32))| {
        let pixel = Point::new((index % width) as f64, (index / width) as f64);
        let step = Point::new(f64::from(*dx), f64::from(*dy));
        is_known(*dx, *dy).then(|| (pixel, Point::new(pixel.x + step.x, pixel.y + step.y)))
    };
    flow.dx.iter().zip(&flow.dy).enumerate().filter_map(led).collect()
}

/// A few of a flow's pixels on an even lattice, [`DRAWN`] at most, and where they lead.
pub(crate) fn drawn(points: &[(Point, Point)]) -> Vec<(Point, Point)> {
    let on_lattice = |stride: usize| -> Vec<(Point, Point)> {
        let is_on = |position: f64| position as usize % stride == stride / 2;
        points.iter().filter(|(pixel, _)| is_on(pixel.x) && is_on(pixel.y)).copied().collect()
    };
    let densest = f64::sqrt(points.len() as f64 / DRAWN as f64).ceil().max(1.0) as usize;
    let chosen = (densest..).map(on_lattice).find(|chosen| chosen.len() <= DRAWN);
    match chosen {
        Some(chosen) if !chosen.is_empty() => chosen,
        // Thin shapes may lie between the lattice's lines.
        _ => points.get(points.len() / 2).copied().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_or_too_large_is_unknown() {
        let unknown = [f32::NAN, f32::INFINITY, 1e10, -1.1e9];
        let dx = [&[1.0, -1e9][..], &unknown].concat();
        let flow = Flow { size: Size::new(2, 3), dx, dy: vec![0.5; 6] };
        let far = Point::new(1.0 - 1e9, 0.5);
        let wanted = [(0.0, Point::new(1.0, 0.5)), (1.0, far)];
        assert_eq!(known(&flow), wanted.map(|(x, led)| (Point::new(x, 0.0), led)));
        let digest = |flow: &Flow| TrueFlow::new(Path::new("a.flo"), flow).digest;
        let mut other = flow.clone();
        (other.dx[3], other.dy[3]) = (1e10, f32::NAN);
        assert_eq!(digest(&flow), digest(&other));
        other.dy[0] = 0.25;
        assert_ne!(digest(&flow), digest(&other));
    }

    #[test]
    fn few_pixels_stand_for_many_and_all_for_few() {
        let all = known(&Flow::zero(Size::new(60, 80)));
        let few = drawn(&all);
        assert!((15..=DRAWN).contains(&few.len()), "{few:?}");
        let columns: std::collections::BTreeSet<u64> =
            few.iter().map(|(pixel, _)| pixel.x as u64).collect();
        assert!(columns.len() >= 4, "{columns:?}");
        assert_eq!(drawn(&all[..7]), all[..7]);
        // One column of ten thousand pixels between the lattice's lines.
        let column: Vec<(Point, Point)> =
            (0..10_000).map(|y| (Point::new(0.0, f64::from(y)), Point::default())).collect();
        assert!((1..=DRAWN).contains(&drawn(&column).len()));
        assert_eq!(drawn(&[]), []);
    }
}
