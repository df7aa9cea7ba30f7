//! A known flow through the whole of `predict`, down to the files: pixel conventions, read back by
//! readers that know nothing of the writers.

use anyhow::Result;

use crate::data::photo::orientation::Exif;
use crate::flow::{Flow, Matched, Wanted};
use crate::geometry::{Point, Size, Turn};
use crate::inference::FlowNetwork;
use crate::inference::frame::{Frame, Input};
use crate::inside::support::files::{Folder, photo};
use crate::predict::correspondence::Resolution;
use crate::predict::limits::Limits;
use crate::predict::output::Output;
use crate::predict::pair::{Seen, correspond, write};
use crate::predict::photo::Photo;
use crate::predict::plan::Plan;
use crate::predict::product::Kind;
use crate::predict::product::flow::FlowFile;
use crate::predict::product::warp::Warp;
use crate::predict::record::Prediction;

const SOURCE: Size = Size::new(151, 209);
const TARGET: Size = Size::new(320, 117);
const GRID: Size = Size::square(128);
const FLOW: &Kind = &Kind::of::<FlowFile>();
const WARP: &Kind = &Kind::of::<Warp>();

/// The map from the source's unit square to the target's.
fn map(unit: Point) -> Point {
    Point::new(0.1 + 0.7 * unit.x - 0.1 * unit.y, 0.05 + 0.2 * unit.x + 0.6 * unit.y)
}

/// Where a source pixel lies in the target.
fn wanted(x: usize, y: usize) -> Point {
    TARGET.pixel_from_unit(map(SOURCE.unit_from_pixel(Point::new(x as f64, y as f64))))
}

/// A network that always answers with the map.
struct Affine;

impl FlowNetwork for Affine {
    fn input(&self) -> Input {
        Input::stretched(64)
    }

    fn matched(&mut self, pairs: &[(Frame, Frame)], wanted: Wanted) -> Result<Vec<Matched>> {
        assert_eq!(wanted, Wanted::Confidence, "verdicts are made of it");
        let mut flow = Flow::zero(GRID);
        for index in 0..GRID.area() {
            let cell = Point::new((index % GRID.width) as f64, (index / GRID.width) as f64);
            let unit = GRID.unit_from_pixel(cell);
            flow.dx[index] = ((map(unit).x - unit.x) * GRID.width as f64) as f32;
            flow.dy[index] = ((map(unit).y - unit.y) * GRID.height as f64) as f32;
        }
        Ok(vec![flow.into(); pairs.len()])
    }
}

fn predict(folder: &Folder, kind: &'static Kind, name: &str) -> (Prediction, Vec<u8>) {
    let mut network = Affine;
    let read = |name: &str, size: Size| {
        let path = folder.photo(name, size.width as u32, size.height as u32);
        Photo::read(path.as_ref(), Exif::Apply, network.input(), true, &[]).unwrap()
    };
    let (source, target) = (read("source.png", SOURCE), read("target.png", TARGET));
    let plan = Plan {
        annotation: None,
        truth: None,
        judged: false,
        outputs: vec![Output::new(kind, &folder.path(name)).unwrap()],
        keypoints: None,
        resolution: Resolution::Original,
        limits: Limits { min_confidence: Some(0.0), ..Limits::default() },
        drawing: Default::default(),
    };
    let seen = Seen { source: &source, target: &target, turn: Turn::NONE };
    let pairs = correspond(&mut network, &[seen], plan.needs()).unwrap();
    let (prediction, attempts) = write(&pairs[0], &source, &target, &plan);
    attempts.conclude().unwrap();
    (prediction, std::fs::read(folder.path(name)).unwrap())
}

/// Checks a flow given by its value at each pixel. The outermost half cell of the network's grid repeats
/// the rim, so it is left out.
fn check(tolerance: f64, flow: impl Fn(usize, usize) -> [f64; 2]) {
    for y in 2..SOURCE.height - 2 {
        for x in 2..SOURCE.width - 2 {
            let [dx, dy] = flow(x, y);
            let found = Point::new(x as f64 + dx, y as f64 + dy);
            let wanted = wanted(x, y);
            assert!(found.distance(wanted) < tolerance, "({x}, {y}): {found:?}, not {wanted:?}");
        }
    }
}

