//! Commands whose work several processes may share.

use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Error, Result, anyhow};
use rustix::process::{Signal, set_parent_process_death_signal};
use tch::Device;

use crate::commands::interrupt::stop_on_interrupt;
use crate::commands::outcome::{error_code, error_of};
use crate::commands::{Outcome, usage_error};
use crate::inference::device::choose;
use crate::processes::communicator::{Communicator, SingleProcess};
use crate::processes::group::Group;
use crate::processes::launch::Launch;
use crate::processes::place::Place;
use crate::processes::watch::OnLost;
use crate::terminal::{Terminal, leave, print_error};

/// The processes that do a command's work.
#[derive(Clone, Debug)]
pub(super) struct Processes {
    /// How they reach each other.
    pub communicator: Rc<dyn Communicator>,
    local_rank: usize,
}

impl Processes {
    /// Whether it is this process that writes and prints.
    pub(super) fn is_first(&self) -> bool {
        self.communicator.rank() == 0
    }

    /// The device of this process, where the user names `device` for all of them: each has a GPU of its own.
    pub(super) fn device(&self, device: &str) -> String {
        match self.communicator.world_size() {
            1 => device.to_owned(),
            _ => device_of(self.local_rank, device),
        }
    }
}

/// The device of a worker of this number, where the user names `device` for all of them: each has a GPU of its own.
pub(super) fn device_of(number: usize, device: &str) -> String {
    let own = || format!("cuda:{number}");
    match device {
        "cuda" => own(),
        "auto" if matches!(choose("auto"), Ok(Device::Cuda(_))) => own(),
        device => device.to_owned(),
    }
}

/// How a command's work is shared.
pub(super) struct Sharing {
    /// The command's name.
    pub command: &'static str,
    /// How many workers the user wants to be started.
    pub count: Option<NonZeroUsize>,
    /// What more is done by the process that tells of it when another is lost.
    pub on_lost: Arc<dyn Fn(&Error) + Send + Sync>,
}

impl Sharing {
    /// Of a command that leaves nothing more behind when a process is lost.
    pub(super) fn new(command: &'static str, count: Option<NonZeroUsize>) -> Self {
        Self { command, count, on_lost: Arc::new(|_| ()) }
    }
}

/// Does `work` in this process alone, as one of a launcher's processes, or in workers that are started.
///
/// # Errors
/// Whatever kept it from its result.
pub(super) fn run(
    sharing: Sharing,
    terminal: &Terminal,
    work: impl FnOnce(&Processes, &Terminal) -> Result<Outcome>,
) -> Result<Outcome> {
    let Sharing { command, count, on_lost } = sharing;
    match (Place::of_environment()?, count) {
        (None, None) => {
            work(&Processes { communicator: Rc::new(SingleProcess), local_rank: 0 }, terminal)
        }
        (None, Some(count)) => launch(count, &*on_lost, terminal),
        (Some(place), Some(_)) if !place.launched => {
            let message = "a launcher has started this process as one of several (RANK, WORLD_SIZE): leave \
                           --processes out";
            Err(usage_error(command, message))
        }
        (Some(place), _) => join(place, on_lost, terminal, work),
    }
}

fn join(
    place: Place,
    on_lost: Arc<dyn Fn(&Error) + Send + Sync>,
    terminal: &Terminal,
    work: impl FnOnce(&Processes, &Terminal) -> Result<Outcome>,
) -> Result<Outcome> {
    if place.launched {
        // Whoever started this process looks after it, and nobody else would.
        set_parent_process_death_signal(Some(Signal::KILL)).context("following the launcher")?;
    }
    let (rank, local_rank) = (place.rank, place.local_rank);
    let on_lost = OnLost {
        tell: Box::new(move |text, code| tell(&error_of(text, code), &*on_lost)),
        end: Box::new(|code| leave(code)),
    };
    let group = Rc::new(Group::join(place, on_lost)?);
    let silent = (rank > 0).then(Terminal::silent);
    let processes = Processes { communicator: Rc::clone(&group) as Rc<_>, local_rank };
    let done = work(&processes, silent.as_ref().unwrap_or(terminal));
    drop(processes);
    match done {
        Ok(outcome) => {
            let group = Rc::try_unwrap(group).map_err(|_| anyhow!("the group is still in use"))?;
            group.leave()?;
            Ok(outcome)
        }
        // All find the same mistake, and the first tells of it.
        Err(error) if error.is::<clap::Error>() => {
            if rank > 0 {
                leave(2);
            }
            Err(error)
        }
        Err(error) => {
            let code = error_code(&error);
            if group.failed(&format!("{error:#}"), code) {
                leave(code);
            }
            // Its end would wait for transfers that have none.
            std::mem::forget(group);
            Err(if rank > 0 { error.context(format!("rank {rank}")) } else { error })
        }
    }
}

fn tell(error: &Error, on_lost: &dyn Fn(&Error)) {
    print_error(error);
    on_lost(error);
}

/// Starts workers with this process's arguments and waits for them.
fn launch(count: NonZeroUsize, on_lost: &dyn Fn(&Error), terminal: &Terminal) -> Result<Outcome> {
    let stopped = stop_on_interrupt()?;
    let launch = Launch { count: count.get(), arguments: std::env::args_os().skip(1).collect() };
    let tell = |text: &str| tell(&anyhow!("{text}"), on_lost);
    let (code, said) = launch.run(&|| stopped.load(Ordering::Relaxed), &tell)?;
    said.into_iter().for_each(|said| terminal.pass_on(&said));
    Ok(Outcome::Ended(code))
}
