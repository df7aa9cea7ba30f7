//! How fast a run goes, and how long it will take.

use std::time::{Duration, Instant};

/// Steps that count for the estimate; the first one, which warms up, does not.
const ESTIMATE_STEPS: u32 = 4;

/// Measures the time of steps.
#[derive(Debug)]
pub struct Clock {
    last: Instant,
    steps: u32,
    measured: Duration,
    pairs: usize,
    /// Seconds and pairs of the newest step.
    newest: (f64, usize),
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        let measured = Duration::ZERO;
        Self { last: Instant::now(), steps: 0, measured, pairs: 0, newest: (0.0, 0) }
    }

    /// The time since the last step was spent on something else, as validation.
    pub fn pause_over(&mut self) {
        self.last = Instant::now();
    }

    /// A step over `pairs` is done.
    pub fn step(&mut self, pairs: usize) {
        let time = self.last.elapsed();
        self.last = Instant::now();
        self.newest = (time.as_secs_f64(), pairs);
        if self.steps > 0 {
            self.measured += time;
            self.pairs += pairs;
        }
        self.steps += 1;
    }

    /// The speed since the beginning, the first step not counted.
    pub fn pairs_per_second(&self) -> f64 {
        let (seconds, pairs) = match self.steps {
            0 | 1 => self.newest,
            _ => (self.measured.as_secs_f64(), self.pairs),
        };
        if seconds > 0.0 { pairs as f64 / seconds } else { 0.0 }
    }

    /// How long `steps` more will take; once, as soon as enough are measured.
    pub fn estimate(&self, steps: u64) -> Option<Duration> {
        let mean = self.measured.as_secs_f64() / f64::from(ESTIMATE_STEPS - 1);
        (self.steps == ESTIMATE_STEPS).then(|| Duration::from_secs_f64(mean * steps as f64))
    }
}
