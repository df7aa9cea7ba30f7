//! Whether a process gets on with its work, as far as it can tell itself.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::time::{Duration, Instant};

use crate::processes::communicator::Unit;

/// Longest time for work whose units were not measured: the first step, a model that is read, a report that is written.
pub(super) const UNKNOWN: Duration = Duration::from_secs(1800);

/// The same for a unit of a kind of which there were some, unless these took long themselves.
const KNOWN: Duration = Duration::from_secs(40);

/// How many of the longest unit the next may last.
const UNITS: u32 = 8;

/// Whatever a process does, it computes now and then: one that does not, for so long, waits for something that does not
/// come (a lock, a disk).
const IDLE: Duration = Duration::from_secs(40);

/// So much of a processor's time is computing, and not just threads that look after something now and then.
const COMPUTED: Duration = Duration::from_millis(50);

/// How fast the units of a process's work are, and when it last got on.
#[derive(Debug)]
pub(super) struct Pace {
    /// The kind of the units that come now, as far as that is known, and when the last was done.
    last: Option<(Discriminant<Unit>, Instant)>,
    longest: HashMap<Discriminant<Unit>, Duration>,
    /// When this process last ended a unit, a kind of work, or a wait for others.
    since: Instant,
    waits: bool,
    /// The processor time that this process had taken when it last was seen to compute, and when that was.
    computed: (Duration, Instant),
}

impl Pace {
    /// Of a process that begins with work that nobody knows.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last: None,
            longest: HashMap::new(),
            since: now,
            waits: false,
            computed: (Duration::ZERO, now),
        }
    }

    /// A unit is done, and another of its kind comes now.
    pub(super) fn advance(&mut self, unit: Unit, now: Instant) {
        let kind = discriminant(&unit);
        if let Some((last, begun)) = self.last
            && last == kind
        {
            let longest = self.longest.entry(kind).or_default();
            *longest = now.duration_since(begun).max(*longest);
        }
        self.last = Some((kind, now));
        self.since = now;
    }

    /// What comes now is of no kind that is known.
    pub(super) fn rest(&mut self, now: Instant) {
        self.last = None;
        self.since = now;
    }

    /// Waits for others from now on.
    pub(super) fn wait(&mut self) {
        self.waits = true;
    }

    /// Whether it waits for others.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// Waits no more.
    pub(super) fn go_on(&mut self, now: Instant) {
        self.waits = false;
        self.since = now;
    }

    /// How long this process has not got on, if that is too long, when it has taken so much of the processors' time
    /// so far.
    pub(super) fn hangs(&mut self, taken: Duration, now: Instant) -> Option<Duration> {
        let (before, _) = self.computed;
        if taken >= before + COMPUTED {
            self.computed = (taken, now);
        }
        if self.waits {
            return None;
        }
        let (_, at) = self.computed;
        let (stood, idle) = (now - self.since, now - at.max(self.since));
        (stood > self.limit() || idle > IDLE).then_some(stood)
    }

    /// The longest time for what comes now.
    fn limit(&self) -> Duration {
        let longest = self.last.and_then(|(kind, _)| self.longest.get(&kind));
        longest.map_or(UNKNOWN, |longest| (*longest * UNITS).max(KNOWN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that computes all the time, and seconds after its begin.
    fn busy() -> (Pace, impl Fn(u64) -> Instant, impl Fn(&mut Pace, u64) -> Option<u64>) {
        let start = Instant::now();
        let at = move |seconds| start + Duration::from_secs(seconds);
        let hangs = move |pace: &mut Pace, seconds| {
            let hangs = pace.hangs(Duration::from_secs(seconds), at(seconds));
            hangs.map(|time| time.as_secs())
        };
        (Pace::new(start), at, hangs)
    }

    #[test]
    fn a_unit_may_take_some_of_the_longest_of_its_kind_and_all_else_its_time() {
        let (mut pace, at, hangs) = busy();
        assert_eq!(hangs(&mut pace, 1799), None, "a model is built");
        assert_eq!(hangs(&mut pace, 1801), Some(1801));
        // Of validation's units the second is measured.
        pace.advance(Unit::Validation, at(1900));
        assert_eq!(hangs(&mut pace, 2000), None);
        pace.advance(Unit::Validation, at(2001));
        assert_eq!(hangs(&mut pace, 2001 + 8 * 101), None);
        assert_eq!(hangs(&mut pace, 2002 + 8 * 101), Some(1 + 8 * 101));
        // Steps are something else, though they are not known before the first is done.
        pace.rest(at(3000));
        assert_eq!(hangs(&mut pace, 4799), None);
        pace.advance(Unit::Step(1), at(4799));
        assert_eq!(hangs(&mut pace, 4900), None);
        pace.advance(Unit::Step(2), at(4801));
        pace.advance(Unit::Step(3), at(4803));
        assert_eq!(hangs(&mut pace, 4843), None);
        assert_eq!(hangs(&mut pace, 4844), Some(41));
        // What was measured is known when validation comes again.
        pace.rest(at(4855));
        pace.advance(Unit::Validation, at(4950));
        assert_eq!(hangs(&mut pace, 5700), None);
    }

    #[test]
    fn who_waits_for_others_does_not_hang() {
        let (mut pace, at, hangs) = busy();
        pace.advance(Unit::Step(1), at(1));
        pace.advance(Unit::Step(2), at(2));
        pace.wait();
        assert_eq!(hangs(&mut pace, 9999), None);
        pace.go_on(at(9999));
        assert_eq!(hangs(&mut pace, 10_039), None);
        assert_eq!(hangs(&mut pace, 10_040), Some(41));
    }

    #[test]
    fn who_never_computes_hangs_whatever_it_is_about() {
        let (mut pace, at, _) = busy();
        let still = Duration::from_secs(7);
        assert_eq!(pace.hangs(still, at(10)), None);
        // What threads take that look around now and then.
        let little = still + COMPUTED / 2;
        assert_eq!(pace.hangs(little, at(49)), None);
        assert_eq!(pace.hangs(little, at(51)), Some(Duration::from_secs(51)));
        assert_eq!(pace.hangs(still + COMPUTED, at(57)), None, "it computes again");
        // A wait is no time in which it should have computed.
        pace.wait();
        assert_eq!(pace.hangs(still + COMPUTED, at(500)), None);
        pace.go_on(at(500));
        assert_eq!(pace.hangs(still + COMPUTED, at(540)), None);
        assert!(pace.hangs(still + COMPUTED, at(541)).is_some());
    }
}
