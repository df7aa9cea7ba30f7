//! Which process is lost, by what is seen of all.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::processes::communicator::Unit;

/// Without a sign of life for so long, a process is lost.
const SILENCE: Duration = Duration::from_secs(20);

/// The same where a transfer has failed already.
const SILENCE_AFTER_FAILURE: Duration = Duration::from_secs(8);

/// All processes end an exchange at nearly the same time, and not so long after one another.
const STALLED: Duration = Duration::from_secs(40);

/// Why a process ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Failure {
    /// Its number.
    pub rank: usize,
    /// What it had done.
    pub reached: Option<Unit>,
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
    /// What it had done by then.
    pub reached: Option<Unit>,
    /// How long it had not got on by then, if that was too long.
    pub hangs: Option<Duration>,
    /// The exchange that it waited in, if it did.
    pub waits: Option<u64>,
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
    Hanging(Duration),
    Unreachable,
}

/// A process that is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// Its number.
    pub rank: usize,
    /// What it had done.
    pub reached: Option<Unit>,
    /// The exit code that goes with it.
    pub code: i32,
    how: How,
}

impl View {
    /// Of so many processes, none of which has been seen.
    pub(super) fn new(processes: usize, now: Instant) -> Self {
        let seen = Seen { count: 0, at: now, reached: None, hangs: None, waits: None };
        Self { seen: vec![seen; processes], answered: now, unreachable: false, failure: None }
    }

    /// What is seen of a process now.
    pub(super) fn see(&mut self, rank: usize, now: Seen) {
        let Some(seen) = self.seen.get_mut(rank) else { return };
        let at = if now.count == seen.count { seen.at } else { now.at };
        *seen = Seen { at, ..now };
    }
}

/// Since when a process waits, and in which exchange of all processes.
pub(super) type Waiting = Option<(Instant, u64)>;

/// The process that is lost, as the process `own` sees it, which is `waiting` itself, and one of whose exchanges has
/// failed if that is `broken`.
pub(super) fn verdict(
    view: &View,
    own: usize,
    waiting: Waiting,
    broken: bool,
    now: Instant,
) -> Option<Lost> {
    if let Some(Failure { rank, reached, text, code }) = view.failure.clone() {
        return Some(Lost { rank, reached, code, how: How::Failed(text) });
    }
    let others = || view.seen.iter().enumerate().filter(|(rank, _)| looks_after(own, *rank));
    let lost = |(rank, seen): (usize, &Seen), how| {
        let reached = seen.reached;
        Lost { rank, reached, code: 1, how }
    };
    let silence = if broken { SILENCE_AFTER_FAILURE } else { SILENCE };
    // The first process has its store in it, or beside it.
    if view.unreachable || now - view.answered > silence + SILENCE_AFTER_FAILURE {
        return view.seen.first().map(|first| lost((0, first), How::Unreachable));
    }
    let silent = others().find(|(_, seen)| now - seen.at > silence);
    if let Some((rank, seen)) = silent {
        return Some(lost((rank, seen), How::Silent(now - seen.at)));
    }
    // Who has not come out of an exchange that is over, in all the time of the next, never will.
    let ahead = waiting.map(|(since, number)| (now - since, number));
    let ahead = ahead.filter(|(time, _)| *time > STALLED);
    let left =
        |seen: &Seen| ahead.filter(|(_, own)| seen.waits.is_some_and(|number| number < *own));
    let hangs = |seen: &Seen| seen.hangs.or(left(seen).map(|(time, _)| time));
    others().find_map(|(rank, seen)| Some(lost((rank, seen), How::Hanging(hangs(seen)?))))
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
        let Self { rank, reached, how, .. } = self;
        let who = format!("rank {rank} on `{}`", hosts.get(*rank).map_or("", String::as_str));
        let after = after(*reached);
        let done = match how {
            // It says itself what is left.
            How::Failed(text) => return format!("{who} failed{after}: {text}"),
            How::Silent(time) => format!(
                "{who} is lost{after}: nothing was heard of it for {} s (killed, stopped, out of memory, or its machine \
                 cannot be reached)",
                time.as_secs()
            ),
            How::Hanging(time) => {
                format!("{who} hangs{after}: it lives, and has not got on for {} s", time.as_secs())
            }
            How::Unreachable => format!(
                "{who} is lost{after}: it cannot be reached (killed, out of memory, or its machine is gone)"
            ),
        };
        if standing.is_empty() { done } else { format!("{done}; {standing}") }
    }
}

