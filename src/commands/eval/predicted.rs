//! Predictions for the task's pairs: from a network, a baseline or a file.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::cli::ModelArguments;
use crate::cli::eval::{BaselineModel, EvalArguments};
use crate::commands::engine;
use crate::commands::processes::Processes;
use crate::data::Pair;
use crate::data::truth::TruthKind;
use crate::eval::predictions::convention::doubts;
use crate::eval::predictions::{self, Prediction, Stored};
use crate::eval::protocol::Protocol;
use crate::eval::report::{ModelKind, ModelReport};
use crate::eval::selection::keep_selected;
use crate::eval::shared::predict_together;
use crate::eval::task::Task;
use crate::eval::{PredictOptions, predict, predict_identity, prefetch};
use crate::failure::{Blame, Fault};
use crate::flow::Wanted;
use crate::inference::device::instructions;
use crate::inference::frame::FrameKey;
use crate::inference::{Engine, FlowNetwork};
use crate::spelling::counted;
use crate::terminal::Terminal;
use crate::terminal::progress::EvaluationProgress;
use crate::visible::Shown;

/// Predictions and where they come from.
pub(super) struct Predicted {
    /// For some or all pairs of the task, in their order.
    pub predictions: Vec<Prediction>,
    /// The task's protocols, as they apply to these predictions.
    pub protocols: Vec<Protocol>,
    /// Where the predictions come from.
    pub model: ModelReport,
    /// The network's device.
    pub device: Option<String>,
    /// The network's number format.
    pub precision: Option<String>,
    /// The vector instructions it was run with, on a processor.
    pub instructions: Option<&'static str>,
    /// How many pairs the network was given at once.
    pub batch_size: Option<usize>,
    /// Pairs that are left out because the predictions for them are unusable.
    pub unusable: usize,
    /// What readers of the report should know, a sentence each.
    pub notes: Vec<String>,
    /// The network, where it will be asked more of some pairs.
    pub network: Option<Engine>,
}

impl Predicted {
    /// Predictions as the flags want them.
    ///
    /// # Errors
    /// When the file cannot be read, or the network cannot be loaded or run.
    pub(super) fn new(
        arguments: &EvalArguments,
        task: &Task,
        processes: &Processes,
        terminal: &Terminal,
    ) -> Result<Self> {
        match (&arguments.instead.predictions, arguments.instead.baseline_model) {
            (Some(path), _) => Self::read(path, arguments.selection.skip_bad, task, terminal),
            (None, Some(BaselineModel::Identity)) => Self::identity(task),
            (None, None) => Self::run(arguments, task, processes, terminal),
        }
    }

    fn read(path: &Path, skip_bad: bool, task: &Task, terminal: &Terminal) -> Result<Self> {
        let (split, root) = (&task.split, task.root());
        let Stored { mut predictions, unusable, refused, mut notes, sha256 } =
            predictions::read(path, &split.pairs, &split.left_out, root, skip_bad)
                .blame(Fault::Data)?;
        keep_selected(&mut predictions, &task.pairs);
        if !unusable.is_empty() {
            terminal.warn(&format!("left out of `{}`: {unusable}", path.shown()));
        }
        let by_index: HashMap<usize, &Pair> =
            task.pairs.iter().map(|pair| (pair.index, pair)).collect();
        let pairs: Vec<&Pair> =
            predictions.iter().map(|prediction| by_index[&prediction.pair]).collect();
        if task.split.layout.annotations().truth == TruthKind::Keypoints {
            notes.extend(doubts(&pairs, &predictions, &task.protocols[0].stored(false))?);
        }
        notes.extend(not_found(&predictions));
        notes.iter().for_each(|note| terminal.warn(&format!("`{}`: {note}", path.shown())));
        let (found, pairs) = (predictions.len(), task.pairs.len());
        let refused = refused.iter().filter(|index| by_index.contains_key(index)).count();
        if found + refused < pairs {
            let and = match refused {
                0 => String::new(),
                _ => format!(", and {} was of no use", counted(refused, "prediction")),
            };
            terminal.warn(&format!(
                "no prediction for {} of {pairs} pairs{and}; the scores are of the other {found}",
                pairs - found - refused
            ));
        }
        let model = ModelReport {
            kind: ModelKind::Predictions,
            weights: if path == Path::new("-") {
                "standard input".to_owned()
            } else {
                path.shown().to_string()
            },
            sha256: Some(sha256),
            config: None,
            parameters: None,
        };
        let protocols = task.stored_protocols(&predictions);
        Ok(Self {
            unusable: refused,
            notes,
            ..Self::without_network(predictions, protocols, model)
        })
    }

