//! Which process is lost, by what is seen of all.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Without a sign of life for so long, a process is lost.
const SILENCE: Duration = Duration::from_secs(20);

/// The same where a transfer has failed already.
const SILENCE_AFTER_FAILURE: Duration = Duration::from_secs(8);

/// Why a process ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Failure {
    /// Its number.
    pub rank: usize,
    /// The steps it had done.
    pub step: u64,
    /// The reason.
    pub text: String,
    /// The exit code that goes with it.
    pub code: i32,
}

/// What was seen of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Its signs of life.
    pub count: u64,
    /// When the last came.
    pub at: Instant,
    /// Steps it had done by then.
    pub step: u64,
    /// Whether it waited for others.
    pub waiting: bool,
}

/// What a process sees of the others.
#[derive(Debug)]
pub(super) struct View {
    seen: Vec<Seen>,
    /// When the store last answered.
    pub answered: Instant,
    /// Whether it is known not to be there any more.
    pub unreachable: bool,
    /// What a process told before it ended.
    pub failure: Option<Failure>,
}

/// How a process was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
enum How {
    Failed(String),
    Silent(Duration),
    Late(Duration),
    Unreachable,
}

/// A process that is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// Its number.
    pub rank: usize,
    /// The steps it had done.
    pub step: u64,
    /// The exit code that goes with it.
    pub code: i32,
    how: How,
}

impl View {
    /// Of so many processes, none of which has been seen.
    pub(super) fn new(processes: usize, now: Instant) -> Self {
        let seen = Seen { count: 0, at: now, step: 0, waiting: false };
        Self { seen: vec![seen; processes], answered: now, unreachable: false, failure: None }
    }

    /// What is seen of a process now.
    pub(super) fn see(&mut self, rank: usize, now: Seen) {
        let Some(seen) = self.seen.get_mut(rank) else { return };
        let at = if now.count == seen.count { seen.at } else { now.at };
        *seen = Seen { at, ..now };
    }
}

/// The process that is lost, as the process `own` sees it, which has waited too long if it has `waited`, and one of
/// whose transfers has failed if that is `broken`.
pub(super) fn verdict(
    view: &View,
    own: usize,
    waited: Option<Duration>,
    broken: bool,
    now: Instant,
) -> Option<Lost> {
    if let Some(Failure { rank, step, text, code }) = view.failure.clone() {
        return Some(Lost { rank, step, code, how: How::Failed(text) });
    }
    let others = || view.seen.iter().enumerate().filter(|(rank, _)| looks_after(own, *rank));
    let lost = |(rank, seen): (usize, &Seen), how| Lost { rank, step: seen.step, code: 1, how };
    let silence = if broken { SILENCE_AFTER_FAILURE } else { SILENCE };
    // The first process has its store in it, or beside it.
    if view.unreachable || now - view.answered > silence + SILENCE_AFTER_FAILURE {
        return view.seen.first().map(|first| lost((0, first), How::Unreachable));
    }
    let silent = others().find(|(_, seen)| now - seen.at > silence);
    if let Some((rank, seen)) = silent {
        return Some(lost((rank, seen), How::Silent(now - seen.at)));
    }
    let late = others().find(|(_, seen)| !seen.waiting)?;
    Some(lost(late, How::Late(waited?)))
}

/// Whether a process looks after another: the first after all, all after the first.
fn looks_after(own: usize, other: usize) -> bool {
    own != other && (own == 0 || other == 0)
}

impl Lost {
    /// Whether it is the process `own` that tells: the first, or of the first the second.
    pub(super) fn told_by(&self, own: usize) -> bool {
        match self.rank {
            0 => own == 1 && !self.told_by_itself(),
            _ => own == 0,
        }
    }

    /// Whether it is the process itself that has told, or is about to.
    pub(super) fn told_by_itself(&self) -> bool {
        self.rank == 0 && matches!(self.how, How::Failed(_))
    }

    /// What is told of it.
    pub(super) fn text(&self, hosts: &[String], standing: &str) -> String {
        let Self { rank, step, how, .. } = self;
        let host = hosts.get(*rank).map_or("", String::as_str);
        let who = format!("rank {rank} on `{host}`");
        let done = match how {
            // It says itself what is left.
            How::Failed(text) => return format!("{who} failed after step {step}: {text}"),
            How::Silent(time) => format!(
                "{who} is lost after step {step}: nothing was heard of it for {} s (killed, stopped, out of memory, or \
                 its machine cannot be reached)",
                time.as_secs()
            ),
            How::Late(time) => format!(
                "{who} hangs after step {step}: the other processes have waited for it for {} s",
                time.as_secs()
            ),
            How::Unreachable => format!(
                "{who} is lost after step {step}: it cannot be reached (killed, out of memory, or its machine is gone)"
            ),
        };
        if standing.is_empty() { done } else { format!("{done}; {standing}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(now: Instant) -> View {
        let mut view = View::new(3, now);
        for rank in 0..3 {
            view.see(rank, Seen { count: 1, at: now, step: 5 + rank as u64, waiting: rank != 1 });
        }
        view
    }

    fn after(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[test]
    fn who_is_silent_is_lost_and_the_first_tells() {
        let mut view = view(Instant::now());
        let hosts = ["a", "b", "c"].map(str::to_owned);
        (view.answered, view.seen[1].at) = (after(30), after(25));
        assert_eq!(verdict(&view, 1, None, false, after(19)), None);
        let lost = verdict(&view, 0, None, false, after(30)).unwrap();
        assert_eq!((lost.rank, lost.step), (2, 7));
        assert!(lost.told_by(0) && !lost.told_by(1));
        let text = lost.text(&hosts, "all stands");
        assert!(text.starts_with("rank 2 on `c` is lost after step 7: nothing"), "{text}");
        assert!(text.ends_with("; all stands"), "{text}");
        // The second looks after the first alone, and tells of it.
        let lost = verdict(&view, 1, None, false, after(30)).unwrap();
        assert!(lost.rank == 0 && lost.told_by(1) && !lost.told_by(2));
        let soon = |broken| verdict(&view, 1, None, broken, after(10)).is_some();
        assert_eq!([false, true].map(soon), [false, true]);
    }

    #[test]
    fn who_is_waited_for_and_does_not_wait_hangs() {
        let view = view(Instant::now());
        assert_eq!(verdict(&view, 0, None, false, Instant::now()), None);
        let waited = Some(Duration::from_secs(41));
        let lost = verdict(&view, 0, waited, false, Instant::now()).unwrap();
        assert!(lost.rank == 1 && lost.text(&[], "").contains("hangs after step 6"), "{lost:?}");
        assert_eq!(verdict(&view, 2, waited, false, Instant::now()), None, "the first waits too");
    }

    #[test]
    fn a_store_that_is_gone_is_the_first_and_a_failure_says_why_itself() {
        let mut view = view(Instant::now());
        view.unreachable = true;
        let lost = verdict(&view, 1, None, false, Instant::now()).unwrap();
        assert!(lost.rank == 0 && lost.told_by(1) && lost.text(&[], "").contains("step 5"));
        view.failure = Some(Failure { rank: 0, step: 9, text: "no space".to_owned(), code: 4 });
        let lost = verdict(&view, 1, None, false, Instant::now()).unwrap();
        assert_eq!(lost.code, 4);
        assert!(!lost.told_by(1) && lost.text(&[], "").contains("after step 9: no space"));
    }
}