fn float(bytes: &[u8], index: usize) -> f64 {
    f32::from_le_bytes(bytes[index * 4..index * 4 + 4].try_into().unwrap()).into()
}

#[test]
fn flo_holds_the_map_in_original_pixels() {
    let (_, bytes) = predict(&Folder::new(), FLOW, "flow.flo");
    assert_eq!(float(&bytes, 0), 202_021.25);
    assert_eq!(bytes[4..12], [209, 0, 0, 0, 151, 0, 0, 0]);
    let values = &bytes[12..];
    check(1e-3, |x, y| [0, 1].map(|channel| float(values, (y * SOURCE.width + x) * 2 + channel)));
}

#[test]
fn npy_holds_the_map_in_original_pixels() {
    let (_, bytes) = predict(&Folder::new(), FLOW, "flow.npy");
    let values = &bytes[bytes.len() - SOURCE.area() * 8..];
    let at = |channel: usize, x, y| float(values, channel * SOURCE.area() + y * SOURCE.width + x);
    check(1e-3, |x, y| [at(0, x, y), at(1, x, y)]);
}

#[test]
fn pfm_holds_the_map_from_the_bottom_up() {
    let (_, bytes) = predict(&Folder::new(), FLOW, "flow.pfm");
    let header = b"PF\n209 151\n-1.0\n";
    assert!(bytes.starts_with(header));
    let values = &bytes[header.len()..];
    let pixel = |x: usize, y: usize| ((SOURCE.height - 1 - y) * SOURCE.width + x) * 3;
    check(1e-3, |x, y| [0, 1].map(|channel| float(values, pixel(x, y) + channel)));
}

#[test]
fn kitti_holds_the_map_to_half_a_64th_of_a_pixel() {
    let (prediction, bytes) = predict(&Folder::new(), FLOW, "flow.kitti.png");
    assert_eq!(prediction.files[0].invalid_pixels, 0);
    let picture = image::load_from_memory(&bytes).unwrap();
    let picture = picture.as_rgb16().unwrap();
    check(0.012, |x, y| {
        let [u, v, valid] = picture.get_pixel(x as u32, y as u32).0;
        assert_eq!(valid, 1);
        [u, v].map(|value| (f64::from(value) - 32768.0) / 64.0)
    });
}

#[test]
fn warp_shows_the_target_where_the_map_says() {
    let (_, bytes) = predict(&Folder::new(), WARP, "warp.png");
    let warp = image::load_from_memory(&bytes).unwrap().into_rgba8();
    let target = photo(TARGET.width as u32, TARGET.height as u32);
    assert_eq!(warp.dimensions(), (209, 151));
    for (x, y, pixel) in warp.enumerate_pixels() {
        let at = wanted(x as usize, y as usize);
        assert_eq!(pixel.0[3], 255, "the map stays inside the target");
        let nearest = target.get_pixel(at.x.round() as u32, at.y.round() as u32);
        for channel in 0..3 {
            assert!(pixel.0[channel].abs_diff(nearest.0[channel]) <= 6, "({x}, {y})");
        }
    }
}

#[test]
fn magnitude_is_that_of_the_written_flow() {
    let (prediction, bytes) = predict(&Folder::new(), FLOW, "flow.flo");
    let mut lengths: Vec<f64> = (0..SOURCE.area())
        .map(|index| float(&bytes[12..], index * 2).hypot(float(&bytes[12..], index * 2 + 1)))
        .collect();
    lengths.sort_by(f64::total_cmp);
    let magnitude = f64::from(prediction.magnitude.unwrap());
    let below = lengths.iter().filter(|length| **length <= magnitude).count();
    assert!((below as f64 / lengths.len() as f64 - 0.99).abs() < 1e-3);
}
