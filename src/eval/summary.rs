//! Scores of a whole evaluation: overall with its interval, per category, per difficulty.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::data::Pair;
use crate::eval::bootstrap::{self, Interval};
use crate::eval::column::Column;
use crate::eval::groups::{categories, difficulties};
use crate::eval::pck::{Measured, Tally};
use crate::eval::predictions::Prediction;
use crate::eval::protocol::Protocol;

/// PCK in percent by alpha, written as `0.1`, or measures of areas by their names. What no pair has is left out.
pub(crate) type PckByAlpha = IndexMap<String, f64>;

/// A part of the pairs and its PCK.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// How many pairs.
    pub pairs: usize,
    /// PCK in percent by alpha.
    pub pck: PckByAlpha,
}

/// Groups by kind of difficulty (`viewpoint`), then by grade (`hard`).
pub(crate) type GroupsByDifficulty = IndexMap<String, IndexMap<String, Group>>;

/// Pairs, predictions, and their scores under every protocol.
#[derive(Clone, Debug)]
pub(crate) struct Evaluation<'a> {
    /// The scored pairs, in the dataset's order.
    pub pairs: Vec<&'a Pair>,
    /// Their predictions.
    pub predictions: &'a [Prediction],
    /// What was asked for: PCK at alphas, ascending, or measures of areas.
    pub columns: Vec<Column>,
    /// The one that decides.
    pub headline: Column,
    /// The scores, the headline protocol first.
    pub protocols: Vec<ProtocolScores>,
}

/// The scores under one protocol.
#[derive(Clone, Debug)]
pub(crate) struct ProtocolScores {
    /// The protocol.
    pub protocol: Protocol,
    /// Each pair's distances and threshold, in the dataset's order.
    pub measured: Vec<Measured>,
    /// Over all pairs.
    pub overall: PckByAlpha,
    /// The bootstrap interval of `overall`.
    pub interval95: IndexMap<String, Interval>,
    /// By category, in alphabetical order.
    pub categories: IndexMap<String, Group>,
    /// By difficulty, where every pair of the dataset is graded.
    pub difficulty: Option<GroupsByDifficulty>,
}

/// Alphas in order, each once.
pub(crate) fn ascending(alphas: &[f64]) -> Vec<f64> {
    let mut alphas = alphas.to_vec();
    alphas.sort_by(f64::total_cmp);
    alphas.dedup();
    alphas
}

/// An alpha as it is written in reports.
pub(crate) fn alpha_key(alpha: f64) -> String {
    alpha.to_string()
}

/// Scores `predictions` for some or all of `pairs` under each protocol at each alpha.
///
/// # Errors
/// When there is nothing to score, or a pair lacks what a protocol measures with.
pub(crate) fn score<'a>(
    pairs: &'a [Pair],
    predictions: &'a [Prediction],
    protocols: &[Protocol],
    alphas: &[f64],
) -> Result<Evaluation<'a>> {
    ensure!(!predictions.is_empty(), "no pair is left to be scored");
    let by_index: HashMap<usize, &Pair> = pairs.iter().map(|pair| (pair.index, pair)).collect();
    let find = |prediction: &Prediction| {
        let pair = by_index.get(&prediction.pair).copied();
        pair.with_context(|| format!("pair {} is predicted but not selected", prediction.pair))
    };
    let pairs = predictions.iter().map(find).collect::<Result<Vec<_>>>()?;
    let measured = protocols
        .iter()
        .map(|protocol| {
            let both = pairs.iter().zip(predictions);
            both.map(|(pair, prediction)| protocol.measure(pair, prediction)).collect()
        })
        .collect::<Result<Vec<Vec<Measured>>>>()?;
    let columns = Column::all(protocols, alphas);
    let headline = Column::headline(protocols, alphas);
    let intervals = intervals(protocols, &measured, &columns);
    let scores = protocols.iter().zip(measured).zip(intervals);
    let protocols = scores.map(|((protocol, measured), interval95)| {
        let group = |members: &[usize]| group(protocol, &measured, members, &columns);
        let everything: Vec<usize> = (0..pairs.len()).collect();
        ProtocolScores {
            protocol: *protocol,
            overall: group(&everything).pck,
            interval95,
            categories: categories(&pairs)
                .into_iter()
                .map(|(category, members)| (category, group(&members)))
                .collect(),
            difficulty: difficulties(&pairs).map(|kinds| {
                let grades = |grades: IndexMap<String, Vec<usize>>| {
                    grades.into_iter().map(|(grade, members)| (grade, group(&members))).collect()
                };
                kinds.into_iter().map(|(kind, members)| (kind, grades(members))).collect()
            }),
            measured,
        }
    });
    let protocols = protocols.collect();
    Ok(Evaluation { pairs, predictions, columns, headline, protocols })
}

impl ProtocolScores {
    /// The overall PCK at any alpha.
    pub(crate) fn pck(&self, alpha: f64) -> f64 {
        sum(&self.protocol, self.measured.iter(), Column::Pck(alpha)).pck()
    }
}

fn sum<'a>(
    protocol: &Protocol,
    measured: impl Iterator<Item = &'a Measured>,
    column: Column,
) -> Tally {
    measured.map(|measured| measured.sample(protocol.average, column)).sum()
}

