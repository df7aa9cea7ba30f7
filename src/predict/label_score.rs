//! How right carried labels are, where the target's own are known.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::photo::labels::LabelMap;
use crate::geometry::{Point, Size};
use crate::predict::carrier::{Carrier, pixel_at};
use crate::predict::correspondence::Correspondence;
use crate::predict::transferred::digits;

/// How right carried labels are; beside it what labels get that stay at the same place of the photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LabelScore {
    /// Intersection over union on the target's pixels, by label.
    pub iou: IndexMap<String, Parts>,
    /// Its mean over the labels that occur, but 0, the background.
    pub mean_iou: Parts,
    /// LT-ACC of Caltech-101 (Kim et al. 2013): the share of the source's pixels whose match has their label.
    pub label_transfer_accuracy: Parts,
}

/// A measure of what was found, and of what stays.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parts {
    /// Of the matches, 0 to 1.
    pub found: f64,
    /// Of the same place.
    pub unmoved: f64,
}

impl Parts {
    fn new(found: f64, unmoved: f64) -> Self {
        Self { found: digits(found), unmoved: digits(unmoved) }
    }
}

impl LabelScore {
    /// Compares the labels of the source, carried across, with the target's own, which has as many pixels as the
    /// target; none where no label but 0 occurs.
    pub(crate) fn new(
        labels: &LabelMap,
        truth: &LabelMap,
        pair: &Correspondence,
        carrier: &Carrier,
    ) -> Option<Self> {
        let (source, target) = (pair.source, pair.target);
        let carried = carrier.labels(labels);
        let same_place =
            |point: Point, from: Size, to: Size| to.pixel_from_unit(from.unit_from_pixel(point));
        let stayed = labels.rearranged(target, |row, column| {
            pixel_at(same_place(Point::new(column as f64, row as f64), target, source), source)
        });
        let counts = [&carried, &stayed].map(|found| overlaps(found, truth));
        let mut known: Vec<&[u8]> = counts.iter().flat_map(BTreeMap::keys).copied().collect();
        known.sort_unstable();
        known.dedup();
        known.retain(|label| label.iter().any(|byte| *byte != 0));
        let measure = |label: &[u8]| {
            let [found, unmoved] =
                counts.each_ref().map(|counts| counts.get(label).map_or(0.0, Overlap::iou));
            (labels.name(label), Parts::new(found, unmoved))
        };
        let iou: IndexMap<String, Parts> = known.into_iter().map(measure).collect();
        if iou.is_empty() {
            return None;
        }
        let mean = |part: fn(&Parts) -> f64| iou.values().map(part).sum::<f64>() / iou.len() as f64;
        let mean_iou = Parts::new(mean(|iou| iou.found), mean(|iou| iou.unmoved));
        let label_transfer_accuracy = Parts::new(
            transfer_accuracy(labels, truth, &|pixel| pair.transfer(pixel)),
            transfer_accuracy(labels, truth, &|pixel| same_place(pixel, source, target)),
        );
        Some(Self { iou, mean_iou, label_transfer_accuracy })
    }
}

/// Pixels that have a label in both maps, and in either.
#[derive(Clone, Copy, Debug, Default)]
struct Overlap {
    both: usize,
    either: usize,
}

impl Overlap {
    fn iou(&self) -> f64 {
        self.both as f64 / self.either as f64
    }
}

/// By label; pixels that either map calls void are passed over.
fn overlaps<'a>(found_labels: &'a LabelMap, truth: &'a LabelMap) -> BTreeMap<&'a [u8], Overlap> {
    let mut overlaps: BTreeMap<&[u8], Overlap> = BTreeMap::new();
    let Size { height, width } = truth.size;
    for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
        let (found, truth_label) = (found_labels.at(row, column), truth.at(row, column));
        if truth.is_void(truth_label) || found_labels.is_void(found) {
            continue;
        }
        let overlap = overlaps.entry(truth_label).or_default();
        overlap.either += 1;
        if found == truth_label {
            overlap.both += 1;
        } else {
            overlaps.entry(found).or_default().either += 1;
        }
    }
    overlaps
}

/// The share of the source's pixels whose match has their label: the one that has more than half of the bilinear
/// weight there, as Caltech-101's evaluator has it for one object; 0 where none has.
fn transfer_accuracy(
    labels: &LabelMap,
    truth: &LabelMap,
    matched: &(dyn Fn(Point) -> Point + Sync),
) -> f64 {
    let nothing = vec![0; labels.at(0, 0).len()];
    let row = |row: usize| {
        let judged = |column: usize| {
            let own = labels.at(row, column);
            let found = matched(Point::new(column as f64, row as f64));
            let found = heaviest(truth, found).unwrap_or(&nothing);
            (!labels.is_void(own) && !truth.is_void(found)).then_some(found == own)
        };
        let judged = (0..labels.size.width).filter_map(judged);
        judged.fold([0, 0], |[right, all], is_right| [right + usize::from(is_right), all + 1])
    };
    let [right, all] = (0..labels.size.height)
        .into_par_iter()
        .map(row)
        .reduce(|| [0, 0], |a: [usize; 2], b| [a[0] + b[0], a[1] + b[1]]);
    if all == 0 { 0.0 } else { right as f64 / all as f64 }
}

