//! What is to be evaluated, and under which protocols.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;

use crate::cli::eval::EvalArguments;
use crate::data::Pair;
use crate::data::catalog::Catalog;
use crate::data::load::{Split, fingerprint, load_split, summary};
use crate::eval::predictions::Prediction;
use crate::eval::protocol::Protocol;
use crate::eval::report::{DatasetReport, ModelKind};
use crate::eval::selection::{ensure_none, keep_predicted, remove_unmeasurable, select};
use crate::eval::summary::ascending;
use crate::terminal::Terminal;

/// What is to be evaluated, and under which protocols.
pub(super) struct Task {
    /// The whole split.
    pub split: Split,
    /// The pairs that were selected and can be scored.
    pub pairs: Vec<Pair>,
    /// The protocols, the headline's first.
    pub protocols: Vec<Protocol>,
    /// The alphas, ascending.
    pub alphas: Vec<f64>,
    /// The dataset's folder.
    root: PathBuf,
    skipped: usize,
    missing: usize,
}

impl Task {
    /// Reads the dataset and selects from it as the flags say.
    ///
    /// # Errors
    /// When the dataset is unusable, or cannot be scored as wanted.
    pub(super) fn new(arguments: &EvalArguments, terminal: &Terminal) -> Result<Self> {
        let (selection, scoring) = (&arguments.selection, &arguments.scoring);
        let catalog = Catalog::load(selection.datasets.as_deref())?;
        let entry = catalog.get(&selection.dataset)?;
        let split = selection.split.as_deref().unwrap_or(&entry.default_split);
        let layout = entry.layout;
        let protocols = match &scoring.protocol[..] {
            [] => Protocol::all_for_layout(entry.protocol.parse()?, layout)?,
            names => names
                .iter()
                .map(|name| Protocol::for_layout(*name, layout))
                .collect::<Result<_>>()?,
        };
        let alphas = if scoring.alpha.is_empty() { &entry.alphas } else { &scoring.alpha };
        let (data_root, skip_bad) = (&selection.data_root, selection.skip_bad);
        let loaded = load_split(&selection.dataset, entry, data_root, split, skip_bad)?;
        if loaded.skipped > 0 {
            let reasons = summary(&loaded.problems);
            terminal.warn(&format!("{} unusable pairs are left out\n{reasons}", loaded.skipped));
        }
        let mut pairs = loaded.split.pairs.clone();
        select(&mut pairs, &selection.category, selection.limit.map(NonZeroUsize::get))?;
        let unmeasurable = remove_unmeasurable(&mut pairs, &protocols);
        if !skip_bad {
            ensure_none(&unmeasurable, "pairs cannot be scored")?;
        }
        unmeasurable.iter().for_each(|error| terminal.warn(&format!("left out: {error:#}")));
        Ok(Self {
            split: loaded.split,
            pairs,
            protocols,
            alphas: ascending(alphas),
            root: data_root.join(&entry.root),
            skipped: loaded.skipped + unmeasurable.len(),
            missing: 0,
        })
    }

    /// Leaves the pairs that got a prediction of a model of this kind, and counts the others.
    pub(super) fn keep_predicted(&mut self, predictions: &[Prediction], kind: ModelKind) {
        let others = keep_predicted(&mut self.pairs, predictions);
        match kind {
            ModelKind::Predictions => self.missing += others,
            ModelKind::Network | ModelKind::Baseline => self.skipped += others,
        }
    }

    /// What reports say of the pairs.
    pub(super) fn dataset(&self) -> DatasetReport {
        DatasetReport {
            name: self.split.dataset.clone(),
            layout: self.split.layout.name().to_owned(),
            split: self.split.name.clone(),
            pairs: self.pairs.len(),
            missing: self.missing,
            skipped: self.skipped,
            fingerprint: fingerprint(&self.pairs, &self.root),
        }
    }
}
