//! Keypoint transfer and PCK against the reference's own numbers, on its artificial flows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::data::truth::Truth;
use crate::data::{AnnotatedImage, Pair};
use crate::eval::column::Column;
use crate::eval::pck::{Measured, Rounding};
use crate::eval::predictions::Prediction;
use crate::eval::protocol::Protocol;
use crate::eval::protocol::rules::{MeasureFrame, Ties};
use crate::eval::summary::score;
use crate::eval::transfer::{PAPER_FRAME_SIDE, transfer_in_frame};
use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::inside::shared_data;

const SPLITS: [(&str, &str); 6] = [
    ("spair_trn", "spair71k"),
    ("spair_val", "spair71k"),
    ("pfpascal_trn", "pf-pascal"),
    ("pfpascal_val", "pf-pascal"),
    ("pfpascal_test", "pf-pascal"),
    ("pfwillow_test", "pf-willow"),
];

const ALPHAS: [f64; 3] = [0.05, 0.1, 0.15];

/// Numbers by alpha, as the golden files write it.
type ByAlpha = BTreeMap<String, f64>;

#[derive(Deserialize)]
struct LoaderFile {
    pairs: Vec<LoaderPair>,
}

#[derive(Deserialize)]
struct LoaderPair {
    index: usize,
    category: String,
    src_imsize_wh: [usize; 2],
    trg_imsize_wh: [usize; 2],
    src_kps: [Vec<f64>; 2],
    trg_kps: [Vec<f64>; 2],
    src_bbox: Option<[f64; 4]>,
    trg_bbox: Option<[f64; 4]>,
    #[serde(default)]
    flip: u8,
}

#[derive(Deserialize)]
struct TransferFile {
    feature_size: usize,
    batch: Batch,
    pairs: Vec<TransferPair>,
}

#[derive(Deserialize)]
struct Batch {
    official_mean_pck: BTreeMap<String, ByAlpha>,
    own: BTreeMap<String, OwnMeans>,
}

#[derive(Deserialize)]
struct OwnMeans {
    per_image_mean_pck: ByAlpha,
    per_keypoint_mean_pck: ByAlpha,
}

#[derive(Deserialize)]
struct TransferPair {
    index: usize,
    flow: FlowFormula,
    flow_check: Vec<[f64; 4]>,
    pred_kps_512: [Vec<f64>; 2],
    dist_512: Vec<f64>,
    dist_orig: Vec<f64>,
    pckthres: BTreeMap<String, f64>,
    official_pck: BTreeMap<String, ByAlpha>,
    own: BTreeMap<String, OwnCounts>,
}

#[derive(Deserialize)]
struct OwnCounts {
    thres: f64,
    n_correct: [usize; 3],
}

#[derive(Deserialize)]
struct FlowFormula {
    dx: Wave,
    dy: Wave,
}

#[derive(Deserialize)]
struct Wave {
    ax: f64,
    ay: f64,
    a0: f64,
    amp: f64,
    fx: f64,
    fy: f64,
    ph: f64,
}

impl Wave {
    fn at(&self, x: f64, y: f64) -> f32 {
        let phase = std::f64::consts::TAU * (self.fx * x + self.fy * y) / 128.0 + self.ph;
        (self.ax * x + self.ay * y + self.a0 + self.amp * phase.sin()) as f32
    }
}

impl FlowFormula {
    fn on_grid(&self, side: usize) -> Flow {
        let mut flow = Flow::zero(Size::square(side));
        for index in 0..side * side {
            let (x, y) = ((index % side) as f64, (index / side) as f64);
            flow.dx[index] = self.dx.at(x, y);
            flow.dy[index] = self.dy.at(x, y);
        }
        flow
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> T {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_reader(BufReader::new(file)).expect("golden JSON")
}

fn points([xs, ys]: &[Vec<f64>; 2]) -> Vec<Point> {
    xs.iter().zip(ys).map(|(&x, &y)| Point::new(x, y)).collect()
}

/// The pair in original pixels, as a dataset reader gives it: undone are the stretching to the 512
/// frame and the flip.
fn pair(golden: &LoaderPair) -> Pair {
    let mirrored = golden.flip == 1;
    let image = |name: &str, [width, height]: [usize; 2], keypoints, bounds: Option<[f64; 4]>| {
        let size = Size::new(height, width);
        let original = |point: Point| {
            let x = if mirrored { 512.0 - point.x } else { point.x };
            let point =
                MeasureFrame::Paper512.placed(size).original_from_frame(Point::new(x, point.y));
            // The golden values are 32-bit; annotations have few decimals or lie off any limit.
            let round = |position: f64| (position * 1e4).round() / 1e4;
            Point::new(round(point.x), round(point.y))
        };
        let bounding_box = bounds.map(|[x1, y1, x2, y2]| {
            let (first, second) = (original(Point::new(x1, y1)), original(Point::new(x2, y2)));
            [first.x.min(second.x), first.y, first.x.max(second.x), second.y].into()
        });
        let keypoints = points(keypoints).into_iter().map(original).collect();
        AnnotatedImage { path: name.into(), size, keypoints, bounding_box }
    };
    Pair {
        index: golden.index,
        category: golden.category.clone(),
        source: image("source", golden.src_imsize_wh, &golden.src_kps, golden.src_bbox),
        target: image("target", golden.trg_imsize_wh, &golden.trg_kps, golden.trg_bbox),
        parts: Vec::new(),
        difficulty: None,
        truth: Truth::Keypoints,
        mirrored,
    }
}

/// The reference's predictions as another system would store them: in original target pixels.
fn stored_prediction(pair: &Pair, golden: &TransferPair) -> Prediction {
    let original = |point: Point| {
        let x = if pair.mirrored { 512.0 - point.x } else { point.x };
        MeasureFrame::Paper512.placed(pair.target.size).original_from_frame(Point::new(x, point.y))
    };
    let count = pair.target.keypoints.len();
    let points = points(&golden.pred_kps_512).into_iter().take(count).map(original).collect();
    Prediction::new(pair.index, points)
}

fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found} is not {expected}");
}

