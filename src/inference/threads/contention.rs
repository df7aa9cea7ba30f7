//! Whether others want the processors that this process works on: its threads are ready to run and do not, and
//! others do. (Where others do not, its own threads are more than there are processors.)

use std::fs;
use std::time::Duration;

use rustix::thread::sched_getaffinity;

/// Of the time in which threads could have worked, the part that they waited for a processor: where it is
/// larger, others want it too. The system takes some of it for every thread that it wakes.
const MOST_WAITING: f64 = 0.1;

/// The processor time of others, as a part of what this process took meanwhile: less is what a system does at rest.
const MOST_OF_OTHERS: f64 = 0.15;

/// Calm looks in a row after which others are taken to be gone.
const CALM_LOOKS: u32 = 4;

/// What Linux counts processor time in, in milliseconds.
const TICK: u64 = 10;

/// What the threads of this process have got and not got since they began, and what others have got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    worked: Duration,
    waited: Duration,
    others: Duration,
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
        sum.others = others()?;
        // Systems that keep no such record have the files and say 0 for everything, or do not have them.
        (!sum.worked.is_zero()).then_some(sum)
    }

    /// What came since `earlier`; threads that have ended take their part with them.
    fn since(self, earlier: Self) -> Self {
        Self {
            worked: self.worked.saturating_sub(earlier.worked),
            waited: self.waited.saturating_sub(earlier.waited),
            others: self.others.saturating_sub(earlier.others),
        }
    }
}

/// What the processors that this process may use have done since the system started, but for this process.
fn others() -> Option<Duration> {
    let allowed = sched_getaffinity(None).ok()?;
    let mut busy = 0;
    for line in fs::read_to_string("/proc/stat").ok()?.lines() {
        let mut fields = line.split_whitespace();
        let number = fields.next().and_then(|name| name.strip_prefix("cpu"));
        let Some(number) = number.and_then(|number| number.parse().ok()) else { continue };
        if allowed.is_set(number) {
            let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
            // The fourth and the fifth are idle; what follows the eighth is contained in the first two.
            busy += ticks.iter().take(8).sum::<u64>() - ticks.get(3..5)?.iter().sum::<u64>();
        }
    }
    let own = fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in brackets, may hold anything; time as user and as system are the twelfth and thirteenth behind it.
    let (_, fields) = own.rsplit_once(')')?;
    let mut fields =
        fields.split_whitespace().skip(11).map_while(|field| field.parse::<u64>().ok());
    let own = fields.next()? + fields.next()?;
    Some(Duration::from_millis(busy.saturating_sub(own) * TICK))
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
        let Times { worked, waited, others } = times.since(self.last);
        self.last = times;
        let wanted = (worked + waited).as_secs_f64();
        if waited.as_secs_f64() > MOST_WAITING * wanted
            && others.as_secs_f64() > MOST_OF_OTHERS * worked.as_secs_f64()
        {
            self.calm = 0;
        } else {
            self.calm = (self.calm + 1).min(CALM_LOOKS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where others take what this process waits for.
    fn times(worked: u64, waited: u64) -> Times {
        let [worked, waited] = [worked, waited].map(Duration::from_millis);
        Times { worked, waited, others: waited }
    }

    #[test]
    fn more_threads_than_processors_are_no_others() {
        let own = |worked, waited| Times { others: Duration::ZERO, ..times(worked, waited) };
        let mut contention = Contention::new(own(200, 100));
        assert!(!contention.is_there());
        contention.look(own(600, 400));
        assert!(!contention.is_there());
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
