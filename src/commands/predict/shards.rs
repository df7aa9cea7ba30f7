//! A list of pairs in several processes at once, each with a part of it.

use std::collections::VecDeque;
use std::env;
use std::num::NonZeroUsize;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, anyhow};
use rustix::process::Signal;

use crate::cli::predict::PredictArguments;
use crate::commands::interrupt::stop_on_interrupt;
use crate::commands::{Outcome, usage_error};
use crate::predict::batch::Summary;
use crate::predict::pair_list;
use crate::processes::crew::{Crew, News};
use crate::processes::launch::INTERRUPTED;
use crate::processes::shards::Shard;
use crate::spelling::counted;
use crate::terminal::{Terminal, print_error};

/// The part of a worker among those that this program started.
const SHARE: &str = "LPMFLOW_SHARE";

/// The part that this process has been given by another that started it.
///
/// # Errors
/// When somebody else has set that variable.
pub(super) fn given() -> Result<Option<Shard>> {
    let Ok(text) = env::var(SHARE) else { return Ok(None) };
    let shard = text.parse().map_err(anyhow::Error::msg);
    shard.map(Some).with_context(|| format!("reading {SHARE}"))
}

/// Has `count` workers do the list, or as many as it has pairs, and tells what they find in its order. What their
/// pairs came to is there unless somebody stopped them or reads no more.
///
/// # Errors
/// When the list cannot be read, or a worker cannot be started.
pub(super) fn run(
    arguments: &PredictArguments,
    list: &Path,
    count: NonZeroUsize,
    terminal: &Terminal,
) -> Result<(Outcome, Summary)> {
    if list.as_os_str() == "-" {
        let message =
            "workers cannot all read the list from standard input: name a file for --pairs";
        return Err(usage_error("predict", message));
    }
    let entries = pair_list::read(list)?.entries.len();
    let entries = arguments.list.shard.map_or(entries, |shard| shard.of(entries).len());
    let of_use = NonZeroUsize::new(entries).unwrap_or(NonZeroUsize::MIN).min(count);
    if of_use < count {
        let pairs = counted(entries, "pair");
        terminal.log(&format!("{pairs}: no more than {} started", counted(of_use.get(), "worker")));
    }
    let count = of_use;
    let stopped = stop_on_interrupt()?;
    let share = |rank| (SHARE, Shard { index: rank, count: count.get() }.to_string());
    let mut crew = Crew::start(env::args_os().skip(1).collect(), count, &share)?;
    let progress = terminal.progress(("matching", "pairs"), entries, "{bar:30} {pos}/{len} pairs");
    // Lines of workers that come after one that has not come to its end.
    let mut waiting = vec![VecDeque::new(); count.get()];
    let mut turn = 0;
    let mut ended = vec![None; count.get()];
    let mut summary = Summary::default();
    while ended.contains(&None) {
        if !summary.interrupted && (stopped.load(Ordering::Relaxed) || terminal.reader_is_gone()) {
            summary.interrupted = true;
            crew.interrupt();
        }
        match crew.news()? {
            None => {}
            Some(News::Line(rank, line)) => {
                progress.inc(1);
                if let Ok(outcome) = serde_json::from_str(&line) {
                    summary.count(&outcome);
                }
                waiting[rank].push_back(line);
            }
            Some(News::End(rank, status)) => ended[rank] = Some(status),
        }
        while turn < waiting.len() {
            waiting[turn].drain(..).for_each(|line| terminal.result(&line));
            if ended[turn].is_none() {
                break;
            }
            turn += 1;
        }
    }
    drop(progress);
    let statuses: Vec<_> = ended.into_iter().flatten().collect();
    // One that was asked to stop before it could listen is stopped.
    let is_stopped =
        |status: &ExitStatus| summary.interrupted && status.signal() == Some(Signal::INT.as_raw());
    let code = |status: &ExitStatus| {
        if is_stopped(status) { INTERRUPTED } else { status.code().unwrap_or(1) }
    };
    for (rank, status) in statuses.iter().enumerate() {
        if status.code().is_none() && !is_stopped(status) {
            print_error(&anyhow!(
                "worker {rank} ended by {status}: run the same again, and it does what is missing"
            ));
        }
    }
    let codes: Vec<i32> = statuses.iter().map(code).collect();
    summary.interrupted |= codes.contains(&INTERRUPTED);
    let outcome = match codes.iter().max() {
        _ if terminal.reader_is_gone() => Outcome::ReaderGone,
        _ if summary.interrupted => Outcome::Interrupted,
        Some(0) | None => Outcome::Done,
        Some(code) => Outcome::Ended(*code),
    };
    Ok((outcome, summary))
}
