//! A list of pairs and what is wanted of each.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::data::photo::orientation::Exif;
use crate::drawing::Drawing;
use crate::geometry::Turn;
use crate::predict::correspondence::{Needs, Resolution};
use crate::predict::limits::Limits;
use crate::predict::output::{Format, Output};
use crate::predict::pair_list::{Entry, ListedPair};
use crate::predict::plan::Plan;

/// What the page that lists all pairs is called.
pub(crate) const INDEX: &str = "index.html";

/// A list of pairs and what is wanted of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    /// The list, or a part of it.
    pub entries: &'a [Entry],
    /// Whether it is a part.
    pub part: bool,
    /// Where the files go; without one, none is written, and no word of what was done is left.
    pub folder: Option<&'a Path>,
    /// The files of each pair: `NAME.ending` for each ending.
    pub formats: &'a [(String, Format)],
    /// How the network sees targets; of several ways the best is taken.
    pub turns: &'a [Turn],
    /// Whether each pair gets a verdict, whatever the files need.
    pub judged: bool,
    /// The grid of flows and confidences.
    pub resolution: Resolution,
    /// What is done about the photos' EXIF orientation.
    pub exif: Exif,
    /// Whatever else the files depend on: the weights' hash, the precision, the values of flags. Results of
    /// others are not taken for done.
    pub settings: &'a str,
    /// Which matches count.
    pub limits: Limits,
    /// How pictures are drawn.
    pub drawing: Drawing,
    /// Pairs that go through the network at once.
    pub batch_size: usize,
}

impl Batch<'_> {
    /// What is wanted of one pair, but for what is drawn on its photos.
    pub(crate) fn plan(&self, pair: &ListedPair) -> Plan {
        let output = |(ending, format): &(String, Format)| {
            let path = self.folder?.join(format!("{}.{ending}", pair.name));
            Some(Output { format: *format, path })
        };
        Plan {
            outputs: self.formats.iter().filter_map(output).collect(),
            keypoints: pair.keypoints.clone(),
            annotation: None,
            truth: None,
            judged: self.judged,
            resolution: self.resolution,
            limits: self.limits,
            drawing: self.drawing,
        }
    }

    /// The file that says how those of a pair were made.
    pub(super) fn record_path(&self, pair: &ListedPair) -> Option<PathBuf> {
        Some(self.folder?.join(format!("{}.json", pair.name)))
    }

    /// The page that lists all pairs; there where each pair has a page of its own, and the list is whole.
    pub(crate) fn index_path(&self) -> Option<PathBuf> {
        let has_views = !self.part && self.formats.iter().any(|(_, format)| format.is_view());
        Some(self.folder.filter(|_| has_views)?.join(INDEX))
    }

    /// Every file that may be written.
    pub(crate) fn outputs(&self) -> Vec<PathBuf> {
        let files = |pair: &ListedPair| -> Vec<PathBuf> {
            let products = self.plan(pair).outputs.into_iter().map(|output| output.path);
            products.chain(self.record_path(pair)).collect()
        };
        self.pairs().flat_map(files).chain(self.index_path()).collect()
    }

    /// Every file that is read.
    pub(crate) fn inputs(&self) -> HashSet<PathBuf> {
        self.pairs().flat_map(ListedPair::files).collect()
    }

    /// What is to be known of the pairs.
    pub(crate) fn needs(&self) -> Needs {
        self.pairs().map(|pair| self.plan(pair).needs()).max().unwrap_or(Needs::Matches)
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = &ListedPair> {
        self.entries.iter().filter_map(|entry| entry.pair.as_ref().ok())
    }
}
