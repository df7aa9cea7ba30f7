//! From an evaluation to its report.

use anyhow::Result;

use crate::data::Pair;
use crate::data::truth::Truth;
use crate::eval::column::Column;
use crate::eval::detail::confidence::confidence;
use crate::eval::detail::errors::Errors;
use crate::eval::detail::exchanged::exchanges;
use crate::eval::detail::parts::parts;
use crate::eval::pck::Measured;
use crate::eval::predictions::image_name;
use crate::eval::protocol::Protocol;
use crate::eval::report::{
    DatasetReport, Headline, ModelReport, PairReport, ProtocolReport, Report, RunReport, SCHEMA,
    Tool,
};
use crate::eval::summary::{Evaluation, ProtocolScores};
use crate::geometry::Point;

/// What the evaluation itself does not know.
#[derive(Clone, Debug)]
pub(crate) struct Circumstances {
    /// What was evaluated on.
    pub dataset: DatasetReport,
    /// What was evaluated.
    pub model: ModelReport,
    /// Where and how fast it ran.
    pub run: RunReport,
    /// What a reader must know.
    pub notes: Vec<String>,
}

impl Report {
    /// The report of an evaluation.
    ///
    /// # Errors
    /// When a pair cannot be measured.
    pub(crate) fn new(evaluation: &Evaluation, circumstances: Circumstances) -> Result<Self> {
        let Circumstances { dataset, model, run, notes } = circumstances;
        let protocols: Vec<_> = evaluation
            .protocols
            .iter()
            .map(|scores| ProtocolReport::new(scores, &evaluation.columns))
            .collect();
        let alpha = evaluation.headline.key();
        let headline =
            Headline { protocol: protocols[0].name, pck: protocols[0].overall[&alpha], alpha };
        let tool = Tool {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            build: option_env!("LPMFLOW_BUILD")
                .filter(|build| !build.is_empty())
                .map(str::to_owned),
        };
        let pairs = Some(pair_reports(evaluation));
        Ok(Self {
            schema: SCHEMA,
            tool,
            dataset,
            model,
            run,
            headline,
            notes,
            protocols,
            parts: parts(evaluation),
            exchanges: exchanges(evaluation)?,
            confidence: confidence(evaluation),
            pairs,
        })
    }
}

impl ProtocolReport {
    fn new(scores: &ProtocolScores, columns: &[Column]) -> Self {
        let protocol = scores.protocol;
        let Protocol { name, threshold, frame, transfer, average, ties, .. } = protocol;
        Self {
            name,
            threshold,
            average,
            frame,
            transfer,
            ties,
            description: protocol.description(),
            alphas: columns.iter().filter_map(|column| column.alpha()).collect(),
            overall: scores.overall.clone(),
            interval95: scores.interval95.clone(),
            errors: Errors::new(&scores.measured, average, columns),
            categories: scores.categories.clone(),
            difficulty: scores.difficulty.clone().unwrap_or_default(),
        }
    }
}

fn pair_reports(evaluation: &Evaluation) -> Vec<PairReport> {
    let report = |(position, pair): (usize, &&Pair)| {
        let pck = |scores: &ProtocolScores| {
            let measured = &scores.measured[position];
            let score = |column: &Column| Some((column.key(), measured.percent(*column)?));
            (scores.protocol.name, evaluation.columns.iter().filter_map(score).collect())
        };
        PairReport {
            index: pair.index,
            source: image_name(&pair.source.path),
            target: image_name(&pair.target.path),
            category: pair.category.clone(),
            keypoints: pair.points(),
            pck: evaluation.protocols.iter().map(pck).collect(),
            ..keypoints(evaluation, position)
        }
    };
    evaluation.pairs.iter().enumerate().map(report).collect()
}

/// What is kept of single keypoints, of a pair that is measured by them.
fn keypoints(evaluation: &Evaluation, position: usize) -> PairReport {
    let (pair, prediction) = (evaluation.pairs[position], &evaluation.predictions[position]);
    if pair.truth != Truth::Keypoints {
        return PairReport::default();
    }
    let alphas: Vec<f64> = evaluation.columns.iter().filter_map(|column| column.alpha()).collect();
    let errors = |scores: &ProtocolScores| {
        (scores.protocol.name, rounded_errors(&scores.measured[position], &alphas))
    };
    let rounded = |value: f64, parts: f64| (value * parts).round() / parts;
    let point = |point: &Point| Point::new(rounded(point.x, 10.0), rounded(point.y, 10.0));
    let confidence = prediction.confidence.iter().flatten();
    PairReport {
        parts: pair.parts.iter().map(|part| part.name.to_string()).collect(),
        errors: evaluation.protocols.iter().map(errors).collect(),
        predicted: prediction
            .points
            .iter()
            .map(|found| found.is_finite().then(|| point(found)))
            .collect(),
        confidence: confidence.map(|value| value.map(|value| rounded(value, 1000.0))).collect(),
        ..PairReport::default()
    }
}

/// Errors in units of the length, rounded to ten thousandths, but never over the edge of an alpha.
fn rounded_errors(measured: &Measured, alphas: &[f64]) -> Vec<Option<f64>> {
    const PARTS: f64 = 1e4;
    let rights: Vec<Vec<bool>> =
        alphas.iter().map(|alpha| measured.right(*alpha).collect()).collect();
    let rounded = |(keypoint, error): (usize, f64)| {
        let agrees = |rounded: &f64| {
            alphas.iter().zip(&rights).all(|(alpha, right)| (rounded <= alpha) == right[keypoint])
        };
        let nearest = (error * PARTS).round();
        let candidates = [nearest, nearest - 1.0, nearest + 1.0].map(|parts| parts / PARTS);
        error.is_finite().then(|| candidates.into_iter().find(agrees).unwrap_or(error))
    };
    measured.in_lengths().enumerate().map(rounded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::pck::Rounding;
    use crate::eval::protocol::rules::Ties;

    #[test]
    fn rounded_errors_are_right_at_the_same_alphas() {
        let distances = vec![5.0, 5.001, 4.999, 12.3456, f64::INFINITY];
        let measured = |ties| Measured::new(distances.clone(), 50.0, Rounding::Double, ties);
        let errors = |ties| rounded_errors(&measured(ties), &[0.05, 0.1]);
        let rest = [Some(0.1001), Some(0.1), Some(0.2469), None];
        assert_eq!(errors(Ties::Right), [&[Some(0.1)], &rest[..]].concat());
        assert_eq!(errors(Ties::Wrong), [&[Some(0.1001)], &rest[..]].concat());
    }
}
