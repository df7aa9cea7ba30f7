//! Processes that live and do nothing: their threads but for the main one go on.

use std::time::{Duration, Instant};

use super::{children, metrics, toy};
use crate::command::ended;
use crate::support::toy::Toy;
use crate::training::child::{start, wait};

/// The longest that a run may outlive the work of one of its processes.
const LIMIT: Duration = Duration::from_secs(60);

/// The main thread of a process, which stands still as long as the thread lives that holds it.
struct Held(libc::pid_t);

impl Held {
    /// Halts it, if that is allowed.
    fn new(process: &str) -> Option<Self> {
        let thread: libc::pid_t = process.parse().unwrap();
        let is_done = |request| {
            let nothing = std::ptr::null_mut::<libc::c_void>();
            #[allow(unsafe_code, reason = "only so is one thread halted, and the others are not")]
            unsafe {
                libc::ptrace(request, thread, nothing, nothing) == 0
            }
        };
        (is_done(libc::PTRACE_SEIZE) && is_done(libc::PTRACE_INTERRUPT)).then_some(Self(thread))
    }

    /// Takes note of its end, which nobody else is told of before.
    fn look(&self) {
        #[allow(unsafe_code, reason = "only who halts a thread is told of its end")]
        unsafe {
            libc::waitpid(self.0, std::ptr::null_mut(), libc::WNOHANG | libc::__WALL);
        }
    }
}

/// What is said of a run of two processes of which that number `rank` does nothing more after some steps.
fn said_of(toy: &Toy, flags: &str, rank: usize) -> Option<String> {
    let run = toy.path(&format!("run-{rank}"));
    let mut child = start(&toy.training(&run, &format!("{flags} --processes 2")));
    assert!(wait(&mut child, || metrics(&run, "loss").len() >= 3));
    // What is told once a second is told.
    std::thread::sleep(Duration::from_millis(2500));
    let Some(held) = Held::new(&children(child.id())[rank]) else {
        child.kill().unwrap();
        child.wait().unwrap();
        return None;
    };
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        held.look();
        assert!(start.elapsed() < LIMIT, "the run goes on");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(ended(child.wait_with_output().unwrap()).failed_with(1))
}

#[test]
fn a_process_whose_work_stands_still_ends_all_within_a_minute() {
    let (toy, flags) = toy(8, "epochs = 4000\nbatch_size = 1\n");
    let said = std::thread::scope(|scope| {
        let runs = [0, 1].map(|rank| {
            scope.spawn({
                let (toy, flags) = (&toy, &flags);
                move || said_of(toy, flags, rank)
            })
        });
        runs.map(|run| run.join().unwrap())
    });
    for (rank, said) in said.into_iter().enumerate() {
        let Some(said) = said else {
            println!("skipped: the system lets nobody halt a thread of another process");
            continue;
        };
        assert_eq!(said.matches("lpmflow: ").count(), 1, "{said}");
        let told = said.lines().find(|line| line.starts_with("lpmflow: ")).unwrap();
        let wanted = [&format!("rank {rank} on `"), "hangs after step ", "still stands (--resume "];
        wanted.iter().for_each(|wanted| assert!(told.contains(*wanted), "{told}"));
    }
}
