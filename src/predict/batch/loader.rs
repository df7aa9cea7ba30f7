//! Takes a list batch by batch and decodes the photos of each on every core, within bounded memory.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rayon::prelude::*;

use crate::data::photo::file::ensure_plain_file;
use crate::data::photo::header::image_size;
use crate::geometry::Size;
use crate::inference::frame::Input;
use crate::predict::annotation::Annotation;
use crate::predict::batch::list::Batch;
use crate::predict::batch::resume::{self, Contents};
use crate::predict::batch::work::{Candidate, Item, Work};
use crate::predict::pair_list::{Entry, ListedPair, Source};
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
    recent: HashMap<PathBuf, Decoded<Photo>>,
    /// What is drawn on them, likewise.
    drawn: HashMap<DrawnOn, Decoded<Annotation>>,
    /// What the photos of pairs hold that an earlier run may have finished.
    contents: Contents,
}

/// A file and the photo that it belongs to.
type DrawnOn = (PathBuf, PathBuf);

/// What a file holds, or why there is none; shared by the pairs that need it.
type Decoded<T> = Result<Arc<T>, Arc<str>>;

/// One entry before decoding.
enum Task<'a> {
    Settled(Box<PairOutcome>),
    Pair(&'a ListedPair),
}

impl<'a> Loader<'a> {
    /// At the list's beginning.
    pub(super) fn new(batch: &'a Batch<'a>, input: Input) -> Self {
        let (recent, drawn, contents) = Default::default();
        Self { batch, rest: batch.entries, input, recent, drawn, contents }
    }

    /// The next entries of the list; none at its end.
    fn next_items(&mut self) -> Vec<(&'a Entry, Item<'a>)> {
        let tasks = self.next_tasks();
        let pairs = || {
            tasks.iter().filter_map(|(_, task)| match task {
                Task::Pair(pair) => Some(*pair),
                Task::Settled(_) => None,
            })
        };
        let keep_pixels =
            self.batch.formats.iter().any(|(_, format)| format.needs_photos(self.batch.drawing));
        let (exif, input, turns) = (self.batch.exif, self.input, self.batch.turns);
        self.recent = decoded(&self.recent, pairs().flat_map(ListedPair::photos), |path| {
            Photo::read(path, exif, input, keep_pixels, turns)
        });
        self.drawn = decoded(&self.drawn, pairs().flat_map(annotated), |(file, photo)| {
            Annotation::read(file, photo, exif)
        });
        tasks.into_iter().map(|(entry, task)| (entry, self.item(task))).collect()
    }

    /// The next entries, as many as make a batch.
    fn next_tasks(&mut self) -> Vec<(&'a Entry, Task<'a>)> {
        let mut tasks = Vec::new();
        let (mut pairs, mut pixels, mut wanted) = (0, 0, HashSet::new());
        while let Some((entry, rest)) = self.rest.split_first() {
            let task = self.task(entry);
            if let Task::Pair(pair) = &task {
                let photos = pair.photos().filter(|photo| wanted.insert(photo.clone()));
                pixels += photos.map(|photo| pixel_count(&photo)).sum::<usize>();
                if pairs > 0 && (pairs >= self.batch.batch_size || pixels > MOST_PIXELS) {
                    break;
                }
                pairs += pair.sources.len();
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
            Err(error) => Task::Settled(Box::new(PairOutcome::failed(error))),
            Ok(pair) => {
                if let Err(error) = pair.photos().try_for_each(|path| ensure_plain_file(&path)) {
                    return Task::Settled(Box::new(PairOutcome::failed(&error)));
                }
                match resume::finished(self.batch, pair, &mut self.contents) {
                    Some(prediction) => Task::Settled(Box::new(PairOutcome::Skipped(prediction))),
                    None => Task::Pair(pair),
                }
            }
        }
    }

    fn item(&self, task: Task<'a>) -> Item<'a> {
        let pair = match task {
            Task::Settled(outcome) => return Item::Settled(outcome),
            Task::Pair(pair) => pair,
        };
        match self.work(pair) {
            Ok(work) => Item::Work(work),
            Err(error) => Item::Settled(Box::new(PairOutcome::failed(&error))),
        }
    }

    fn work(&self, pair: &'a ListedPair) -> Result<Work<'a>> {
        let target = found(&self.recent, &pair.target_path())?;
        let drawn = |on: Option<DrawnOn>| on.map(|on| found(&self.drawn, &on)).transpose();
        let truth = drawn(truth_of(pair))?;
        let candidate = |source: Source| {
            let photo = found(&self.recent, &source.photo)?;
            let annotation = drawn(drawn_on(source))?;
            let plan = Plan { annotation, truth: truth.clone(), ..self.batch.plan(pair) };
            plan.check(photo.size, target.size)?;
            Ok(Candidate { photo, plan })
        };
        let candidates = pair.sources().map(candidate).collect::<Result<_>>()?;
        Ok(Work { pair, candidates, target })
    }
}

/// What is drawn on the photos of a pair; the true labels of the target lie on it.
fn annotated(pair: &ListedPair) -> impl Iterator<Item = DrawnOn> {
    pair.sources().filter_map(drawn_on).chain(truth_of(pair))
}

fn drawn_on(source: Source) -> Option<DrawnOn> {
    Some((source.drawn?, source.photo))
}

fn truth_of(pair: &ListedPair) -> Option<DrawnOn> {
    Some((pair.truth_path()?, pair.target_path()))
}

/// What is wanted, decoded on every core but for what is known.
fn decoded<K: Eq + Hash + Clone + Send + Sync, T: Send + Sync>(
    known: &HashMap<K, Decoded<T>>,
    wanted: impl Iterator<Item = K>,
    decode: impl Fn(&K) -> Result<T> + Sync,
) -> HashMap<K, Decoded<T>> {
    let wanted: HashSet<K> = wanted.collect();
    let decode = |key: K| {
        let decoded = match known.get(&key) {
            Some(decoded) => decoded.clone(),
            None => decode(&key).map(Arc::new).map_err(|error| format!("{error:#}").into()),
        };
        (key, decoded)
    };
    wanted.into_par_iter().map(decode).collect()
}

fn found<K: Eq + Hash, T>(known: &HashMap<K, Decoded<T>>, key: &K) -> Result<Arc<T>> {
    known[key].clone().map_err(|error| anyhow::anyhow!("{error}"))
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
