//! How well the confidence of predictions says which of them are right.

use serde::{Deserialize, Serialize};

use crate::eval::detail::reliability::{Judged, area, calibration_error, curve, mean, right};
use crate::eval::summary::Evaluation;

/// Reliability of a confidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfidenceReport {
    /// Keypoints with a confidence.
    pub keypoints: usize,
    /// How many of them are right, in percent.
    pub right: f64,
    /// Their mean confidence, 0 to 1.
    pub confidence: f64,
    /// Expected calibration error over ten bins, in percent points.
    pub calibration_error: f64,
    /// Area under the ROC curve: how often a right match is more confident than a wrong one; absent where all are
    /// right, or all wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roc_area: Option<f64>,
    /// The reliability curve: each tenth of the confidence that occurs.
    pub bins: Vec<Bin>,
}

/// The keypoints whose confidence lies in one tenth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bin {
    /// Their share of all, in percent.
    pub share: f64,
    /// Their mean confidence, 0 to 1.
    pub confidence: f64,
    /// How many of them are right, in percent.
    pub right: f64,
}

/// The reliability under the first protocol at the alpha that decides; none unless every prediction has a confidence.
pub(crate) fn confidence(evaluation: &Evaluation) -> Option<ConfidenceReport> {
    let alpha = evaluation.headline.alpha()?;
    let mut judged = Vec::new();
    for (prediction, measured) in
        evaluation.predictions.iter().zip(&evaluation.protocols[0].measured)
    {
        let confidences = prediction.confidence.as_ref()?;
        if confidences.len() != measured.distances.len() {
            return None;
        }
        let told = confidences.iter().zip(measured.right(alpha));
        judged.extend(told.filter_map(|(confidence, right)| {
            Some(Judged { confidence: (*confidence)?, right, weight: 1.0 })
        }));
    }
    if judged.is_empty() {
        return None;
    }
    let bin = |[share, confidence, right]: [f64; 3]| Bin {
        share: 100.0 * share,
        confidence,
        right: 100.0 * right,
    };
    Some(ConfidenceReport {
        keypoints: judged.len(),
        right: 100.0 * mean(&judged, right),
        confidence: mean(&judged, |judged| judged.confidence),
        calibration_error: 100.0 * calibration_error(&judged),
        roc_area: Some(area(&judged)).filter(|area| area.is_finite()),
        bins: curve(&judged).into_iter().filter(|[share, ..]| *share > 0.0).map(bin).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::{evaluated, pairs_and_predictions};

    #[test]
    fn a_confidence_that_knows_what_is_right_is_reliable() {
        let (pairs, mut predictions) = pairs_and_predictions(&[3, 1]);
        predictions[0].confidence = Some([1.0, 1.0, 1.0, 0.0].map(Some).to_vec());
        assert_eq!(confidence(&evaluated(&pairs, &predictions).0), None);
        predictions[1].confidence = Some([1.0, 0.0, 0.0, 1.0].map(Some).to_vec());
        let found = confidence(&evaluated(&pairs, &predictions).0).unwrap();
        assert_eq!((found.keypoints, found.right), (8, 50.0));
        assert!((found.calibration_error - 100.0 * 0.625 * 0.2).abs() < 1e-9, "{found:?}");
        // Of 16 comparisons of a right with a wrong one 12 are won, and 4 are ties.
        assert_eq!(found.roc_area, Some(14.0 / 16.0));
        assert_eq!(found.bins.len(), 2);
        assert_eq!(found.bins[0], Bin { share: 37.5, confidence: 0.0, right: 0.0 });
        // Nothing is said of one of the wrong ones.
        predictions[0].confidence = Some(vec![Some(1.0), Some(1.0), Some(1.0), None]);
        let found = confidence(&evaluated(&pairs, &predictions).0).unwrap();
        assert_eq!((found.keypoints, found.right.round()), (7, 57.0));
        predictions.iter_mut().for_each(|prediction| prediction.confidence = Some(vec![None; 4]));
        assert_eq!(confidence(&evaluated(&pairs, &predictions).0), None);
    }
}
