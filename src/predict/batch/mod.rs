//! A list of pairs: decoding runs ahead of the network, results are written side by side, and what an
//! earlier run finished is not done again.

mod index;
pub(crate) mod list;
mod loader;
mod resume;
mod work;

use std::path::PathBuf;

use anyhow::Result;
use rayon::prelude::*;

use crate::geometry::Turn;
use crate::inference::FlowNetwork;
use crate::predict::batch::index::Index;
use crate::predict::batch::list::Batch;
use crate::predict::batch::loader::Loader;
use crate::predict::batch::work::{Candidate, Item, Work};
use crate::predict::certainty::most_certain;
use crate::predict::correspondence::{Correspondence, Needs};
use crate::predict::pair::{Seen, correspond, write};
use crate::predict::pair_list::Entry;
use crate::predict::record::{PairOutcome, Prediction, Record};
use crate::prefetch::Prefetch;
pub(crate) use index::ensure_index;
pub(crate) use resume::{ensure_records, is_result};

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
    /// One more pair has ended.
    pub(crate) fn count(&mut self, outcome: &PairOutcome) {
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
    let mut results = predictions(batch, network, &work).into_iter();
    let mut outcome = |item: Item| match item {
        Item::Settled(outcome) => *outcome,
        Item::Work(_) => match results.next() {
            Some(Ok(prediction)) => PairOutcome::Done(prediction),
            Some(Err(error)) => PairOutcome::failed(&error),
            None => unreachable!("every piece of work has a result"),
        },
    };
    items.into_iter().map(|(entry, item)| (entry, outcome(item))).collect()
}

/// What is found of each piece of work, and written.
fn predictions(
    batch: &Batch,
    network: &mut dyn FlowNetwork,
    work: &[&Work],
) -> Vec<Result<Prediction>> {
    let chosen: Vec<Result<Chosen>> =
        work.iter().map(|work| chosen(batch, network, work)).collect();
    let sound: Vec<&Chosen> = chosen.iter().filter_map(|chosen| chosen.as_ref().ok()).collect();
    let results: Vec<Result<Prediction>> = correspond_each(network, &sound)
        .into_par_iter()
        .zip(&sound)
        .map(|(pair, chosen)| finish(batch, chosen, &pair?))
        .collect();
    let mut results = results.into_iter();
    let mut result = |chosen: Result<Chosen>| {
        chosen.and_then(|_| results.next().expect("every source that is taken has a result"))
    };
    chosen.into_iter().map(&mut result).collect()
}

/// The source that is taken, and how the target is turned.
struct Chosen<'a> {
    work: &'a Work<'a>,
    index: usize,
    turn: Turn,
}

impl Chosen<'_> {
    fn candidate(&self) -> &Candidate {
        &self.work.candidates[self.index]
    }

    fn seen(&self) -> Seen<'_> {
        Seen { source: &self.candidate().photo, target: &self.work.target, turn: self.turn }
    }
}

/// The best of all sources and turns.
fn chosen<'a>(
    batch: &Batch,
    network: &mut dyn FlowNetwork,
    work: &'a Work<'a>,
) -> Result<Chosen<'a>> {
    let indices = 0..work.candidates.len();
    let ways: Vec<Chosen> = indices
        .flat_map(|index| batch.turns.iter().map(move |turn| Chosen { work, index, turn: *turn }))
        .collect();
    let best = if ways.len() > 1 {
        let seen: Vec<Seen> = ways.iter().map(Chosen::seen).collect();
        most_certain(network, &seen, batch.batch_size)?
    } else {
        0
    };
    Ok(ways.into_iter().nth(best).expect("there is a source and a way to see the target"))
}

/// The correspondences of all pairs at once; if that fails, of each alone, to find the culprit.
fn correspond_each(
    network: &mut dyn FlowNetwork,
    chosen: &[&Chosen],
) -> Vec<Result<Correspondence>> {
    let needs = chosen.iter().map(|chosen| chosen.candidate().plan.needs());
    let needs = needs.max().unwrap_or(Needs::Matches);
    let seen: Vec<Seen> = chosen.iter().map(|chosen| chosen.seen()).collect();
    match correspond(network, &seen, needs) {
        Ok(pairs) => pairs.into_iter().map(Ok).collect(),
        Err(error) if seen.len() == 1 => vec![Err(error)],
        Err(_) => {
            let alone = |seen| Ok(correspond(network, &[seen], needs)?.remove(0));
            seen.into_iter().map(alone).collect()
        }
    }
}

/// Writes the files of one pair, and last the record that says they are complete.
fn finish(batch: &Batch, chosen: &Chosen, pair: &Correspondence) -> Result<Prediction> {
    let (work, plan) = (chosen.work, &chosen.candidate().plan);
    resume::forget(batch, work.pair)?;
    let Seen { source, target, .. } = chosen.seen();
    let (prediction, attempts) = write(pair, source, target, plan);
    attempts.conclude()?;
    let source_index = (work.candidates.len() > 1).then_some(chosen.index);
    let prediction = Prediction { source_index, ..prediction };
    resume::remember(batch, work, &prediction)?;
    Ok(prediction)
}

fn record(entry: &Entry, outcome: PairOutcome) -> Record {
    let source = match &outcome {
        PairOutcome::Done(prediction) | PairOutcome::Skipped(prediction) => prediction.source_index,
        PairOutcome::Failed { .. } => None,
    };
    let label = entry.pair.as_ref().map(|pair| pair.label(source)).unwrap_or_default();
    Record { line: entry.line, frame: entry.frame, label, outcome }
}