/// What a process had done that told `own` and had no time to tell more, where another tells `others`: steps are made
/// together.
pub(super) fn together(own: Option<Unit>, others: Option<Unit>) -> Option<Unit> {
    match (own, others) {
        (Some(Unit::Step(own)), Some(Unit::Step(others))) => Some(Unit::Step(own.max(others))),
        (None, Some(Unit::Step(_))) => others,
        _ => own,
    }
}

/// What a process had done, in words that follow others.
pub(super) fn after(reached: Option<Unit>) -> String {
    reached.map(|unit| format!(" after {unit}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(now: Instant) -> View {
        let mut view = View::new(3, now);
        for rank in 0..3 {
            let reached = Some(Unit::Step(5 + rank as u64));
            view.see(rank, Seen { count: 1, at: now, reached, hangs: None, waits: None });
        }
        view
    }

    #[test]
    fn a_step_that_another_has_done_this_one_had_done_too() {
        let [five, six] = [5, 6].map(|number| Some(Unit::Step(number)));
        assert_eq!(
            [together(five, six), together(six, five), together(None, five)],
            [six, six, five]
        );
        assert_eq!(together(five, None), five);
        let pairs = Some(Unit::Pairs(3));
        assert_eq!([together(None, pairs), together(pairs, Some(Unit::Pairs(9)))], [None, pairs]);
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
        assert_eq!((lost.rank, lost.reached), (2, Some(Unit::Step(7))));
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
    fn who_does_not_get_on_hangs_and_what_it_had_done_is_told() {
        let mut view = view(Instant::now());
        assert_eq!(verdict(&view, 0, None, false, Instant::now()), None);
        view.seen[1].hangs = Some(Duration::from_secs(41));
        for (reached, wanted) in [
            (view.seen[1].reached, "hangs after step 6: "),
            (Some(Unit::Pairs(1)), "hangs after 1 pair of its part: "),
            (None, "hangs: it lives, and has not got on for 41 s"),
        ] {
            view.seen[1].reached = reached;
            let lost = verdict(&view, 0, None, false, Instant::now()).unwrap();
            assert!(lost.rank == 1 && lost.text(&[], "").contains(wanted), "{lost:?}");
        }
        assert_eq!(
            verdict(&view, 2, None, false, Instant::now()),
            None,
            "the first looks after it"
        );
        // The first hangs, and the second tells.
        view.seen[0].hangs = view.seen[1].hangs;
        let lost = verdict(&view, 1, None, false, Instant::now()).unwrap();
        assert!(lost.rank == 0 && lost.told_by(1) && !lost.told_by(2));
    }

    #[test]
    fn who_never_comes_out_of_an_exchange_hangs() {
        let now = Instant::now();
        let mut view = view(now);
        (view.seen[1].waits, view.seen[2].waits) = (Some(6), Some(7));
        (view.answered, view.seen[1].at, view.seen[2].at) = (after(46), after(46), after(46));
        let lost = |seconds, number| verdict(&view, 0, Some((now, number)), false, after(seconds));
        assert_eq!(lost(46, 6), None, "all are in the same");
        assert_eq!(lost(39, 7), None);
        let lost = lost(47, 7).unwrap();
        assert!(lost.rank == 1 && lost.text(&[], "").contains("hangs after step 6"), "{lost:?}");
    }

    #[test]
    fn a_store_that_is_gone_is_the_first_and_a_failure_says_why_itself() {
        let mut view = view(Instant::now());
        view.unreachable = true;
        let lost = verdict(&view, 1, None, false, Instant::now()).unwrap();
        assert!(lost.rank == 0 && lost.told_by(1) && lost.text(&[], "").contains("step 5"));
        let reached = Some(Unit::Step(9));
        view.failure = Some(Failure { rank: 0, reached, text: "no space".to_owned(), code: 4 });
        let lost = verdict(&view, 1, None, false, Instant::now()).unwrap();
        assert_eq!(lost.code, 4);
        assert!(!lost.told_by(1) && lost.text(&[], "").contains("after step 9: no space"));
    }
}
