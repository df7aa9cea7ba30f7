//! Fits and measures what the matchers say of their own confidence; `scripts/calibrate.sh` runs it.

mod cases;
mod logistic;
mod passes;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;
use sha2::{Digest, Sha256};

use crate::data::catalog::Catalog;
use crate::data::load::{Dataset, load_split};
use crate::data::photo::decode_benchmark;
use crate::eval::detail::reliability::{Judged, area, calibration_error, curve, mean, right};
use crate::inside::shared_data;
use crate::model::matcher::consensus::calibration::Calibration;
use crate::model::matcher::consensus::config::ConsensusConfig;
use crate::model::part::Chosen;
use crate::model::weights::save::{self, Storage};
use crate::model::weights::{Source, read};
use crate::predict::verdict::Verdict;

use cases::{Population, cases};
use logistic::{Sample, fit};
use passes::{Network, Pass};

/// Rounds coefficients to what a reader can compare.
const DIGITS: f64 = 1e3;

#[test]
#[ignore = "takes minutes and needs the cut-outs: scripts/calibrate.sh runs it"]
fn lite_is_calibrated() {
    calibrate("lite");
}

#[test]
#[ignore = "takes minutes and needs the cut-outs: scripts/calibrate.sh runs it"]
fn zero_shot_is_calibrated() {
    calibrate("zero-shot");
}

