//! Processes that watch one another: each tells the store every second that it lives, the first looks after all, and
//! all look after the first.

mod computing;
mod lost;
mod pace;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::nn::native::store::Store;
use crate::processes::communicator::Unit;
use computing::computed;
use lost::{Failure, Lost, Seen, View, Waiting, after, together, verdict};
use pace::{Pace, UNKNOWN};

/// How long other processes may take at most.
pub(crate) const LONGEST: Duration = UNKNOWN;

/// From one sign of life to the next.
const BEAT: Duration = Duration::from_secs(1);

/// How often news are told, if there are any, from one sign of life to the next.
const NEWS: u32 = 10;

/// How long those who do not tell leave it to the one who does.
const COURTESY: Duration = Duration::from_secs(8);

/// How long the end of a process is put off so that the others see why, who look every [`BEAT`].
const FAREWELL: Duration = Duration::from_millis(2500);

/// How long a transfer that failed waits for an explanation.
const EXPLANATION: Duration = Duration::from_secs(40);

/// Where the store holds what is left of the work should a process be lost now.
const STANDING: &str = "standing";

/// Where it holds who has told why all end.
const TOLD: &str = "told";

/// How long a process waits for an answer of the store.
const ANSWER: Duration = Duration::from_secs(5);

/// Tells of a process that is lost, with the exit code that follows.
type Tell = dyn Fn(&str, i32) + Send;

/// What is done when another process is lost.
pub(crate) struct OnLost {
    /// Tells of it, where this process is the one to do so.
    pub tell: Box<Tell>,
    /// Ends this process with an exit code.
    pub end: Box<dyn Fn(i32) + Send>,
}

/// What the threads of a watch share.
#[derive(Debug)]
pub(crate) struct Watch {
    rank: usize,
    hosts: Vec<String>,
    /// What this process has done, but for validation.
    reached: Mutex<Option<Unit>>,
    /// The last exchange of all processes that this one has begun, from 1, and when that was.
    begun: Mutex<(u64, Instant)>,
    /// Signs of life so far.
    count: AtomicU64,
    pace: Mutex<Pace>,
    standing: Mutex<String>,
    /// Whether there is something to tell that has not been told.
    news: AtomicBool,
    /// Whether a transfer has failed.
    broken: AtomicBool,
    /// Whether nobody needs to be watched any more.
    over: AtomicBool,
    view: Mutex<View>,
    /// For what is told beside signs of life.
    store: Mutex<Store>,
}

/// What a process tells every second.
#[derive(Serialize, Deserialize)]
struct Beat {
    count: u64,
    reached: Option<Unit>,
    hangs: Option<Duration>,
    waits: Option<u64>,
}

