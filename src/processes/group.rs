//! Processes that meet and compute together.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::nn::native::nccl::Nccl;
use crate::nn::native::process_group::Gloo;
use crate::nn::native::store::Store;
use crate::processes::communicator::{Communicator, Started, Unit};
use crate::processes::place::{JOIN_SECONDS, Place};
use crate::processes::watch::{self, OnLost, Watch};

/// From one look for those who have not come to the next.
const LOOK: Duration = Duration::from_millis(100);

/// What a transfer is given beyond the time after which [`Watch`] explains why it does not end.
const GRACE: Duration = Duration::from_secs(10);

/// What it means where the store no longer answers, while processes meet.
const ENDED: &str = "rank 0 has ended";

/// How long the first process waits for the others to have left.
const LEAVING: Duration = Duration::from_secs(10);

/// The group of all processes.
#[derive(Debug)]
pub(crate) struct Group {
    place: Place,
    /// Before the store, for it is gone first.
    gloo: Gloo,
    nccl: OnceCell<Nccl>,
    watch: Arc<Watch>,
    hosts: Vec<String>,
    store: Store,
}

/// What a process says of itself when it comes.
#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    world_size: usize,
    version: String,
    host: String,
}

impl Group {
    /// Meets the other processes. `on_lost` is told of one that is lost afterwards.
    ///
    /// # Errors
    /// When the others do not come in time or are of another kind, or the meeting place cannot be reached.
    pub(crate) fn join(place: Place, on_lost: OnLost) -> Result<Self> {
        let (rank, world_size, meeting) = (place.rank, place.world_size, place.meeting());
        let context = || format!("joining {world_size} processes as rank {rank} at {meeting}");
        Self::meet(place, on_lost).with_context(context)
    }

    fn meet(place: Place, on_lost: OnLost) -> Result<Self> {
        let address = place.address()?;
        let store = open(&place, place.serves)?;
        let hosts = greet(&store, &place)?;
        let (own, wait) = ((place.rank, place.world_size), place.wait);
        let gloo = Gloo::open(&store, "gloo", own, &address, wait).context(
            "reaching the other processes (GLOO_SOCKET_IFNAME names the network to use)",
        )?;
        watch::begin(&store, place.rank)?;
        let connections = [open(&place, false)?, open(&place, false)?];
        // All have given their first sign of life.
        let tensor = Tensor::from_slice(&[0.0_f32]);
        gloo.all_reduce(&tensor, wait)?;
        let watch = Watch::start(place.rank, hosts.clone(), connections, on_lost)?;
        Ok(Self { place, gloo, nccl: OnceCell::new(), watch, hosts, store })
    }

    /// This process fails for a reason of its own, with an exit code; true where the first process tells of it.
    pub(crate) fn failed(&self, text: &str, code: i32) -> bool {
        self.watch.failed(text, code)
    }

    /// Leaves the group, when all processes have come to their end.
    ///
    /// # Errors
    /// As those of [`Communicator`].
    pub(crate) fn leave(self) -> Result<()> {
        self.at_rest();
        self.barrier()?;
        self.watch.end();
        let mut count = self.store.add("left", 1).unwrap_or_default();
        let start = Instant::now();
        while self.place.serves && count < self.place.world_size as i64 && start.elapsed() < LEAVING
        {
            std::thread::sleep(LOOK);
            count = self.store.add("left", 0).unwrap_or_default();
        }
        Ok(())
    }

    /// The group of the GPUs, this process's the number `device` of its machine; made when it is needed first.
    fn gpus(&self, device: usize) -> Result<&Nccl> {
        if let Some(nccl) = self.nccl.get() {
            return Ok(nccl);
        }
        if self.place.rank == 0 {
            self.store.set("nccl", &Nccl::name()?)?;
        }
        let found = self.store.get("nccl", self.place.wait)?;
        let found = found.as_slice().try_into().context("NCCL's name has another length")?;
        let nccl = Nccl::open(found, (self.place.rank, self.place.world_size), device)?;
        Ok(self.nccl.get_or_init(|| nccl))
    }

    fn transfer(
        &self,
        tensors: &mut [Tensor],
        cpu: impl Fn(&Tensor, Duration) -> Result<()>,
        gpu: impl Fn(&Nccl, &Tensor) -> Result<()>,
    ) -> Result<()> {
        let transfer = |limit: Duration| -> Result<()> {
            for tensor in tensors.iter_mut() {
                self.watch.begin();
                match tensor.device() {
                    Device::Cuda(index) => {
                        gpu(self.gpus(index)?, tensor)?;
                        // Until then nobody has waited.
                        tch::Cuda::synchronize(index as i64);
                    }
                    _ if tensor.is_contiguous() => cpu(tensor, limit + GRACE)?,
                    _ => {
                        let flat = tensor.contiguous();
                        cpu(&flat, limit + GRACE)?;
                        tensor.copy_(&flat);
                    }
                }
            }
            Ok(())
        };
        self.watch.waiting(transfer).context("reaching the other processes")
    }
}

impl Communicator for Group {
    fn rank(&self) -> usize {
        self.place.rank
    }

    fn world_size(&self) -> usize {
        self.place.world_size
    }

    fn all_reduce(&self, tensors: &mut [Tensor]) -> Result<()> {
        let cpu = |tensor: &Tensor, wait| self.gloo.all_reduce(tensor, wait);
        self.transfer(tensors, cpu, Nccl::all_reduce)
    }

