//! Samples of plain photos: each with a warp of itself.

use std::path::Path;

use anyhow::Result;
use rand::{Rng, RngExt};

use crate::data::photo::decode_annotated;
use crate::geometry::{Point, Size};
use crate::train::samples::sample::Sample;
use crate::train::samples::settings::{SampleSettings, in_unit};
use crate::train::samples::warp::Warp;
use crate::visible::Shown;

/// Most points along each side of a warped photo that count as its matches.
const MATCHES: usize = 12;

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
        let matches = warp_matches(&warp, self.grid.size(), &mut rng);
        Ok(Sample { index, name, source, target, flow, valid, matches, objects: [None; 2] })
    }
}

/// Evenly spread points of a warp's source whose match lies inside the target. They are centres of cells: an
/// objective takes the nearest cell for a point's own, which between cells would be the same half cell beside it
/// for all of them.
fn warp_matches(warp: &Warp, grid: Size, rng: &mut impl Rng) -> Vec<(Point, Point)> {
    let step = grid.width.div_ceil(MATCHES);
    let [right, down] = [(); 2].map(|()| rng.random_range(0..step));
    let lines = |first: usize, cells: usize| (first..cells).step_by(step);
    let cells = lines(down, grid.height)
        .flat_map(|row| lines(right, grid.width).map(move |column| (column, row)));
    let found = cells.map(|(column, row)| {
        let source = grid.unit_from_pixel(Point::new(column as f64, row as f64));
        (source, warp.map(source))
    });
    found.filter(|(_, target)| in_unit(*target)).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::train::samples::warp::WarpConfig;

    #[test]
    fn matches_of_a_warp_begin_in_the_middle_of_cells() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for (side, most) in [(24, 12), (30, 10), (8, 8)] {
            let grid = Size::square(side);
            let warp = Warp::draw(&mut rng, &WarpConfig::default());
            let matches = warp_matches(&warp, grid, &mut rng);
            assert!((most..=most * most).contains(&matches.len()), "{}", matches.len());
            for (source, target) in matches {
                let Point { x, y } = grid.pixel_from_unit(source);
                assert!((x - x.round()).hypot(y - y.round()) < 1e-9, "{x}, {y}");
                assert!(in_unit(target) && target == warp.map(source));
            }
        }
    }
}