/// `LPMFLOW_CALIBRATE` names the folder that `scripts/train_lite.sh` works in. Fits on one half of the validation
/// pairs, reports on the other, looks at dogs and PF-WILLOW where they are there, and leaves the weight file with
/// its coefficients in that folder. `LPMFLOW_CALIBRATE_PAIRS` takes fewer pairs, to try things.
fn calibrate(name: &str) {
    let work = PathBuf::from(env::var_os("LPMFLOW_CALIBRATE").expect("scripts/calibrate.sh"));
    let pairs = env::var("LPMFLOW_CALIBRATE_PAIRS");
    let pairs = pairs.map_or(usize::MAX, |pairs| pairs.parse().unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("weights")
        .join(name)
        .with_extension("safetensors");
    println!("\n# {name}");
    let mut network = Network::load(&file);
    let passes = validation(&mut network, &work, pairs);
    let calibration = fitted(&passes);
    println!("{calibration:?}");
    report(&passes, &calibration);
    elsewhere(&mut network, &calibration);
    write(&file, &work.join(name).with_extension("safetensors"), calibration);
}

/// The network's passes over all cases, with the number of the pair each was made of.
fn validation(network: &mut Network, work: &Path, limit: usize) -> Vec<Pass> {
    let root = work.join("data/cutouts");
    let mut pairs = files(&root.join("PairAnnotation/val"));
    // An order that has nothing to do with categories, whatever the names begin with.
    pairs.sort_by_cached_key(|pair| Sha256::digest(pair.file_name().unwrap().as_encoded_bytes()));
    pairs.truncate(limit);
    let backgrounds: Vec<RgbImage> = files(&work.join("backgrounds"))
        .iter()
        .map(|path| decode_benchmark(path).unwrap())
        .collect();
    let pass = |(number, pair): (usize, &PathBuf)| -> Vec<Pass> {
        let cases = cases(&root, pair, number, &backgrounds);
        cases.into_iter().map(|case| network.pass(number, &case)).collect()
    };
    pairs.iter().enumerate().flat_map(pass).collect()
}

fn fitted(passes: &[Pass]) -> Calibration {
    let weights = weights(passes, 0);
    let samples: Vec<Sample<_>> = passes
        .iter()
        .filter(|pass| pass.half() == 0)
        .flat_map(|pass| &pass.points)
        .map(|point| Sample {
            evidence: point.evidence,
            right: point.right,
            weight: weights[&point.population],
        })
        .collect();
    let (bias, evidence) = fit(&samples);
    let round = |value: f64| (value * DIGITS).round() / DIGITS;
    Calibration { bias: round(bias), evidence: evidence.map(round) }
}

/// What a point of each population counts in one half, so that populations have their shares.
fn weights(passes: &[Pass], half: usize) -> BTreeMap<Population, f64> {
    let mut counts: BTreeMap<Population, f64> = BTreeMap::new();
    for pass in passes.iter().filter(|pass| pass.half() == half) {
        for point in &pass.points {
            *counts.entry(point.population).or_default() += 1.0;
        }
    }
    counts.into_iter().map(|(population, count)| (population, population.share() / count)).collect()
}

/// The half that nothing was fitted to, before and after.
fn report(passes: &[Pass], calibration: &Calibration) {
    let weights = weights(passes, 1);
    let held_out: Vec<&Pass> = passes.iter().filter(|pass| pass.half() == 1).collect();
    let judge = |calibration: Option<&Calibration>| -> Vec<(Population, Judged)> {
        let of = |pass: &&Pass| {
            let confidence = pass.confidence(calibration);
            let points = pass.points.iter().zip(confidence);
            let judged = points.map(|(point, confidence)| {
                let weight = weights[&point.population];
                (point.population, Judged { confidence, right: point.right, weight })
            });
            judged.collect::<Vec<_>>()
        };
        held_out.iter().flat_map(of).collect()
    };
    let [there_and_back, calibrated] = [None, Some(calibration)].map(judge);
    let lesser = there_and_back.iter().zip(&calibrated).map(|((population, a), (_, b))| {
        (*population, Judged { confidence: a.confidence.min(b.confidence), ..*a })
    });
    let lesser = lesser.collect();
    for (rule, judged) in [
        ("there and back", there_and_back),
        ("calibrated", calibrated),
        ("the lesser of both", lesser),
    ] {
        let all: Vec<Judged> = judged.iter().map(|(_, judged)| *judged).collect();
        println!("## {rule}");
        print_measures("all", &all);
        for population in Population::ALL {
            let own = judged.iter().filter(|(other, _)| *other == population);
            print_measures(
                &format!("{population:?}"),
                &own.map(|(_, judged)| *judged).collect::<Vec<_>>(),
            );
        }
        print_curve(&all);
        print_hidden(&judged);
    }
    println!("## verdict");
    for population in [Population::Plain, Population::Same, Population::Turned, Population::Nothing]
    {
        let of_population = held_out
            .iter()
            .filter(|pass| pass.points.iter().any(|point| point.population == population));
        let mut best: Vec<f64> = of_population
            .map(|pass| {
                Verdict::new(&pass.correspondence(Some(calibration))).unwrap().best_confidence
            })
            .collect();
        best.sort_by(f64::total_cmp);
        let below = |limit: f64| {
            let count = best.iter().filter(|value| **value < limit).count();
            format!("{limit} {:.1} %", 100.0 * count as f64 / best.len() as f64)
        };
        let limits = [0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6].map(below);
        println!("{population:?}, {} pairs: below {}", best.len(), limits.join(", "));
    }
}

/// Datasets that nothing is fitted to or chosen by.
fn elsewhere(network: &mut Network, calibration: &Calibration) {
    let Some(data) = shared_data::data() else { return };
    for (name, split, folder) in [
        ("spair71k", "trn", "dogs-spair"),
        ("spair71k", "val", "dogs-spair"),
        ("pf-willow", "test", "pf-willow"),
    ] {
        let catalog = Catalog::load(None).unwrap();
        let entry = catalog.get(name).unwrap();
        let root = data.join(folder);
        let dataset = Dataset::new(name, entry, &root);
        let pairs = load_split(&dataset, split, false).unwrap().split.pairs;
        let (mut plain, mut calibrated) = (Vec::new(), Vec::new());
        for pair in &pairs {
            let pass = network.annotated_pass(pair);
            for (judged, rule) in [(&mut plain, None), (&mut calibrated, Some(calibration))] {
                let points = pass.points.iter().zip(pass.confidence(rule));
                judged.extend(points.map(|(point, confidence)| Judged {
                    confidence,
                    right: point.right,
                    weight: 1.0,
                }));
            }
        }
        println!("## {folder} {split}, {} pairs", pairs.len());
        print_measures("there and back", &plain);
        print_measures("calibrated", &calibrated);
        print_curve(&calibrated);
    }
}

fn print_measures(name: &str, judged: &[Judged]) {
    println!(
        "{name:14} {:6} points, right {:5.1} %, confidence {:5.1} %, calibration error {:5.1} %, area {:.3}, wrong \
         and above 0.5 {:5.1} %",
        judged.len(),
        100.0 * mean(judged, right),
        100.0 * mean(judged, |judged| judged.confidence),
        100.0 * calibration_error(judged),
        area(judged),
        100.0
            * mean(judged, |judged| f64::from(u8::from(!judged.right && judged.confidence >= 0.5)))
    );
}

/// What a least confidence leaves out: of the right matches, and of those of targets that show nothing.
fn print_hidden(judged: &[(Population, Judged)]) {
    for least in [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5] {
        let below = |of: &dyn Fn(&Population, &Judged) -> bool| {
            let of = judged.iter().filter(|(population, judged)| of(population, judged));
            let of: Vec<Judged> = of.map(|(_, judged)| *judged).collect();
            100.0 * mean(&of, |judged| f64::from(u8::from(judged.confidence < least)))
        };
        let plain = below(&|population, judged| *population == Population::Plain && judged.right);
        let right = below(&|_, judged| judged.right);
        let wrong = below(&|_, judged| !judged.right);
        let half = below(&|population, judged| *population == Population::Half && !judged.right);
        let nothing = below(&|population, _| *population == Population::Nothing);
        println!(
            "  below {least}: {right:.1} % of the right, {plain:.1} % of those of another animal; {wrong:.1} % of the \
             wrong, {half:.1} % of those of half an animal, {nothing:.1} % of those of none"
        );
    }
}

fn print_curve(judged: &[Judged]) {
    for (bin, [part, confidence, right]) in curve(judged).into_iter().enumerate() {
        println!(
            "  {:.1} to {:.1}: {:5.1} % of all, confidence {:5.1} %, right {:5.1} %",
            bin as f64 / 10.0,
            (bin + 1) as f64 / 10.0,
            100.0 * part,
            100.0 * confidence,
            100.0 * right
        );
    }
}

/// The weight file `from` with the calibration in its description.
fn write(from: &Path, to: &Path, calibration: Calibration) {
    let stored = read(from).unwrap();
    let Source::Described(mut description) = stored.source else { panic!("a file of ours") };
    let config = &description.config.matcher;
    let config: ConsensusConfig = serde_json::from_value(config.to_json().unwrap()).unwrap();
    let config = ConsensusConfig { calibration: Some(calibration), ..config };
    description.config.matcher = Chosen::of(Arc::new(config));
    save::save(to, &stored.tensors, &description, Storage::Float16).unwrap();
    println!("wrote {}", to.display());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
