//! Samples of plain photos: each with a warp of itself.

use std::path::Path;

use anyhow::Result;
use rand::Rng;

use crate::data::photo::decode_annotated;
use crate::geometry::{Point, Size};
use crate::train::samples::sample::Sample;
use crate::train::samples::settings::{SampleSettings, in_unit};
use crate::train::samples::warp::Warp;
use crate::visible::Shown;

/// Points along each side of a warped photo that count as its matches.
const WARP_POINTS: usize = 6;

impl SampleSettings {
    /// The sample of a photo.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn warped(&self, mut rng: impl Rng, index: usize, path: &Path) -> Result<Sample> {
        let photo = self.resize(&decode_annotated(path, self.exif)?);
        let warp = Warp::draw(&mut rng, &self.warp);
        let (flow, valid) = warp.flow(self.grid.size());
        let source = self.coloured(&mut rng, warp.source(&photo));
        let target = self.coloured(&mut rng, photo);
        let name = format!("warp of {}", path.shown());
        let matches = warp_matches(&warp);
        Ok(Sample { index, name, source, target, flow, valid, matches, objects: [None; 2] })
    }
}

/// Evenly spread points of a warp's source whose match lies inside the target.
fn warp_matches(warp: &Warp) -> Vec<(Point, Point)> {
    let grid = Size::square(WARP_POINTS);
    let point = |index: usize| {
        let cell = Point::new((index % WARP_POINTS) as f64, (index / WARP_POINTS) as f64);
        let source = grid.unit_from_pixel(cell);
        (source, warp.map(source))
    };
    (0..grid.area()).map(point).filter(|(_, target)| in_unit(*target)).collect()
}
