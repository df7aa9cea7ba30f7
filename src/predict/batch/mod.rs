//! A list of pairs: decoding runs ahead of the network, results are written side by side, and what an
//! earlier run finished is not done again.

mod index;
pub(crate) mod list;
mod loader;
mod resume;

use std::path::PathBuf;

use anyhow::Result;
use rayon::prelude::*;

use crate::inference::FlowNetwork;
use crate::predict::batch::index::Index;
use crate::predict::batch::list::Batch;
use crate::predict::batch::loader::{Item, Loader, Work};
use crate::predict::correspondence::{Correspondence, Needs};
use crate::predict::pair::{correspond, write};
use crate::predict::pair_list::Entry;
use crate::predict::photo::Photo;
use crate::predict::record::{PairOutcome, Prediction, Record};
use crate::prefetch::Prefetch;
pub(crate) use index::ensure_index;
pub(crate) use resume::ensure_records;

/// How many pairs ended how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Done now.
    pub done: usize,
    /// Done by an earlier run.
    pub skipped: usize,
    /// Not done, each reported.
    pub failed: usize,
    /// Those of the done, now or before, of which hardly anything corresponds.
    pub hardly_matching: usize,
    /// Whether the run was stopped before the end of the list.
    pub interrupted: bool,
    /// The page that lists all pairs, if there is one.
    pub index: Option<PathBuf>,
}

/// Runs the list, reporting every pair in its order. `stopped` is asked between batches. The page that lists all
/// pairs comes last, and says what is there if the run was stopped.
///
/// # Errors
/// When the thread that decodes cannot be started, or that page cannot be written.
pub(crate) fn run(
    batch: &Batch,
    network: &mut dyn FlowNetwork,
    report: &mut dyn FnMut(Record),
    stopped: &dyn Fn() -> bool,
) -> Result<Summary> {
    let mut summary = Summary::default();
    let loader = Loader::new(batch, network.input());
    let mut index = Index::new(batch);
    std::thread::scope(|scope| {
        // The next photos are decoded while the network and the writers work on these.
        for items in Prefetch::start_in(scope, 0, loader)? {
            if stopped() {
                summary.interrupted = true;
                break;
            }
            if let Some(index) = &mut index {
                index.look_at(&items);
            }
            for (entry, outcome) in outcomes(batch, network, items) {
                summary.count(&outcome);
                if let Some(index) = &mut index {
                    index.add(entry, &outcome);
                }
                report(record(entry, outcome));
            }
        }
        Ok::<_, anyhow::Error>(())
    })?;
    // A run that was stopped at once knows less than the page of the run before.
    let index = index.filter(|index| !(summary.interrupted && index.is_empty()));
    summary.index = index.map(Index::write).transpose()?;
    Ok(summary)
}

impl Summary {
    fn count(&mut self, outcome: &PairOutcome) {
        let prediction = match outcome {
            PairOutcome::Done(prediction) => {
                self.done += 1;
                prediction
            }
            PairOutcome::Skipped(prediction) => {
                self.skipped += 1;
                prediction
            }
            PairOutcome::Failed { .. } => {
                self.failed += 1;
                return;
            }
        };
        let hardly = prediction.verdict.is_some_and(|verdict| verdict.hardly_matches);
        self.hardly_matching += usize::from(hardly);
    }
}

/// Brings every item to its end, in order.
fn outcomes<'a>(
    batch: &Batch,
    network: &mut dyn FlowNetwork,
    items: Vec<(&'a Entry, Item<'a>)>,
) -> Vec<(&'a Entry, PairOutcome)> {
    let work: Vec<&Work> = items.iter().filter_map(|(_, item)| item.work()).collect();
    let mut results = correspond_each(network, &work)
        .into_par_iter()
        .zip(&work)
        .map(|(pair, work)| finish(batch, work, &pair?))
        .collect::<Vec<Result<Prediction>>>()
        .into_iter();
    let mut outcome = |item: Item| match item {
        Item::Settled(outcome) => outcome,
        Item::Work(_) => match results.next() {
            Some(Ok(prediction)) => PairOutcome::Done(prediction),
            Some(Err(error)) => PairOutcome::failed(&error),
            None => unreachable!("every piece of work has a result"),
        },
    };
    items.into_iter().map(|(entry, item)| (entry, outcome(item))).collect()
}

/// The correspondences of all pairs at once; if that fails, of each alone, to find the culprit.
fn correspond_each(network: &mut dyn FlowNetwork, work: &[&Work]) -> Vec<Result<Correspondence>> {
    let needs = work.iter().map(|work| work.plan.needs()).max().unwrap_or(Needs::Matches);
    let photos: Vec<(&Photo, &Photo)> =
        work.iter().map(|work| (&*work.source, &*work.target)).collect();
    match correspond(network, &photos, needs) {
        Ok(pairs) => pairs.into_iter().map(Ok).collect(),
        Err(error) if photos.len() == 1 => vec![Err(error)],
        Err(_) => {
            let alone = |photos| Ok(correspond(network, &[photos], needs)?.remove(0));
            photos.into_iter().map(alone).collect()
        }
    }
}

/// Writes the files of one pair, and last the record that says they are complete.
fn finish(batch: &Batch, work: &Work, pair: &Correspondence) -> Result<Prediction> {
    resume::forget(batch, work.pair)?;
    let (prediction, attempts) = write(pair, &work.source, &work.target, &work.plan);
    attempts.conclude()?;
    let photos = [&work.source, &work.target].map(|photo| photo.content.clone());
    resume::remember(batch, work.pair, photos, &prediction)?;
    Ok(prediction)
}

fn record(entry: &Entry, outcome: PairOutcome) -> Record {
    let photos = entry.pair.as_ref().ok().map(|pair| [&*pair.source, &*pair.target]);
    Record::new(Some(entry.line), photos, outcome)
}