    fn identity(task: &Task) -> Result<Self> {
        let model = ModelReport {
            kind: ModelKind::Baseline,
            weights: "identity".into(),
            sha256: None,
            config: None,
            parameters: None,
        };
        let predictions = predict_identity(&task.pairs, &task.protocols).blame(Fault::Data)?;
        Ok(Self::without_network(predictions, task.protocols.clone(), model))
    }

    fn without_network(
        predictions: Vec<Prediction>,
        protocols: Vec<Protocol>,
        model: ModelReport,
    ) -> Self {
        Self {
            predictions,
            protocols,
            model,
            device: None,
            precision: None,
            instructions: None,
            batch_size: None,
            unusable: 0,
            notes: Vec::new(),
            network: None,
        }
    }

    fn run(
        arguments: &EvalArguments,
        task: &Task,
        processes: &Processes,
        terminal: &Terminal,
    ) -> Result<Self> {
        let running = &arguments.running;
        let device = processes.device(&arguments.model.device);
        let model = &ModelArguments { device, ..arguments.model.clone() };
        let mut engine = engine::load_for_pairs(model, running.feature_cache, terminal)?;
        let (description, device) = (engine.description()?, engine::device_name(&engine));
        ensure!(
            !arguments.scoring.confidence || engine.is_calibrated(),
            "--confidence: `{}` is not calibrated and says of no match how likely it is right; leave the flag out",
            description.weights
        );
        let input = engine.input();
        let exif = arguments.selection.exif.into();
        let options = PredictOptions {
            batch_size: running.batch_size,
            skip_bad: arguments.selection.skip_bad,
            protocols: &task.protocols,
            column: task.headline(),
            wanted: if arguments.scoring.confidence { Wanted::Confidence } else { Wanted::Matches },
        };
        let progress = EvaluationProgress::new(terminal, task.pairs.len(), task.headline().label());
        let communicator = &*processes.communicator;
        let (pairs, world) = (task.pairs.len(), communicator.world_size());
        if world > pairs {
            terminal
                .log(&format!("{} keep no more of {world} processes busy", counted(pairs, "pair")));
        }
        communicator.ensure_same("data", &task.dataset().fingerprint)?;
        communicator.ensure_same("weights", description.sha256.as_deref().unwrap_or_default())?;
        let load = |key: &FrameKey| prefetch::load(key, input, exif);
        let predictions = predict_together(
            communicator,
            &task.pairs,
            &mut |pairs, on_event| predict(pairs, &options, &load, &mut engine, on_event),
            &mut |event| progress.on(event),
        )?;
        Ok(Self {
            predictions,
            protocols: task.protocols.clone(),
            model: ModelReport {
                kind: ModelKind::Network,
                weights: description.weights,
                sha256: description.sha256,
                config: Some(
                    serde_json::to_value(&description.config)
                        .context("writing the model's configuration")?,
                ),
                parameters: Some(description.parameters),
            },
            instructions: (device == "cpu").then(instructions),
            device: Some(device),
            precision: model.precision.to_possible_value().map(|value| value.get_name().to_owned()),
            batch_size: Some(running.batch_size.get()),
            unusable: 0,
            notes: Vec::new(),
            network: arguments.outputs.html.is_some().then_some(engine),
        })
    }
}

/// How many points were answered by `null`, if any were.
fn not_found(predictions: &[Prediction]) -> Option<String> {
    let count: usize = predictions.iter().map(Prediction::not_found).sum();
    let all = predictions.iter().map(|prediction| prediction.points.len()).sum::<usize>();
    (count > 0)
        .then(|| format!("{count} of {all} points are `null`, not found: they count as wrong"))
}