struct Case {
    name: &'static str,
    layout: &'static str,
    pairs: Vec<Pair>,
    flows: Vec<Flow>,
    loader: LoaderFile,
    transfer: TransferFile,
}

fn protocol(name: &str, layout: &str) -> Protocol {
    Protocol::for_layout(name.parse().unwrap(), layout.parse().unwrap()).unwrap()
}

/// The golden splits; none where the golden folder is not there.
fn cases() -> Vec<Case> {
    let Some(golden) = shared_data::golden() else { return Vec::new() };
    let case = |(name, layout): (&'static str, &'static str)| {
        let folder = golden.join("datasets");
        let loader: LoaderFile = read(&folder.join(format!("{name}.json")));
        let transfer: TransferFile = read(&folder.join(format!("transfer_{name}.json")));
        let indices = |index: usize, other: usize| assert_eq!(index, other, "{name}");
        loader.pairs.iter().zip(&transfer.pairs).for_each(|(a, b)| indices(a.index, b.index));
        Case {
            name,
            layout,
            pairs: loader.pairs.iter().map(pair).collect(),
            flows: transfer.pairs.iter().map(|p| p.flow.on_grid(transfer.feature_size)).collect(),
            loader,
            transfer,
        }
    };
    SPLITS.into_iter().map(case).collect()
}

#[test]
fn keypoints_move_as_in_the_reference() {
    let mut compared = 0;
    for case in cases() {
        for ((golden, loaded), flow) in
            case.transfer.pairs.iter().zip(&case.loader.pairs).zip(&case.flows)
        {
            for &[row, column, dx, dy] in &golden.flow_check {
                let step = flow.at(row as usize, column as usize);
                assert!(step.distance(Point::new(dx, dy)) < 1e-4, "{}: {step:?}", case.name);
            }
            let sources = points(&loaded.src_kps);
            for (source, expected) in sources.into_iter().zip(points(&golden.pred_kps_512)) {
                let found = transfer_in_frame(source, PAPER_FRAME_SIDE, &flow.clone().into());
                let distance = found.distance(expected);
                assert!(distance < 1e-3, "{} {}: {found:?}, {expected:?}", case.name, golden.index);
                compared += 1;
            }
        }
    }
    println!("{compared} keypoints compared");
}

#[test]
fn flows_scored_by_paper_protocols_give_the_reference_pck() {
    for case in cases() {
        let predictions: Vec<Prediction> = case
            .pairs
            .iter()
            .zip(&case.flows)
            .map(|(pair, flow)| Prediction::of(pair, &flow.clone().into(), &[]).unwrap())
            .collect();
        for (name, mode, own) in [
            ("paper", "bbox", ["src_box_512", "trgkps_padded_512"]),
            ("paper-image", "img", ["img_512", "img_512"]),
        ] {
            let protocol = protocol(name, case.layout);
            let own = own[usize::from(case.layout == "pf-willow")];
            let evaluation = score(&case.pairs, &predictions, &[protocol], &ALPHAS).unwrap();
            let scores = &evaluation.protocols[0];
            for (measured, golden) in scores.measured.iter().zip(&case.transfer.pairs) {
                let what = format!("{} pair {} {name}", case.name, golden.index);
                assert_close(measured.threshold, golden.pckthres[mode], 1e-3, &what);
                for (found, expected) in measured.distances.iter().zip(&golden.dist_512) {
                    assert_close(*found, *expected, 1e-3, &what);
                }
                let counts = ALPHAS.map(|alpha| measured.correct(alpha));
                assert_eq!(counts, golden.own[own].n_correct, "{what}");
                for alpha in ALPHAS {
                    let expected = golden.official_pck[mode][&alpha.to_string()];
                    assert_close(
                        measured.percent(Column::Pck(alpha)).unwrap(),
                        expected,
                        1e-6,
                        &what,
                    );
                }
            }
            for (alpha, pck) in &scores.overall {
                let what = format!("{} {name} at {alpha}", case.name);
                assert_close(*pck, case.transfer.batch.official_mean_pck[mode][alpha], 1e-6, &what);
            }
        }
    }
}

