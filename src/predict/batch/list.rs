//! A list of pairs and what is wanted of each.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::data::photo::orientation::Exif;
use crate::predict::correspondence::Resolution;
use crate::predict::limits::Limits;
use crate::predict::output::{Format, Output};
use crate::predict::pair_list::{Entry, ListedPair};
use crate::predict::plan::Plan;

/// What the page that lists all pairs is called.
const INDEX: &str = "index.html";

/// A list of pairs and what is wanted of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    /// The list.
    pub entries: &'a [Entry],
    /// Where the files go.
    pub folder: &'a Path,
    /// The files of each pair: `NAME.ending` for each ending.
    pub formats: &'a [(String, Format)],
    /// The grid of flows and confidences.
    pub resolution: Resolution,
    /// What is done about the photos' EXIF orientation.
    pub exif: Exif,
    /// Whatever else the files depend on: the weights' hash, the precision, the values of flags. Results of
    /// others are not taken for done.
    pub settings: &'a str,
    /// Which matches count.
    pub limits: Limits,
    /// Pairs that go through the network at once.
    pub batch_size: usize,
}

impl Batch<'_> {
    /// What is wanted of one pair.
    pub(crate) fn plan(&self, pair: &ListedPair) -> Plan {
        let output = |(ending, format): &(String, Format)| Output {
            format: *format,
            path: self.folder.join(format!("{}.{ending}", pair.name)),
        };
        Plan {
            outputs: self.formats.iter().map(output).collect(),
            keypoints: pair.keypoints.clone(),
            resolution: self.resolution,
            limits: self.limits,
        }
    }

    /// The file that says how those of a pair were made.
    pub(super) fn record_path(&self, pair: &ListedPair) -> PathBuf {
        self.folder.join(format!("{}.json", pair.name))
    }

    /// The page that lists all pairs; there where each pair has a page of its own.
    pub(crate) fn index_path(&self) -> Option<PathBuf> {
        let has_views = self.formats.iter().any(|(_, format)| format.is_view());
        has_views.then(|| self.folder.join(INDEX))
    }

    /// Every file that may be written.
    pub(crate) fn outputs(&self) -> Vec<PathBuf> {
        let files = |pair: &ListedPair| -> Vec<PathBuf> {
            let products = self.plan(pair).outputs.into_iter().map(|output| output.path);
            products.chain([self.record_path(pair)]).collect()
        };
        self.pairs().flat_map(files).chain(self.index_path()).collect()
    }

    /// Every photo that is read.
    pub(crate) fn photos(&self) -> HashSet<PathBuf> {
        self.pairs().flat_map(|pair| [pair.source_path(), pair.target_path()]).collect()
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = &ListedPair> {
        self.entries.iter().filter_map(|entry| entry.pair.as_ref().ok())
    }
}
