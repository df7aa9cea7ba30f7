//! What is to be evaluated, and under which protocols.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::data::Pair;
use crate::data::catalog::Catalog;
use crate::data::load::{Dataset, Split, fingerprint, load_split, summary};
use crate::data::photo::orientation::{Exif, Turn};
use crate::data::truth::TruthKind;
use crate::eval::column::Column;
use crate::eval::predictions::{Prediction, image_name};
use crate::eval::protocol::Protocol;
use crate::eval::protocol::name::ProtocolName;
use crate::eval::report::{DatasetReport, ModelKind};
use crate::eval::selection::{keep_predicted, remove_unmeasurable, select};
use crate::eval::summary::ascending;
use crate::failure::{Blame, Fault};
use crate::spelling::counted;

/// What of a dataset is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The dataset's name in the catalog.
    pub dataset: &'a str,
    /// The folder that holds the dataset's folder.
    pub data_root: &'a Path,
    /// The dataset's usual split if `None`.
    pub split: Option<&'a str>,
    /// All categories if there are none.
    pub categories: &'a [String],
    /// Only the first pairs of the categories.
    pub limit: Option<usize>,
    /// The headline's protocol first; the dataset's usual one and then all that fit if there are none.
    pub protocols: &'a [ProtocolName],
    /// The dataset's if there are none.
    pub alphas: &'a [f64],
    /// Whether unusable pairs are left out; they are an error otherwise.
    pub skip_bad: bool,
    /// What is done about the EXIF orientation of photos.
    pub exif: Exif,
}

/// What is to be evaluated, and under which protocols.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// The whole split.
    pub split: Split,
    /// The pairs that were selected and can be scored.
    pub pairs: Vec<Pair>,
    /// The protocols, the headline's first.
    pub protocols: Vec<Protocol>,
    /// The alphas, ascending.
    pub alphas: Vec<f64>,
    /// What users should know of pairs that are left out.
    pub warnings: Vec<String>,
    /// What readers of the report should know as well, a sentence each.
    pub notes: Vec<String>,
    /// The dataset's folder.
    root: PathBuf,
    skipped: usize,
    missing: usize,
    /// Of the skipped pairs those whose predictions are unusable.
    refused: usize,
}

/// What is to be known of photos whose EXIF orientation is not upright, if there are any.
pub(crate) fn turned_note(
    pairs: &[Pair],
    turned: &BTreeMap<PathBuf, Turn>,
    exif: Exif,
) -> Option<String> {
    let photos: BTreeSet<&PathBuf> =
        pairs.iter().flat_map(|pair| [&pair.source.path, &pair.target.path]).collect();
    let mut found = photos.iter().filter_map(|path| Some((*path, turned.get(*path)?)));
    let (path, turn) = found.next()?;
    let (count, all, name) = (1 + found.count(), photos.len(), image_name(path));
    Some(match exif {
        Exif::Ignore => format!(
            "{count} of {all} photos have an EXIF orientation that is ignored, as the field's readers do \
             (`{name}`: {turn}); if they were turned after they were annotated, --exif apply turns them back"
        ),
        Exif::Apply => format!(
            "{count} of {all} photos were turned by their EXIF orientation (--exif apply; `{name}`: {turn})"
        ),
    })
}

/// Whether target and source of all pairs change places.
///
/// # Errors
/// When they do so for some of the protocols alone.
fn exchanges(protocols: &[Protocol]) -> Result<bool> {
    let exchanging = protocols.iter().filter(|protocol| protocol.exchanges);
    let names: Vec<String> = exchanging.map(|protocol| format!("`{}`", protocol.name)).collect();
    ensure!(
        names.is_empty() || names.len() == protocols.len(),
        "target and source change places for {}, and for the other protocols they do not: score them by runs of \
         their own",
        names.join(", ")
    );
    Ok(!names.is_empty())
}

impl Task {
    /// Reads the dataset and selects from it what is wanted.
    ///
    /// # Errors
    /// When the dataset is unusable, or cannot be scored as wanted.
    pub(crate) fn new(catalog: &Catalog, wanted: &Wanted) -> Result<Self> {
        let entry = catalog.get(wanted.dataset).blame(Fault::Data)?;
        let layout = entry.layout;
        let protocols = match wanted.protocols {
            [] => Protocol::all_for_layout(entry.protocol.parse()?, layout)?,
            names => names
                .iter()
                .map(|name| Protocol::for_layout(*name, layout))
                .collect::<Result<_>>()?,
        };
        let exchanges = exchanges(&protocols)?;
        ensure!(
            wanted.alphas.is_empty() || layout.annotations().truth != TruthKind::Outlines,
            "{} is measured by outlines, which alphas play no part in",
            entry.title
        );
        let alphas = if wanted.alphas.is_empty() { &entry.alphas } else { wanted.alphas };
        let split = wanted.split.unwrap_or(&entry.default_split);
        let (name, data_root, exif) = (wanted.dataset, wanted.data_root, wanted.exif);
        let dataset = Dataset { name, entry, data_root, exif };
        let mut loaded = load_split(&dataset, split, wanted.skip_bad).blame(Fault::Data)?;
        let mut warnings = Vec::new();
        if loaded.skipped > 0 {
            let reasons = summary(&loaded.problems);
            let pairs = counted(loaded.skipped, "unusable pair");
            warnings.push(format!("left out: {pairs}\n{reasons}"));
        }
        if exchanges {
            loaded.split.pairs.iter_mut().for_each(Pair::exchange);
        }
        let mut pairs = loaded.split.pairs.clone();
        let mut notes = loaded.notes;
        notes.extend(select(&mut pairs, wanted.categories, wanted.limit).blame(Fault::Data)?);
        let unmeasurable = remove_unmeasurable(&mut pairs, &protocols);
        if !wanted.skip_bad {
            unmeasurable.ensure_none().blame(Fault::Data)?;
        }
        if !unmeasurable.is_empty() {
            warnings.push(format!("left out: {unmeasurable}"));
        }
        notes.extend(turned_note(&pairs, &loaded.turned, exif));
        Ok(Self {
            split: loaded.split,
            pairs,
            protocols,
            alphas: ascending(alphas),
            warnings,
            notes,
            root: entry.folder(wanted.data_root),
            skipped: loaded.skipped + unmeasurable.count(),
            missing: 0,
            refused: 0,
        })
    }

    /// The dataset's folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The score that decides.
    pub(crate) fn headline(&self) -> Column {
        Column::headline(&self.protocols, &self.alphas)
    }

    /// The protocols as they apply to predictions that are read from a file.
    pub(crate) fn stored_protocols(&self, predictions: &[Prediction]) -> Vec<Protocol> {
        let has = |frame| predictions.iter().all(|prediction| prediction.framed(frame).is_some());
        self.protocols.iter().map(|protocol| protocol.stored(has(protocol.frame))).collect()
    }

    /// Leaves the pairs that got a prediction of a model of this kind, and counts the others, each once.
    pub(crate) fn keep_predicted(&mut self, predictions: &[Prediction], kind: ModelKind) {
        let others = keep_predicted(&mut self.pairs, predictions);
        match kind {
            ModelKind::Predictions => self.missing += others.saturating_sub(self.refused),
            ModelKind::Network | ModelKind::Baseline => self.skipped += others,
        }
    }

    /// Counts pairs that are left out because the predictions for them are unusable.
    pub(crate) fn leave_out(&mut self, pairs: usize) {
        self.skipped += pairs;
        self.refused += pairs;
    }

    /// What reports say of the pairs.
    pub(crate) fn dataset(&self) -> DatasetReport {
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
