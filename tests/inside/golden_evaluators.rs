//! The protocols of other systems' evaluators against the numbers of their authors' code, on predictions that
//! a formula makes from the truth.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::data::Pair;
use crate::data::catalog::Catalog;
use crate::data::load::{Dataset, load_split};
use crate::eval::predictions::Prediction;
use crate::eval::protocol::Protocol;
use crate::eval::summary::score;
use crate::geometry::{BoundingBox, Point};
use crate::inside::shared_data;

/// Numbers for one split.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    dataset: String,
    split: String,
    root: String,
    /// PCK in percent by protocol and alpha.
    pck: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Errors of up to a quarter of the object's size in all directions, of every keypoint of the split another.
fn predictions(pairs: &[Pair], dataset: &str) -> Vec<Prediction> {
    let mut number = 0;
    let mut predict = |pair: &Pair| {
        let around = |points: &[Point]| BoundingBox::around(points).unwrap().longer_side();
        let length = match dataset {
            "spair71k" => pair.target.bounding_box.unwrap().longer_side(),
            "pf-willow" => 2.0 * around(&pair.target.keypoints),
            _ => 250.0,
        };
        let mut point = |truth: &Point| {
            let distance = f64::from(number * 37 % 101) / 101.0 * 0.25 * length;
            let (sine, cosine) = (2.399963 * f64::from(number)).sin_cos();
            number += 1;
            Point::new(truth.x + distance * cosine, truth.y + distance * sine)
        };
        let points = pair.target.keypoints.iter().map(&mut point).collect();
        Prediction::new(pair.index, points)
    };
    pairs.iter().map(&mut predict).collect()
}

#[test]
fn protocols_of_other_evaluators_give_their_numbers() {
    let Some(data) = shared_data::data() else { return };
    let golden: Vec<Golden> =
        serde_json::from_str(include_str!("../golden/evaluators.json")).unwrap();
    let catalog = Catalog::load(None).unwrap();
    for Golden { dataset, split, root, pck } in golden {
        let (entry, data_root) = (catalog.get(&dataset).unwrap(), data.join(root));
        let loaded = load_split(&Dataset::new(&dataset, entry, &data_root), &split, false).unwrap();
        for (name, wanted) in pck {
            let protocol = Protocol::for_layout(name.parse().unwrap(), entry.layout).unwrap();
            let mut pairs = loaded.split.pairs.clone();
            if protocol.exchanges {
                pairs.iter_mut().for_each(Pair::exchange);
            }
            let predictions = predictions(&pairs, &dataset);
            let alphas: Vec<f64> = wanted.keys().map(|alpha| alpha.parse().unwrap()).collect();
            let protocol = protocol.stored(false);
            let scores = score(&pairs, &predictions, &[protocol], &alphas).unwrap();
            for (alpha, wanted) in wanted {
                let found = scores.protocols[0].overall[&alpha];
                let what = format!("{dataset} {split} {name} at {alpha}: {found}, not {wanted}");
                assert!((found - wanted).abs() < 2e-5, "{what}");
            }
        }
    }
}