impl Watch {
    /// Begins to watch the other processes, which run on these hosts, through two connections to the store.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(crate) fn start(
        rank: usize,
        hosts: Vec<String>,
        [beats, store]: [Store; 2],
        on_lost: OnLost,
    ) -> Result<Arc<Self>> {
        let view = Mutex::new(View::new(hosts.len(), Instant::now()));
        let watch = Arc::new(Self {
            rank,
            hosts,
            reached: Mutex::default(),
            begun: Mutex::new((0, Instant::now())),
            count: AtomicU64::new(0),
            pace: Mutex::new(Pace::new(Instant::now())),
            standing: Mutex::default(),
            news: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            over: AtomicBool::new(false),
            view,
            store: Mutex::new(store),
        });
        let context = "starting to watch the other processes";
        let own = Arc::clone(&watch);
        let beat = thread::Builder::new().name("beat".into());
        beat.spawn(move || own.beat(&beats)).context(context)?;
        let own = Arc::clone(&watch);
        let judge = thread::Builder::new().name("watch".into());
        judge.spawn(move || own.judge(&on_lost)).context(context)?;
        Ok(watch)
    }

    /// A unit of this process's work is done.
    pub(crate) fn advance(&self, unit: Unit) {
        if unit != Unit::Validation {
            *held(&self.reached) = Some(unit);
            self.news.store(true, Ordering::Relaxed);
        }
        held(&self.pace).advance(unit, Instant::now());
    }

    /// What comes now is something else.
    pub(crate) fn at_rest(&self) {
        held(&self.pace).rest(Instant::now());
    }

    /// So many steps are done, and this is left of them should a process be lost from now on: it is in the store
    /// before this returns, by the word of the first process.
    pub(crate) fn standing(&self, step: u64, text: &str) {
        text.clone_into(&mut held(&self.standing));
        *held(&self.reached) = Some(Unit::Step(step));
        let store = held(&self.store);
        // Whether the store is there is looked at with every sign of life.
        let _ = self.tell(&store, None).and_then(|()| {
            if self.rank == 0 {
                store.set(STANDING, text.as_bytes())?;
            }
            // The store answers in turn, and what is set has no answer.
            store.has(STANDING)
        });
    }

    /// Does what waits for the other processes; `work` is told how long they may take at most.
    ///
    /// # Errors
    /// When it fails, and no other process is the reason, in which case the process has ended.
    pub(crate) fn waiting<T>(&self, work: impl FnOnce(Duration) -> Result<T>) -> Result<T> {
        held(&self.pace).wait();
        let done = work(LONGEST);
        held(&self.pace).go_on(Instant::now());
        done.inspect_err(|_| {
            self.broken.store(true, Ordering::Relaxed);
            let start = Instant::now();
            while start.elapsed() < EXPLANATION && !self.is_over() {
                thread::sleep(Duration::from_millis(100));
            }
        })
    }

    /// An exchange begins, one of those that all processes go through in the same order.
    pub(crate) fn begin(&self) {
        let mut begun = held(&self.begun);
        *begun = (begun.0 + 1, Instant::now());
    }

    /// The exchange that this process waits in, if it waits.
    fn waits(&self) -> Waiting {
        let (number, since) = *held(&self.begun);
        held(&self.pace).waits().then_some((since, number))
    }

    /// This process fails, for a reason of its own: true where the first process tells it.
    pub(crate) fn failed(&self, text: &str, code: i32) -> bool {
        self.over.store(true, Ordering::Relaxed);
        let reached = *held(&self.reached);
        let failure = Failure { rank: self.rank, reached, text: text.to_owned(), code };
        if !self.reaches_store() {
            return false;
        }
        let store = held(&self.store);
        let posted = post(&store, &failure).unwrap_or(false);
        if self.rank == 0 {
            thread::sleep(FAREWELL);
            return false;
        }
        // Another that failed before is told, or this one.
        let told = store.get(TOLD, COURTESY);
        told.is_ok() && (posted || store.has("failed").unwrap_or(false))
    }

    /// Nobody is watched any more.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether the store has answered lately.
    fn reaches_store(&self) -> bool {
        let view = held(&self.view);
        !view.unreachable && view.answered.elapsed() < ANSWER
    }

    /// Whether somebody has told why all end, as far as this process can know.
    fn is_told(&self) -> bool {
        let store = self.store.try_lock();
        self.reaches_store() && store.is_ok_and(|store| store.has(TOLD).unwrap_or(false))
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Tells that this process lives, and looks who else does, until all is over.
    fn beat(&self, store: &Store) {
        while !self.is_over() {
            let hangs = held(&self.pace).hangs(computed(), Instant::now());
            let looked = self.tell(store, hangs).and_then(|()| self.look(store));
            let mut view = held(&self.view);
            match looked {
                Ok(()) => view.answered = Instant::now(),
                // Once more, as answers can be late on a machine that is busy.
                Err(_) if !view.unreachable && view.answered.elapsed() < ANSWER => {}
                Err(_) => view.unreachable = true,
            }
            drop(view);
            for _ in 0..NEWS {
                thread::sleep(BEAT / NEWS);
                if self.news.swap(false, Ordering::Relaxed) {
                    // Whether the store is there is looked at above.
                    let _ = self.tell(store, None);
                }
            }
        }
    }

    /// Tells that this process lives, and how long it has not got on, if that is too long.
    fn tell(&self, store: &Store, hangs: Option<Duration>) -> Result<()> {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let (reached, waits) = (*held(&self.reached), self.waits().map(|(_, number)| number));
        tell(store, self.rank, &Beat { count, reached, hangs, waits })
    }

    fn look(&self, store: &Store) -> Result<()> {
        let others = if self.rank == 0 { 1..self.hosts.len() } else { 0..1 };
        let failure = failure(store)?;
        for rank in others {
            let (beat, now) = (read(store, rank)?, Instant::now());
            let Beat { count, reached, hangs, waits } = beat;
            held(&self.view).see(rank, Seen { count, at: now, reached, hangs, waits });
        }
        if self.rank > 0 {
            // The store may be gone when it is asked for.
            standing(store)?.clone_into(&mut held(&self.standing));
        }
        held(&self.view).failure = failure;
        Ok(())
    }

    /// Ends the process when another is lost, until all is over.
    fn judge(&self, on_lost: &OnLost) {
        while !self.is_over() {
            thread::sleep(BEAT / 4);
            let broken = self.broken.load(Ordering::Relaxed);
            let waiting = self.waits();
            let found = verdict(&held(&self.view), self.rank, waiting, broken, Instant::now());
            let Some(lost) = found.filter(|_| !self.is_over()) else { continue };
            self.part(&lost, on_lost);
        }
    }

    /// The end of this process, as another is lost.
    fn part(&self, lost: &Lost, on_lost: &OnLost) {
        if !lost.told_by(self.rank) {
            let start = Instant::now();
            while !lost.told_by_itself() && start.elapsed() < COURTESY && !self.is_told() {
                thread::sleep(BEAT / 4);
            }
            if !self.is_over() {
                (on_lost.end)(lost.code);
            }
            return;
        }
        let text = lost.text(&self.hosts, &held(&self.standing));
        (on_lost.tell)(&text, lost.code);
        // For those who look: why this process ends. A store that cannot be reached would keep it from that.
        if let Ok(store) = self.store.try_lock()
            && self.reaches_store()
        {
            let _ = store.set(TOLD, self.rank.to_string().as_bytes());
            let Lost { rank, reached, code, .. } = *lost;
            let _ = post(&store, &Failure { rank, reached, text, code });
        }
        thread::sleep(FAREWELL);
        (on_lost.end)(lost.code);
    }
}