    fn start_all_reduce(&self, tensor: Tensor) -> Started {
        let start = || match tensor.device() {
            Device::Cuda(index) => self.gpus(index)?.start_all_reduce(&tensor).map(|()| None),
            _ => self.gloo.start_all_reduce(&tensor, watch::LONGEST + GRACE).map(Some),
        };
        let work = start();
        Started { tensor, work }
    }

    fn finish(&self, started: Vec<Started>) -> Result<Vec<Tensor>> {
        self.watch.begin();
        let finish = |_| {
            started
                .into_iter()
                .map(|Started { tensor, work }| {
                    if let Some(work) = work? {
                        work.wait()?;
                    } else if let Device::Cuda(index) = tensor.device() {
                        self.gpus(index)?.finish()?;
                        // Until then nobody has waited.
                        tch::Cuda::synchronize(index as i64);
                    }
                    Ok(tensor)
                })
                .collect()
        };
        self.watch.waiting(finish).context("reaching the other processes")
    }

    fn broadcast(&self, tensors: &mut [Tensor], root: usize) -> Result<()> {
        let cpu = |tensor: &Tensor, wait| self.gloo.broadcast(tensor, root, wait);
        self.transfer(tensors, cpu, |gpus, tensor| {
            ensure!(root == 0, "between GPUs, only the first process has what the others get");
            gpus.broadcast(tensor)
        })
    }

    fn ensure_same(&self, what: &str, digest: &str) -> Result<()> {
        let key = format!("same/{what}");
        self.watch.begin();
        if self.place.rank == 0 {
            return self.store.set(&key, digest.as_bytes());
        }
        let found = self.watch.waiting(|limit| self.store.get(&key, limit))?;
        let first = String::from_utf8_lossy(&found);
        let name = |rank: usize| format!("rank {rank} on `{}`", self.hosts[rank]);
        ensure!(
            first == digest,
            "{} has other {what} than {}: {digest} and not {first}; all processes need the same program, data, \
             weights and settings",
            name(self.place.rank),
            name(0)
        );
        Ok(())
    }

    fn advance(&self, unit: Unit) {
        self.watch.advance(unit);
    }

    fn at_rest(&self) {
        self.watch.at_rest();
    }

    fn standing(&self, step: u64, text: &str) {
        self.watch.standing(step, text);
    }
}

/// A connection to the meeting place, which this process makes if it `serves`.
fn open(place: &Place, serves: bool) -> Result<Store> {
    let Place { host, port, wait, .. } = place;
    let prefix = prefix(&place.attempt);
    let why = || match serves {
        true => format!(
            "opening port {port} (is it in use? MASTER_PORT names another; is this machine `{host}`, as MASTER_ADDR \
             says?)"
        ),
        false => format!(
            "nobody answered at {host}:{port} within {} s: is rank 0 there, as MASTER_ADDR and MASTER_PORT say \
             ({JOIN_SECONDS} is how long it is tried)",
            wait.as_secs()
        ),
    };
    Store::open((host, *port), serves, &prefix, *wait).with_context(why)
}

/// How keys begin for one start of the processes, of which there may be several that meet at one store.
pub(crate) fn prefix(attempt: &str) -> String {
    format!("lpmflow{attempt}")
}

/// Says who this process is and hears the same of the others; their hosts.
fn greet(store: &Store, place: &Place) -> Result<Vec<String>> {
    let Place { rank, world_size, wait, .. } = *place;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let own = Hello { world_size, version, host };
    ensure!(
        store.add(&format!("came/{rank}"), 1)? == 1,
        "another process has come as rank {rank}: give each a RANK of its own"
    );
    store.set(&format!("hello/{rank}"), &serde_json::to_vec(&own)?)?;
    let start = Instant::now();
    let mut hosts = Vec::new();
    for other in 0..world_size {
        let name = format!("hello/{other}");
        while !store.has(&name).context(ENDED)? {
            ensure_not_refused(store, wait)?;
            ensure!(
                start.elapsed() < wait,
                "rank {other} has not come within {} s ({JOIN_SECONDS} is how long it is waited for)",
                wait.as_secs()
            );
            std::thread::sleep(LOOK);
        }
        let hello: Hello = serde_json::from_slice(&store.get(&name, wait).context(ENDED)?)?;
        if let Some(problem) = mismatch(rank, &own, other, &hello) {
            let _ = store.set("refused", problem.as_bytes());
            bail!(problem);
        }
        hosts.push(hello.host);
    }
    ensure_not_refused(store, wait)?;
    Ok(hosts)
}

/// Whether nobody has found that the processes do not go together.
fn ensure_not_refused(store: &Store, wait: Duration) -> Result<()> {
    if store.has("refused").context(ENDED)? {
        bail!("{}", String::from_utf8_lossy(&store.get("refused", wait)?));
    }
    Ok(())
}

fn mismatch(rank: usize, own: &Hello, other: usize, hello: &Hello) -> Option<String> {
    if own.world_size != hello.world_size {
        return Some(format!(
            "WORLD_SIZE is {} for rank {rank} on `{}` and {} for rank {other} on `{}`",
            own.world_size, own.host, hello.world_size, hello.host
        ));
    }
    (own.version != hello.version).then(|| {
        format!(
            "rank {rank} on `{}` is version {} of lpmflow and rank {other} on `{}` is version {}",
            own.host, own.version, hello.host, hello.version
        )
    })
}
