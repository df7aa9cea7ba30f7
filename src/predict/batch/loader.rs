//! Takes a list batch by batch and decodes the photos of each on every core, within bounded memory.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rayon::prelude::*;

use crate::data::photo::file::ensure_plain_file;
use crate::data::photo::header::image_size;
use crate::geometry::Size;
use crate::inference::frame::Input;
use crate::predict::batch::list::Batch;
use crate::predict::batch::resume::{self, Contents};
use crate::predict::pair_list::{Entry, ListedPair};
use crate::predict::photo::Photo;
use crate::predict::plan::Plan;
use crate::predict::record::PairOutcome;

/// Pixels of the distinct photos of one batch. Two batches are in memory at once; one pair is taken
/// however large it is.
const MOST_PIXELS: usize = 48_000_000;
/// Entries of one batch, those that need no work included, so that reports flow.
const MOST_ENTRIES: usize = 256;

/// Takes a list batch by batch.
pub(super) struct Loader<'a> {
    batch: &'a Batch<'a>,
    rest: &'a [Entry],
    input: Input,
    /// The photos of the batch before: lists often keep one photo for several pairs. All of a batch's photos are
    /// needed at once, so that a store bounded in bytes would not do.
    recent: HashMap<PathBuf, Decoded>,
    /// What the photos of pairs hold that an earlier run may have finished.
    contents: Contents,
}

/// A photo, or why there is none; shared by the pairs that show it.
type Decoded = Result<Arc<Photo>, Arc<str>>;

/// One entry, made ready.
pub(super) enum Item<'a> {
    /// Nothing remains to be done.
    Settled(PairOutcome),
    /// Both photos are decoded.
    Work(Work<'a>),
}

/// A pair to run.
pub(super) struct Work<'a> {
    pub pair: &'a ListedPair,
    pub plan: Plan,
    pub source: Arc<Photo>,
    pub target: Arc<Photo>,
}

impl<'a> Item<'a> {
    /// The work, if any remains.
    pub(super) fn work(&self) -> Option<&Work<'a>> {
        match self {
            Self::Work(work) => Some(work),
            Self::Settled(_) => None,
        }
    }
}

/// One entry before decoding.
enum Task<'a> {
    Settled(PairOutcome),
    Pair(&'a ListedPair, Plan),
}

impl<'a> Loader<'a> {
    /// At the list's beginning.
    pub(super) fn new(batch: &'a Batch<'a>, input: Input) -> Self {
        let (recent, contents) = Default::default();
        Self { batch, rest: batch.entries, input, recent, contents }
    }

    /// The next entries of the list; none at its end.
    fn next_items(&mut self) -> Vec<(&'a Entry, Item<'a>)> {
        let tasks = self.next_tasks();
        let pairs = tasks.iter().filter_map(|(_, task)| match task {
            Task::Pair(pair, _) => Some(pair),
            Task::Settled(_) => None,
        });
        let wanted: HashSet<PathBuf> =
            pairs.flat_map(|pair| [pair.source_path(), pair.target_path()]).collect();
        let keep_pixels = self.batch.formats.iter().any(|(_, format)| format.needs_photos());
        let recent = &self.recent;
        let decode = |path: PathBuf| {
            let decoded = match recent.get(&path) {
                Some(decoded) => decoded.clone(),
                None => Photo::read(&path, self.batch.exif, self.input, keep_pixels)
                    .map(Arc::new)
                    .map_err(|error| format!("{error:#}").into()),
            };
            (path, decoded)
        };
        self.recent = wanted.into_par_iter().map(decode).collect();
        tasks.into_iter().map(|(entry, task)| (entry, self.item(task))).collect()
    }

    /// The next entries, as many as make a batch.
    fn next_tasks(&mut self) -> Vec<(&'a Entry, Task<'a>)> {
        let mut tasks = Vec::new();
        let (mut pairs, mut pixels) = (0, 0);
        while let Some((entry, rest)) = self.rest.split_first() {
            let task = self.task(entry);
            if let Task::Pair(pair, _) = &task {
                pixels += pixel_count(&pair.source_path()) + pixel_count(&pair.target_path());
                if pairs > 0 && (pairs == self.batch.batch_size || pixels > MOST_PIXELS) {
                    break;
                }
                pairs += 1;
            }
            tasks.push((entry, task));
            self.rest = rest;
            if tasks.len() == MOST_ENTRIES {
                break;
            }
        }
        tasks
    }

    fn task(&mut self, entry: &'a Entry) -> Task<'a> {
        match &entry.pair {
            Err(error) => Task::Settled(PairOutcome::failed(error)),
            Ok(pair) => {
                let photos = [pair.source_path(), pair.target_path()];
                if let Err(error) = photos.iter().try_for_each(|path| ensure_plain_file(path)) {
                    return Task::Settled(PairOutcome::failed(&error));
                }
                match resume::finished(self.batch, pair, &mut self.contents) {
                    Some(prediction) => Task::Settled(PairOutcome::Skipped(prediction)),
                    None => Task::Pair(pair, self.batch.plan(pair)),
                }
            }
        }
    }

    fn item(&self, task: Task<'a>) -> Item<'a> {
        let (pair, plan) = match task {
            Task::Settled(outcome) => return Item::Settled(outcome),
            Task::Pair(pair, plan) => (pair, plan),
        };
        let photo =
            |path: PathBuf| self.recent[&path].clone().map_err(|error| anyhow::anyhow!("{error}"));
        let ready = || -> Result<Work<'a>> {
            let (source, target) = (photo(pair.source_path())?, photo(pair.target_path())?);
            if let Some(keypoints) = &plan.keypoints {
                keypoints.check(source.size, target.size)?;
            }
            Ok(Work { pair, plan, source, target })
        };
        match ready() {
            Ok(work) => Item::Work(work),
            Err(error) => Item::Settled(PairOutcome::failed(&error)),
        }
    }
}

impl<'a> Iterator for Loader<'a> {
    type Item = Vec<(&'a Entry, Item<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let items = self.next_items();
        (!items.is_empty()).then_some(items)
    }
}

/// The pixels that a file's header announces; 0 if it has none, which decoding will report.
fn pixel_count(path: &Path) -> usize {
    image_size(path).map_or(0, Size::area)
}
