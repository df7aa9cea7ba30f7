//! Carries what is drawn on the source across to the target: every pixel of the target looks back into the source.

use rayon::prelude::*;

use crate::data::outline::Mask;
use crate::data::photo::labels::LabelMap;
use crate::geometry::{Point, Size};
use crate::predict::annotation::shapes::Carry;
use crate::predict::correspondence::Correspondence;

/// No pixel of the source.
const NOWHERE: u32 = u32::MAX;

/// Carries from source to target.
#[derive(Debug)]
pub(crate) struct Carrier<'a> {
    pair: &'a Correspondence,
    /// From target to source.
    back: Correspondence,
    /// The confidence from which a match counts.
    least: f64,
    /// The number of the source's pixel that each of the target's shows, row by row.
    places: Vec<u32>,
}

impl<'a> Carrier<'a> {
    /// Over matches of at least this confidence; none without the way back.
    pub(crate) fn new(pair: &'a Correspondence, least: f64) -> Option<Self> {
        let back = pair.reversed()?;
        let mut carrier = Self { pair, back, least, places: Vec::new() };
        let mut places = vec![NOWHERE; pair.target.area()];
        places.par_chunks_mut(pair.target.width).enumerate().for_each(|(row, places)| {
            for (column, place) in places.iter_mut().enumerate() {
                let found = carrier.source_of(Point::new(column as f64, row as f64));
                if let Some([row, column]) = found.and_then(|found| pixel_at(found, pair.source)) {
                    *place = (row * pair.source.width + column) as u32;
                }
            }
        });
        carrier.places = places;
        Some(carrier)
    }

    /// Where a pixel position of the target lies in the source, if it lies there and that is certain enough.
    pub(crate) fn source_of(&self, pixel: Point) -> Option<Point> {
        let found = || self.back.transfer(pixel);
        let sure = self.back.confidence(pixel) >= self.least;
        sure.then(found).filter(|found| self.pair.source.contains(*found))
    }

    /// The pixel of the source that one of the target shows.
    fn place(&self, row: usize, column: usize) -> Option<[usize; 2]> {
        let place = self.places[row * self.pair.target.width + column];
        let (place, width) = (place as usize, self.pair.source.width);
        (place != NOWHERE as usize).then(|| [place / width, place % width])
    }

    /// How many of the target's pixels show nothing.
    pub(crate) fn holes(&self) -> usize {
        self.places.iter().filter(|place| **place == NOWHERE).count()
    }

    /// The labels of the source on the target; 0 where nothing is known.
    pub(crate) fn labels(&self, labels: &LabelMap) -> LabelMap {
        labels.rearranged(self.pair.target, |row, column| self.place(row, column))
    }
}

impl Carry for Carrier<'_> {
    fn target(&self) -> Size {
        self.pair.target
    }

    fn mask(&self, mask: &Mask) -> Mask {
        Mask::from_fn(self.pair.target, |row, column| {
            self.place(row, column).is_some_and(|[row, column]| mask.at(row, column))
        })
    }

    fn point(&self, point: Point) -> Option<Point> {
        (self.pair.confidence(point) >= self.least).then(|| self.pair.transfer(point))
    }
}

/// The row and column of the pixel that a position lies in, if it lies in a photo of this size.
pub(crate) fn pixel_at(position: Point, size: Size) -> Option<[usize; 2]> {
    let along =
        |position: f64, side: usize| position.round().clamp(0.0, side as f64 - 1.0) as usize;
    let pixel = || [along(position.y, size.height), along(position.x, size.width)];
    size.contains(position).then(pixel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Flow, Matched};

    /// The target shows the source a quarter of its width further to the right; the way there is as sure as said.
    fn quarter(confidence: f32) -> Correspondence {
        let size = Size::square(8);
        let flow = |part: f32| {
            let values = [vec![8.0 * part; size.area()], vec![0.0; size.area()]].concat();
            let confidence = Some(vec![confidence; size.area()]);
            Matched { confidence, ..Flow::from_channels(size, &values).into() }
        };
        let sizes = [Size::new(4, 8), Size::new(8, 16)];
        Correspondence::new(flow(0.25), Some(flow(-0.25)), sizes)
    }

    #[test]
    fn each_pixel_of_the_target_shows_the_sources_where_it_is_sure() {
        let pair = quarter(0.6);
        let carrier = Carrier::new(&pair, 0.5).unwrap();
        assert_eq!(carrier.place(7, 15), Some([3, 5]));
        assert_eq!(carrier.place(0, 4), Some([0, 0]));
        assert_eq!(carrier.place(0, 3), None, "it lies outside");
        assert_eq!(carrier.source_of(Point::new(3.0, 0.0)), None);
        assert_eq!(carrier.holes(), 8 * 4);
        assert_eq!(carrier.point(Point::new(1.0, 1.0)), Some(Point::new(6.5, 2.5)));
        let mask = carrier.mask(&Mask::from_fn(pair.source, |row, column| row == 3 && column == 0));
        assert_eq!(mask.extent(), Some([[4, 5], [6, 7]]));
        let unsure = Carrier::new(&pair, 0.7).unwrap();
        assert_eq!((unsure.holes(), unsure.point(Point::new(1.0, 1.0))), (8 * 16, None));
        assert!(Carrier::new(&Correspondence { backward: None, ..pair.clone() }, 0.5).is_none());
    }

    #[test]
    fn positions_on_the_rim_belong_to_its_pixels() {
        let size = Size::new(3, 4);
        let at = |x, y| pixel_at(Point::new(x, y), size);
        assert_eq!(at(-0.5, 2.5), Some([2, 0]));
        assert_eq!(at(3.4, 0.4), Some([0, 3]));
        assert_eq!((at(3.6, 0.0), at(0.0, f64::NAN)), (None, None));
    }
}