#[test]
fn stored_predictions_give_the_counts_of_every_convention() {
    for case in cases() {
        let golden_pairs = &case.transfer.pairs;
        let both = case.pairs.iter().zip(golden_pairs);
        let predictions: Vec<_> =
            both.map(|(pair, golden)| stored_prediction(pair, golden)).collect();
        let conventions: &[(&str, &str)] = match case.layout {
            "pf-willow" => &[
                ("paper", "trgkps_padded_512"),
                ("paper-image", "img_512"),
                ("image", "img_orig"),
                ("keypoint-box", "trgkps_valid_orig"),
            ],
            _ => &[
                ("paper", "src_box_512"),
                ("paper-image", "img_512"),
                ("image", "img_orig"),
                ("standard", "trg_box_orig"),
                ("per-keypoint", "trg_box_orig"),
            ],
        };
        for &(name, convention) in conventions {
            let protocol = protocol(name, case.layout);
            let evaluation = score(&case.pairs, &predictions, &[protocol], &ALPHAS).unwrap();
            let scores = &evaluation.protocols[0];
            for (measured, golden) in scores.measured.iter().zip(golden_pairs) {
                let what = format!("{} pair {} {name}", case.name, golden.index);
                assert_close(measured.threshold, golden.own[convention].thres, 1e-3, &what);
                if protocol.frame == MeasureFrame::TargetOriginal {
                    for (found, expected) in measured.distances.iter().zip(&golden.dist_orig) {
                        assert_close(*found, *expected, 1e-3, &what);
                    }
                }
                let counts = ALPHAS.map(|alpha| measured.correct(alpha));
                assert_eq!(counts, golden.own[convention].n_correct, "{what}");
            }
            let means = &case.transfer.batch.own[convention];
            let means = match name {
                "per-keypoint" => &means.per_keypoint_mean_pck,
                _ => &means.per_image_mean_pck,
            };
            for (alpha, pck) in &scores.overall {
                assert_close(*pck, means[alpha], 1e-6, &format!("{} {name} at {alpha}", case.name));
            }
        }
    }
}

#[derive(Deserialize)]
struct EdgeCases {
    flow2kps: Vec<TransferCase>,
    flow2kps_impulse: ImpulseCase,
    evaluator: Vec<EvaluatorCase>,
}

#[derive(Deserialize)]
struct TransferCase {
    flow: FlowFormula,
    kps_512: [Vec<f64>; 2],
    n_pts: usize,
    pred_512: [Vec<f64>; 2],
}

#[derive(Deserialize)]
struct ImpulseCase {
    nonzero_cells: Vec<(String, usize, usize, f32)>,
    kps_512: [Vec<f64>; 2],
    pred_512: [Vec<f64>; 2],
}

#[derive(Deserialize)]
struct EvaluatorCase {
    name: String,
    pred: [Vec<f64>; 2],
    trg: [Vec<f64>; 2],
    thres: f64,
    official_pck: ByAlpha,
}

fn edge_cases() -> Option<EdgeCases> {
    Some(read(&shared_data::golden()?.join("datasets/edge_cases.json")))
}

fn assert_moved(flow: &Flow, sources: &[Vec<f64>; 2], expected: &[Vec<f64>; 2], count: usize) {
    let both = points(sources).into_iter().zip(points(expected)).take(count);
    for (source, expected) in both {
        let found = transfer_in_frame(source, PAPER_FRAME_SIDE, &flow.clone().into());
        assert!(found.distance(expected) < 1e-3, "{source:?} went to {found:?}, not {expected:?}");
    }
}

#[test]
fn keypoints_at_and_beyond_the_rim_move_as_in_the_reference() {
    let Some(cases) = edge_cases() else { return };
    for case in cases.flow2kps {
        assert_moved(&case.flow.on_grid(128), &case.kps_512, &case.pred_512, case.n_pts);
    }
    let mut flow = Flow::zero(Size::square(128));
    for (channel, row, column, value) in &cases.flow2kps_impulse.nonzero_cells {
        let values = if channel == "dx" { &mut flow.dx } else { &mut flow.dy };
        values[row * 128 + column] = *value;
    }
    let impulse = cases.flow2kps_impulse;
    assert_moved(&flow, &impulse.kps_512, &impulse.pred_512, usize::MAX);
}

#[test]
fn ties_are_decided_as_in_the_reference() {
    let Some(cases) = edge_cases() else { return };
    for case in cases.evaluator {
        let both = points(&case.pred).into_iter().zip(points(&case.trg));
        let distances: Vec<f64> =
            both.map(|(predicted, target)| predicted.distance(target)).collect();
        let measured = Measured::new(distances, case.thres, Rounding::Single, Ties::Right);
        for alpha in ALPHAS {
            let expected = case.official_pck[&alpha.to_string()];
            assert_close(measured.percent(Column::Pck(alpha)).unwrap(), expected, 1e-6, &case.name);
        }
    }
}
