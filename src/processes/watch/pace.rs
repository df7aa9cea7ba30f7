//! How long one process may wait for another.

use std::time::{Duration, Instant};

/// Longest wait for what is no step: the first process validates, or writes a report.
const REST: Duration = Duration::from_secs(1800);

/// The same for a step, unless steps take long themselves.
const STEP: Duration = Duration::from_secs(40);

/// How many of the longest step a wait may last.
const STEPS: u32 = 8;

/// How fast steps are, and whether this process waits for others.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the last step was done, if what comes now is one.
    last: Option<Instant>,
    longest: Duration,
    /// Since when this process waits, and how long it may.
    waiting: Option<(Instant, Duration)>,
}

impl Pace {
    /// A step is done.
    pub(super) fn step(&mut self, now: Instant) {
        if let Some(last) = self.last {
            self.longest = self.longest.max(now - last);
        }
        self.last = Some(now);
    }

    /// What comes now is no step.
    pub(super) fn rest(&mut self) {
        self.last = None;
    }

    /// Waits for others from now on; how long it may.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        let steps = self.last.is_some() && !self.longest.is_zero();
        let limit = if steps { (self.longest * STEPS).max(STEP) } else { REST };
        self.waiting = Some((now, limit));
        limit
    }

    /// Waits no more.
    pub(super) fn go_on(&mut self) {
        self.waiting = None;
    }

    /// Whether it waits.
    pub(super) fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// How long it has waited, if that is too long.
    pub(super) fn overdue(&self, now: Instant) -> Option<Duration> {
        let (since, limit) = self.waiting?;
        let waited = now - since;
        (waited > limit).then_some(waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_may_take_some_of_the_longest_and_all_else_its_time() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pace.wait(at(0)), REST);
        assert_eq!(pace.overdue(at(1799)), None);
        pace.go_on();
        pace.step(at(1));
        assert_eq!(pace.wait(at(1)), REST, "no step has been measured");
        pace.step(at(3));
        assert_eq!(pace.wait(at(3)), STEP);
        assert_eq!(pace.overdue(at(44)), Some(Duration::from_secs(41)));
        pace.step(at(33));
        assert_eq!(pace.wait(at(33)), Duration::from_secs(240));
        pace.rest();
        assert_eq!(pace.wait(at(34)), REST);
        pace.go_on();
        assert!(!pace.waits() && pace.overdue(at(9999)).is_none());
    }
}
