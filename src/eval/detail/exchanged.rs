//! Left and right exchanged: keypoints whose prediction is right for their mirror twin and wrong for themselves.

use anyhow::Result;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::data::Pair;
use crate::eval::summary::Evaluation;
use crate::pck;

/// How often left and right are exchanged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchanged {
    /// Keypoints whose twin is labelled in the pair as well.
    pub keypoints: usize,
    /// Of these, those that are right for the twin and wrong for themselves.
    pub exchanged: usize,
    /// These in percent of those.
    pub percent: f64,
}

impl Exchanged {
    fn add(&mut self, exchanged: &[bool]) {
        self.keypoints += exchanged.len();
        self.exchanged += exchanged.iter().filter(|exchanged| **exchanged).count();
        self.percent = pck::percent(self.exchanged as f64, self.keypoints as f64);
    }
}

/// How often, over all and by category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchanges {
    /// Over all keypoints.
    pub overall: Exchanged,
    /// By category, where any has a twin.
    pub categories: IndexMap<String, Exchanged>,
}

/// The exchanges under the first protocol at the alpha that decides; none where no keypoint has a twin.
///
/// # Errors
/// When a pair cannot be measured.
pub(crate) fn exchanges(evaluation: &Evaluation) -> Result<Option<Exchanges>> {
    let Some(alpha) = evaluation.headline.alpha() else { return Ok(None) };
    let scores = &evaluation.protocols[0];
    let mut exchanges = Exchanges { overall: Exchanged::default(), categories: IndexMap::new() };
    for (position, pair) in evaluation.pairs.iter().enumerate() {
        let twins = twins(pair);
        if twins.iter().all(Option::is_none) {
            continue;
        }
        let mut mirrored = (*pair).clone();
        for (keypoint, twin) in mirrored.target.keypoints.iter_mut().zip(&twins) {
            if let Some(twin) = twin {
                *keypoint = pair.target.keypoints[*twin];
            }
        }
        let prediction = &evaluation.predictions[position];
        let as_twin = scores.protocol.measure_keypoints(&mirrored, prediction)?;
        let itself = scores.measured[position].right(alpha);
        let both = itself.zip(as_twin.right(alpha)).zip(&twins);
        let exchanged: Vec<bool> =
            both.filter_map(|((itself, as_twin), twin)| twin.map(|_| as_twin && !itself)).collect();
        exchanges.overall.add(&exchanged);
        exchanges.categories.entry(pair.category.clone()).or_default().add(&exchanged);
    }
    exchanges.categories.sort_keys();
    Ok((exchanges.overall.keypoints > 0).then_some(exchanges))
}

/// The position of each keypoint's twin, where the pair has it.
fn twins(pair: &Pair) -> Vec<Option<usize>> {
    if pair.parts.len() != pair.target.keypoints.len() {
        return Vec::new();
    }
    let position = |name: &str| pair.parts.iter().position(|part| *part.name == *name);
    pair.parts.iter().map(|part| part.twin.as_deref().and_then(position)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::parts::Part;
    use crate::eval::testing::{evaluated, pair, prediction};

    #[test]
    fn a_prediction_on_the_twin_is_an_exchange_and_one_right_for_both_is_not() {
        let places = [(10.0, 10.0), (40.0, 10.0), (25.0, 30.0), (26.0, 40.0), (27.0, 40.0)];
        let mut pair = pair(&places, &places);
        pair.parts =
            ["left eye", "right eye", "left ear", "left paw", "right paw"].map(Part::new).to_vec();
        // The left eye lies on the right one; the ear has no twin here; the paws are nearer one another than the
        // limit of five pixels.
        let predicted = [places[1], (0.0, 99.0), places[0], places[4], places[3]];
        let pairs = [pair];
        let predictions = [prediction(0, &predicted)];
        let exchanges = exchanges(&evaluated(&pairs, &predictions).0).unwrap().unwrap();
        let wanted = Exchanged { keypoints: 4, exchanged: 1, percent: 25.0 };
        assert_eq!(exchanges.overall, wanted);
        assert_eq!(exchanges.categories["dog"], wanted);
        let plain = super::exchanges(
            &evaluated(&[Pair { parts: Vec::new(), ..pairs[0].clone() }], &predictions).0,
        );
        assert_eq!(plain.unwrap(), None);
    }
}
