//! The reference's PCK of the zero flow over whole splits, from the data's files to the report.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::data::catalog::Catalog;
use crate::data::load::{Dataset, load_split};
use crate::eval::predict_identity;
use crate::eval::protocol::Protocol;
use crate::eval::summary::score;
use crate::inside::shared_data::{self, GOLDEN_SPLITS};

const ALPHAS: [f64; 3] = [0.05, 0.1, 0.15];

#[derive(Deserialize)]
struct Golden {
    whole_split: WholeSplit,
}

#[derive(Deserialize)]
struct WholeSplit {
    /// By alpha, then by threshold mode.
    zero_flow_mean_pck: BTreeMap<String, BTreeMap<String, f64>>,
}

#[test]
fn zero_flow_scores_as_in_the_reference() {
    let (Some(golden), Some(data)) = (shared_data::golden(), shared_data::data()) else { return };
    let catalog = Catalog::load(None).unwrap();
    for (file, dataset, split, folder) in GOLDEN_SPLITS {
        let bytes = fs::read(golden.join("datasets").join(format!("{file}.json"))).unwrap();
        let golden: Golden = serde_json::from_slice(&bytes).unwrap();
        let entry = catalog.get(dataset).unwrap();
        let root = data.join(Path::new(folder));
        let loaded = load_split(&Dataset::new(dataset, entry, &root), split, false).unwrap();
        let pairs = loaded.split.pairs;
        let predictions = predict_identity(&pairs, &[]).unwrap();
        for (name, mode) in [("paper", "bbox"), ("paper-image", "img")] {
            let protocol = Protocol::for_layout(name.parse().unwrap(), entry.layout).unwrap();
            let evaluation = score(&pairs, &predictions, &[protocol], &ALPHAS).unwrap();
            for (alpha, pck) in &evaluation.protocols[0].overall {
                let expected = golden.whole_split.zero_flow_mean_pck[alpha][mode];
                let what = format!("{file} {name} at {alpha}");
                assert!((pck - expected).abs() < 1e-6, "{what}: {pck} is not {expected}");
            }
        }
    }
}
