//! Small pairs and predictions for this module's tests.

use anyhow::Result;

use crate::data::truth::Truth;
use crate::data::{AnnotatedImage, Pair};
use crate::eval::predictions::Prediction;
use crate::eval::protocol::Protocol;
use crate::eval::report::{
    Circumstances, DatasetReport, ModelKind, ModelReport, Report, RunReport,
};
use crate::eval::summary::{Evaluation, score};
use crate::geometry::{Point, Size};

fn points(coordinates: &[(f64, f64)]) -> Vec<Point> {
    coordinates.iter().map(|&(x, y)| Point::new(x, y)).collect()
}

fn image(name: &str, keypoints: &[(f64, f64)]) -> AnnotatedImage {
    AnnotatedImage {
        path: name.into(),
        size: Size::square(100),
        keypoints: points(keypoints),
        bounding_box: Some([0.0, 0.0, 50.0, 50.0].into()),
    }
}

/// A pair of 100 x 100 photos with boxes of side 50.
pub(super) fn pair(source: &[(f64, f64)], target: &[(f64, f64)]) -> Pair {
    Pair {
        index: 0,
        category: "dog".into(),
        source: image("dog/source.jpg", source),
        target: image("dog/target.jpg", target),
        parts: Vec::new(),
        difficulty: None,
        mirrored: false,
        truth: Truth::Keypoints,
    }
}

/// The protocol of a name for a layout of a name.
///
/// # Errors
/// When it does not fit.
pub(super) fn protocol(name: &str, layout: &str) -> Result<Protocol> {
    Protocol::for_layout(name.parse()?, layout.parse()?)
}

/// Points in original target pixels alone.
pub(super) fn prediction(pair: usize, coordinates: &[(f64, f64)]) -> Prediction {
    Prediction::new(pair, points(coordinates))
}

/// Pairs with 4 keypoints, of which `correct` are predicted right; the categories take turns.
pub(super) fn pairs_and_predictions(correct: &[usize]) -> (Vec<Pair>, Vec<Prediction>) {
    let both = |(index, right): (usize, &usize)| {
        let mut pair = pair(&[(0.0, 0.0); 4], &[(10.0, 10.0); 4]);
        pair.index = index;
        pair.category = ["cat", "dog <&\">"][index % 2].into();
        let mut predicted = [(99.0, 99.0); 4];
        predicted[..*right].fill((10.0, 10.0));
        (pair, prediction(index, &predicted))
    };
    correct.iter().enumerate().map(both).unzip()
}

/// Scores and report under `standard` at 0.05 and 0.1.
pub(super) fn evaluated<'a>(
    pairs: &'a [Pair],
    predictions: &'a [Prediction],
) -> (Evaluation<'a>, Report) {
    let protocol = protocol("standard", "spair71k").unwrap();
    let evaluation = score(pairs, predictions, &[protocol], &[0.05, 0.1]).unwrap();
    let report = Report::new(&evaluation, circumstances(pairs.len())).unwrap();
    (evaluation, report)
}

/// The report on [`pairs_and_predictions`].
pub(super) fn report(correct: &[usize]) -> Report {
    let (pairs, predictions) = pairs_and_predictions(correct);
    evaluated(&pairs, &predictions).1
}

fn circumstances(pairs: usize) -> Circumstances {
    Circumstances {
        dataset: DatasetReport {
            name: "toy".into(),
            layout: "spair71k".into(),
            split: "test".into(),
            pairs,
            missing: 0,
            skipped: 0,
            fingerprint: "a".repeat(64),
        },
        model: ModelReport {
            kind: ModelKind::Baseline,
            weights: "identity".into(),
            sha256: None,
            config: None,
            parameters: None,
        },
        run: RunReport {
            device: None,
            precision: None,
            instructions: None,
            threads: 2,
            batch_size: None,
            seconds: 0.5,
            pairs_per_second: 60.0,
            peak_memory_bytes: None,
        },
        notes: Vec::new(),
    }
}