/// Tells of a failure unless one was told before; whether it is this one that counts.
fn post(store: &Store, failure: &Failure) -> Result<bool> {
    let first = store.add("failures", 1)? == 1;
    if first {
        store.set("failed", &serde_json::to_vec(failure)?)?;
    }
    Ok(first)
}

/// The failure that was told, if there was one.
fn failure(store: &Store) -> Result<Option<Failure>> {
    if !store.has("failed")? {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&store.get("failed", ANSWER)?)?))
}

/// The first sign of life.
///
/// # Errors
/// When the store is gone.
pub(crate) fn begin(store: &Store, rank: usize) -> Result<()> {
    tell(store, rank, &Beat { count: 0, reached: None, hangs: None, waits: None })
}

/// What a process had done, in words that follow others, and what the first told of what is left of the work.
pub(crate) fn last(store: &Store, rank: usize) -> Option<(String, String)> {
    let told = |rank: usize| {
        let known = store.has(&key(rank)).ok()?.then(|| read(store, rank).ok())?;
        Some(known?.reached)
    };
    let reached = together(told(rank)?, told(0)?);
    Some((after(reached), standing(store).unwrap_or_default()))
}

/// The process that has told why all end, if it is one other than the one that fails itself.
pub(crate) fn teller(store: &Store) -> Option<usize> {
    let told = store.has(TOLD).ok()?.then(|| store.get(TOLD, ANSWER).ok())?;
    String::from_utf8(told?).ok()?.parse().ok()
}

/// What is left of the work should a process be lost now, if that was told.
fn standing(store: &Store) -> Result<String> {
    if !store.has(STANDING)? {
        return Ok(String::new());
    }
    Ok(String::from_utf8_lossy(&store.get(STANDING, ANSWER)?).into_owned())
}

fn tell(store: &Store, rank: usize, beat: &Beat) -> Result<()> {
    store.set(&key(rank), &serde_json::to_vec(beat)?)
}

fn read(store: &Store, rank: usize) -> Result<Beat> {
    Ok(serde_json::from_slice(&store.get(&key(rank), ANSWER)?)?)
}

fn key(rank: usize) -> String {
    format!("beat/{rank}")
}

/// What a mutex holds; nothing here is left half done by a panic.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