fn group(
    protocol: &Protocol,
    measured: &[Measured],
    members: &[usize],
    columns: &[Column],
) -> Group {
    let pck = |&column: &Column| {
        let members = members.iter().map(|&member| &measured[member]);
        let sum = sum(protocol, members, column);
        (sum.weight > 0.0).then(|| (column.key(), sum.pck()))
    };
    Group { pairs: members.len(), pck: columns.iter().filter_map(pck).collect() }
}

/// The interval of each protocol's columns, from the same draws.
fn intervals(
    protocols: &[Protocol],
    measured: &[Vec<Measured>],
    columns: &[Column],
) -> Vec<IndexMap<String, Interval>> {
    let row = |pair: usize| {
        let both = protocols.iter().zip(measured);
        let samples = both.flat_map(|(protocol, measured)| {
            columns.iter().map(move |&column| measured[pair].sample(protocol.average, column))
        });
        samples.collect()
    };
    let rows: Vec<Vec<Tally>> = (0..measured.first().map_or(0, Vec::len)).map(row).collect();
    let intervals = bootstrap::intervals(&rows);
    let keys = || columns.iter().copied().map(Column::key);
    let known = |(key, interval): (String, &Option<Interval>)| Some((key, (*interval)?));
    intervals
        .chunks(columns.len())
        .map(|chunk| keys().zip(chunk).filter_map(known).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Difficulty;
    use crate::eval::testing::{pair, prediction, protocol};

    /// Three pairs with boxes of side 50, so that alpha 0.1 allows 5 pixels: 1 of 2, 1 of 1 and 0 of 3
    /// keypoints are right.
    fn pairs() -> Vec<Pair> {
        let mut pairs = vec![
            pair(&[(0.0, 0.0); 2], &[(10.0, 10.0); 2]),
            pair(&[(0.0, 0.0); 1], &[(10.0, 10.0); 1]),
            pair(&[(0.0, 0.0); 3], &[(10.0, 10.0); 3]),
        ];
        let grades = [(0, 0), (2, 3), (2, 0)];
        for (index, (pair, (viewpoint, occlusion))) in pairs.iter_mut().zip(grades).enumerate() {
            pair.index = index;
            pair.difficulty = Some(Difficulty { viewpoint, scale: 1, truncation: 2, occlusion });
        }
        pairs[1].category = "cat".into();
        pairs
    }

    fn predictions() -> Vec<Prediction> {
        vec![
            prediction(0, &[(15.0, 10.0), (15.1, 10.0)]),
            prediction(1, &[(10.0, 10.0)]),
            prediction(2, &[(90.0, 90.0); 3]),
        ]
    }

    fn scores(name: &str, pairs: &[Pair], predictions: &[Prediction]) -> ProtocolScores {
        let protocol = protocol(name, "spair71k").unwrap();
        score(pairs, predictions, &[protocol], &[0.1, 1.0]).unwrap().protocols.remove(0)
    }

    #[test]
    fn overall_weighs_pairs_or_keypoints_and_categories_follow() {
        let (pairs, predictions) = (pairs(), predictions());
        let standard = scores("standard", &pairs, &predictions);
        assert_eq!(standard.overall["0.1"], 50.0);
        assert_eq!(standard.categories["dog"].pck["0.1"], 25.0);
        assert_eq!(
            standard.categories["cat"],
            Group {
                pairs: 1,
                pck: [("0.1".into(), 100.0), ("1".into(), 100.0)].into_iter().collect()
            }
        );
        assert!(standard.categories.keys().eq(["cat", "dog"]));
        let per_keypoint = scores("per-keypoint", &pairs, &predictions);
        assert!((per_keypoint.overall["0.1"] - 100.0 / 3.0).abs() < 1e-12);
        assert_eq!(per_keypoint.categories["dog"].pck["0.1"], 20.0);
        let [low, high] = standard.interval95["0.1"];
        assert!(low <= 50.0 && 50.0 <= high && low < high);
    }

    #[test]
    fn difficulty_lists_the_grades_that_occur_from_easy_to_hard() {
        let (pairs, predictions) = (pairs(), predictions());
        let difficulty = scores("standard", &pairs, &predictions).difficulty.unwrap();
        assert!(difficulty.keys().eq(["viewpoint", "scale", "truncation", "occlusion"]));
        assert!(difficulty["viewpoint"].keys().eq(["easy", "hard"]));
        assert_eq!(difficulty["viewpoint"]["hard"].pck["0.1"], 50.0);
        assert_eq!(difficulty["occlusion"]["both"].pairs, 1);
        assert_eq!(difficulty["truncation"]["target"].pairs, 3);
    }

    #[test]
    fn subset_is_scored_as_a_subset() {
        let pairs = pairs();
        let predictions = &predictions()[1..2];
        let standard = scores("standard", &pairs, predictions);
        assert_eq!(standard.overall["0.1"], 100.0);
        assert_eq!(standard.categories.len(), 1);
    }

    #[test]
    fn ungraded_pair_leaves_no_difficulty_table() {
        let mut pairs = pairs();
        pairs[0].difficulty = None;
        assert!(scores("standard", &pairs, &predictions()).difficulty.is_none());
    }
}
