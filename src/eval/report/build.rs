//! From an evaluation to its report.

use crate::data::Pair;
use crate::eval::column::Column;
use crate::eval::predictions::image_name;
use crate::eval::protocol::Protocol;
use crate::eval::report::{
    DatasetReport, Headline, ModelReport, PairReport, ProtocolReport, Report, RunReport, SCHEMA,
    Tool,
};
use crate::eval::summary::{Evaluation, ProtocolScores};

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
    pub(crate) fn new(evaluation: &Evaluation, circumstances: Circumstances) -> Self {
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
        Self { schema: SCHEMA, tool, dataset, model, run, headline, notes, protocols, pairs }
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
        }
    };
    evaluation.pairs.iter().enumerate().map(report).collect()
}
