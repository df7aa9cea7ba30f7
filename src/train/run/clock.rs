//! How fast a run goes, and how long it will take.

use std::time::{Duration, Instant};

/// Steps that count for the estimate; the first one, which warms up, does not.
const ESTIMATE_STEPS: u32 = 4;

/// Measures the time of steps.
#[derive(Debug)]
pub(crate) struct Clock {
    last: Instant,
    steps: u32,
    /// Time of all steps but the first.
    measured: Duration,
    /// Time and pairs of the steps since the last line.
    since_line: (Duration, usize),
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        let (measured, since_line) = (Duration::ZERO, (Duration::ZERO, 0));
        Self { last: Instant::now(), steps: 0, measured, since_line }
    }

    /// The time since the last step was spent on something else, as validation.
    pub(crate) fn pause_over(&mut self) {
        self.last = Instant::now();
    }

    /// A step over `pairs` is done.
    pub(crate) fn step(&mut self, pairs: usize) {
        let time = self.last.elapsed();
        self.last = Instant::now();
        self.count(time, pairs);
    }

    fn count(&mut self, time: Duration, pairs: usize) {
        if self.steps > 0 {
            self.measured += time;
        }
        self.steps += 1;
        self.since_line.0 += time;
        self.since_line.1 += pairs;
    }

    /// The speed since the last line.
    pub(crate) fn pairs_per_second(&self) -> f64 {
        let (time, pairs) = self.since_line;
        if time.is_zero() { 0.0 } else { pairs as f64 / time.as_secs_f64() }
    }

    /// A line is written: the speed is measured anew.
    pub(crate) fn line(&mut self) {
        self.since_line = (Duration::ZERO, 0);
    }

    /// How long `steps` more will take; once, as soon as enough are measured.
    pub(crate) fn estimate(&self, steps: u64) -> Option<Duration> {
        let mean = self.measured.as_secs_f64() / f64::from(ESTIMATE_STEPS - 1);
        (self.steps == ESTIMATE_STEPS).then(|| Duration::from_secs_f64(mean * steps as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_that_since_the_last_line() {
        let mut clock = Clock::start();
        assert_eq!(clock.pairs_per_second(), 0.0);
        clock.count(Duration::from_secs(4), 8);
        clock.count(Duration::from_secs(1), 8);
        assert_eq!(clock.pairs_per_second(), 16.0 / 5.0);
        clock.line();
        clock.count(Duration::from_secs(2), 8);
        assert_eq!(clock.pairs_per_second(), 4.0);
    }

    #[test]
    fn the_estimate_comes_once_and_leaves_the_first_step_out() {
        let mut clock = Clock::start();
        clock.count(Duration::from_secs(100), 1);
        let estimates = [(); 4].map(|()| {
            clock.count(Duration::from_secs(2), 1);
            clock.estimate(10)
        });
        assert_eq!(estimates, [None, None, Some(Duration::from_secs(20)), None]);
    }
}
