//! Whether others want the processors that this process works on: its threads are ready to run and do not.

use std::fs;
use std::time::Duration;

/// Of the time in which threads could have worked, the part that they waited for a processor: where it is
/// larger, others want it too. The system takes some of it for every thread that it wakes.
const MOST_WAITING: f64 = 0.1;

/// Calm looks in a row after which others are taken to be gone.
const CALM_LOOKS: u32 = 10;

/// What the threads of this process have got and not got since they began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    worked: Duration,
    waited: Duration,
}

impl Times {
    /// Of the threads that there are; `None` where the system does not say.
    pub(super) fn now() -> Option<Self> {
        let mut sum = Self::default();
        for task in fs::read_dir("/proc/self/task").ok()? {
            // A thread that has ended meanwhile is none of those that there are.
            let text = fs::read_to_string(task.ok()?.path().join("schedstat"));
            let Ok(text) = text else { continue };
            let mut fields = text.split_whitespace().map_while(|field| field.parse().ok());
            let (worked, waited) = (fields.next()?, fields.next()?);
            sum.worked += Duration::from_nanos(worked);
            sum.waited += Duration::from_nanos(waited);
        }
        // Systems that keep no such record have the files and say 0 for everything, or do not have them.
        (!sum.worked.is_zero()).then_some(sum)
    }

    /// What came since `earlier`; threads that have ended take their part with them.
    fn since(self, earlier: Self) -> Self {
        Self {
            worked: self.worked.saturating_sub(earlier.worked),
            waited: self.waited.saturating_sub(earlier.waited),
        }
    }
}

/// What is known of others from repeated looks.
#[derive(Debug)]
pub(super) struct Contention {
    last: Times,
    /// Looks since others were noticed, up to the number at which they count as gone.
    calm: u32,
}

impl Contention {
    /// With a first look at all the time since the process began.
    pub(super) fn new(times: Times) -> Self {
        let mut contention = Self { last: Times::default(), calm: CALM_LOOKS };
        contention.look(times);
        contention
    }

    /// Whether others want the same processors.
    pub(super) fn is_there(&self) -> bool {
        self.calm < CALM_LOOKS
    }

    /// Learns from another look.
    pub(super) fn look(&mut self, times: Times) {
        let Times { worked, waited } = times.since(self.last);
        self.last = times;
        let wanted = (worked + waited).as_secs_f64();
        if waited.as_secs_f64() > MOST_WAITING * wanted {
            self.calm = 0;
        } else {
            self.calm = (self.calm + 1).min(CALM_LOOKS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(worked: u64, waited: u64) -> Times {
        Times { worked: Duration::from_millis(worked), waited: Duration::from_millis(waited) }
    }

    #[test]
    fn waiting_at_the_start_counts() {
        assert!(Contention::new(times(200, 150)).is_there());
        assert!(!Contention::new(times(200, 5)).is_there());
    }

    #[test]
    fn others_are_noticed_when_they_come_and_when_they_are_gone() {
        let mut contention = Contention::new(times(200, 0));
        contention.look(times(400, 10));
        assert!(!contention.is_there());
        // One of two threads shares its processor.
        contention.look(times(550, 60));
        assert!(contention.is_there());
        for calm in 1..CALM_LOOKS {
            contention.look(times(550 + 200 * u64::from(calm), 60));
            assert!(contention.is_there(), "a short calm says little");
        }
        contention.look(times(550 + 200 * u64::from(CALM_LOOKS), 60));
        assert!(!contention.is_there());
    }

    #[test]
    fn threads_that_have_ended_are_no_contention() {
        let mut contention = Contention::new(times(200, 15));
        contention.look(times(100, 2));
        assert!(!contention.is_there());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_says_how_long_threads_have_worked() {
        let before = Times::now().unwrap();
        let mut sum = 0_u64;
        while Times::now().unwrap().since(before).worked < Duration::from_millis(2) {
            sum = std::hint::black_box(sum + 1);
        }
    }
}