/// The label that has more than half of a position's weight.
fn heaviest(labels: &LabelMap, position: Point) -> Option<&[u8]> {
    let (left, top) = (position.x.floor(), position.y.floor());
    let (along_x, along_y) = (position.x - left, position.y - top);
    let mut weights: Vec<(&[u8], f64)> = Vec::with_capacity(4);
    for (right, down) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
        let (x, y): (f64, f64) = (left + right, top + down);
        let is_inside = (0.0..labels.size.width as f64).contains(&x)
            && (0.0..labels.size.height as f64).contains(&y);
        if !is_inside {
            continue;
        }
        let label = labels.at(y as usize, x as usize);
        let share = |along: f64, second: f64| if second > 0.0 { along } else { 1.0 - along };
        let weight = share(along_x, right) * share(along_y, down);
        match weights.iter_mut().find(|(known, _)| *known == label) {
            Some((_, sum)) => *sum += weight,
            None => weights.push((label, weight)),
        }
    }
    weights.into_iter().find(|(_, weight)| *weight > 0.5).map(|(label, _)| label)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{GrayImage, ImageFormat, Luma};

    use super::*;
    use crate::flow::Flow;

    /// A photo of 8 x 16 pixels with an object of 4 x 4 whose first column is this one.
    fn square(left: u32) -> LabelMap {
        let is_inside = |x: u32, y: u32| (left..left + 4).contains(&x) && (2..6).contains(&y);
        let map = GrayImage::from_fn(16, 8, |x, y| Luma([if is_inside(x, y) { 5 } else { 0 }]));
        let mut bytes = Cursor::new(Vec::new());
        map.write_to(&mut bytes, ImageFormat::Png).unwrap();
        LabelMap::of_png(bytes.get_ref()).unwrap().unwrap()
    }

    /// Four pixels to the right.
    fn pair() -> Correspondence {
        let (size, photo) = (Size::square(8), Size::new(8, 16));
        let flow = |step: f32| Flow::from_channels(size, &[vec![step; 64], vec![0.0; 64]].concat());
        Correspondence::new(flow(2.0).into(), Some(flow(-2.0).into()), [photo; 2])
    }

    #[test]
    fn what_moves_rightly_is_told_apart_from_what_stays() {
        let pair = pair();
        let carrier = Carrier::new(&pair, 0.5).unwrap();
        let score = LabelScore::new(&square(2), &square(6), &pair, &carrier).unwrap();
        assert_eq!(score.iou["5"], Parts { found: 1.0, unmoved: 0.0 });
        assert_eq!(score.mean_iou.found, 1.0);
        // Of 128 pixels 16 of the object and 16 where it now is are wrong if all stay.
        assert_eq!(score.label_transfer_accuracy, Parts { found: 1.0, unmoved: 0.75 });
        let half = LabelScore::new(&square(2), &square(4), &pair, &carrier).unwrap();
        assert_eq!(half.iou["5"], Parts { found: digits(1.0 / 3.0), unmoved: digits(1.0 / 3.0) });
    }

    /// The same with a palette, of which 255 is no label, in the last columns.
    fn void(map: &LabelMap, columns: usize) -> LabelMap {
        let mut encoded = Vec::new();
        let mut encoder = png::Encoder::new(&mut encoded, 16, 8);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(vec![0; 768]);
        let label = |index: usize| {
            if index % 16 >= 16 - columns { 255 } else { map.at(index / 16, index % 16)[0] }
        };
        let pixels: Vec<u8> = (0..128).map(label).collect();
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        LabelMap::of_png(&encoded).unwrap().unwrap()
    }

    #[test]
    fn what_is_void_in_either_map_is_not_judged() {
        let pair = pair();
        let carrier = Carrier::new(&pair, 0.5).unwrap();
        let (source, target) = (void(&square(2), 5), void(&square(6), 1));
        let score = LabelScore::new(&source, &target, &pair, &carrier).unwrap();
        assert_eq!(score.iou.keys().collect::<Vec<_>>(), ["5"]);
        assert_eq!((score.mean_iou.found, score.label_transfer_accuracy.found), (1.0, 1.0));
        assert_eq!(LabelScore::new(&void(&square(2), 16), &target, &pair, &carrier), None);
    }

    #[test]
    fn the_heaviest_label_has_more_than_half() {
        let map = square(2);
        assert_eq!(heaviest(&map, Point::new(1.6, 3.0)), Some(&[5][..]));
        assert_eq!(heaviest(&map, Point::new(1.4, 3.0)), Some(&[0][..]));
        assert_eq!(heaviest(&map, Point::new(1.5, 3.0)), None);
        assert_eq!(heaviest(&map, Point::new(-3.0, f64::NAN)), None);
    }
}
