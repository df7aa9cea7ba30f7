//! Processes that compute sums together, by libtorch's c10d (`process_group.cpp`).

use std::ffi::{c_char, c_void};
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use tch::{Device, Tensor};

use crate::nn::native::attempt::{MESSAGE, attempt};
use crate::nn::native::store::{Store, milliseconds, text};

unsafe extern "C" {
    #[allow(clippy::too_many_arguments, reason = "a place among others, and where an error goes")]
    fn lpmflow_gloo_open(
        store: *mut c_void,
        key: *const c_char,
        rank: i32,
        world: i32,
        address: *const c_char,
        interface: *const c_char,
        wait: i64,
        message: *mut c_char,
        room: usize,
    ) -> *mut c_void;
    fn lpmflow_gloo_start_all_reduce(
        gloo: *mut c_void,
        tensor: *const c_void,
        wait: i64,
        message: *mut c_char,
        room: usize,
    ) -> *mut c_void;
    fn lpmflow_work_wait(work: *mut c_void, message: *mut c_char, room: usize) -> bool;
    fn lpmflow_work_close(work: *mut c_void);
    fn lpmflow_gloo_broadcast(
        gloo: *mut c_void,
        tensor: *const c_void,
        root: i32,
        wait: i64,
        message: *mut c_char,
        room: usize,
    ) -> bool;
    fn lpmflow_gloo_close(gloo: *mut c_void);
}

/// Where a process of a [`Gloo`] group is reached.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// At an address of this machine.
    Ip(IpAddr),
    /// At that of a network interface.
    Interface(String),
}

/// A group of processes that compute sums of tensors on the CPU.
#[derive(Debug)]
pub(crate) struct Gloo(*mut c_void);

// Safety: c10d's group takes requests from whichever thread has it.
unsafe impl Send for Gloo {}

impl Drop for Gloo {
    fn drop(&mut self) {
        // Safety: the group is `open`'s, and nobody uses it after this.
        unsafe { lpmflow_gloo_close(self.0) };
    }
}

impl Gloo {
    /// Joins the group that meets in `store` under `key`, as number `rank` of `world`.
    ///
    /// # Errors
    /// When the others do not come in time, or cannot be reached.
    pub(crate) fn open(
        store: &Store,
        key: &str,
        (rank, world): (usize, usize),
        address: &Address,
        wait: Duration,
    ) -> Result<Self> {
        let (address, interface) = match address {
            Address::Ip(address) => (address.to_string(), String::new()),
            Address::Interface(name) => (String::new(), name.clone()),
        };
        let [address, interface] = [&address, &interface].map(|value| text(value));
        let (key, address, interface) = (store.key(key)?, address?, interface?);
        let (rank, world) = (i32::try_from(rank)?, i32::try_from(world)?);
        let mut gloo = std::ptr::null_mut();
        attempt(|message| {
            // Safety: the store is alive, texts end with zero, and the message has the length that is told.
            gloo = unsafe {
                lpmflow_gloo_open(
                    store.store,
                    key.as_ptr(),
                    rank,
                    world,
                    address.as_ptr(),
                    interface.as_ptr(),
                    milliseconds(wait),
                    message,
                    MESSAGE,
                )
            };
            !gloo.is_null()
        })?;
        Ok(Self(gloo))
    }

    /// Replaces a tensor by its sum over the group.
    ///
    /// # Errors
    /// When the others do not come in time, or one is gone.
    pub(crate) fn all_reduce(&self, tensor: &Tensor, wait: Duration) -> Result<()> {
        self.start_all_reduce(tensor, wait)?.wait()
    }

    /// Begins to replace a tensor by its sum over the group, while this thread goes on. Nobody may use it before that
    /// is done.
    ///
    /// # Errors
    /// As [`Gloo::all_reduce`], as far as that is known at once.
    pub(crate) fn start_all_reduce(&self, tensor: &Tensor, wait: Duration) -> Result<Work> {
        check(tensor)?;
        let (pointer, wait) = (tensor.as_ptr().cast(), milliseconds(wait));
        let mut work = std::ptr::null_mut();
        attempt(|message| {
            // Safety: group and tensor are alive, the latter as long as the work needs it by its own hand, and the
            // message has the length that is told.
            work =
                unsafe { lpmflow_gloo_start_all_reduce(self.0, pointer, wait, message, MESSAGE) };
            !work.is_null()
        })?;
        Ok(Work(work))
    }

    /// Replaces a tensor by that of the process `root`.
    ///
    /// # Errors
    /// As [`Gloo::all_reduce`].
    pub(crate) fn broadcast(&self, tensor: &Tensor, root: usize, wait: Duration) -> Result<()> {
        check(tensor)?;
        let (pointer, wait) = (tensor.as_ptr().cast(), milliseconds(wait));
        let root = i32::try_from(root)?;
        // Safety: as above.
        attempt(|message| unsafe {
            lpmflow_gloo_broadcast(self.0, pointer, root, wait, message, MESSAGE)
        })
    }
}

/// What a group does while the thread that asked for it goes on.
#[derive(Debug)]
pub(crate) struct Work(*mut c_void);

// Safety: c10d's work is waited for by whichever thread has it.
unsafe impl Send for Work {}

impl Drop for Work {
    fn drop(&mut self) {
        // Safety: the work is `start_all_reduce`'s, and nobody uses it after this; the group has it until it is done.
        unsafe { lpmflow_work_close(self.0) };
    }
}

impl Work {
    /// Waits until it is done.
    ///
    /// # Errors
    /// When the others do not come in time, or one is gone.
    pub(crate) fn wait(self) -> Result<()> {
        // Safety: the work is alive, and the message has the length that is told.
        attempt(|message| unsafe { lpmflow_work_wait(self.0, message, MESSAGE) })
    }
}

fn check(tensor: &Tensor) -> Result<()> {
    ensure!(
        tensor.device() == Device::Cpu && tensor.is_contiguous(),
        "{tensor:?} cannot go to other processes as it lies"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use tch::Kind;

    const WAIT: Duration = Duration::from_secs(20);

    #[test]
    fn sums_are_over_the_group_in_float_and_bfloat16() {
        let store = Store::open(("127.0.0.1", 0), true, "a", WAIT).unwrap();
        let port = store.port();
        let run = move |rank: usize| {
            let store = Store::open(("127.0.0.1", port), false, "a", WAIT).unwrap();
            let address = Address::Ip(Ipv4Addr::LOCALHOST.into());
            let gloo = Gloo::open(&store, "sums", (rank, 3), &address, WAIT).unwrap();
            let found = [Kind::Float, Kind::Double, Kind::BFloat16].map(|kind| {
                let tensor = Tensor::from_slice(&[1.0, rank as f64]).to_kind(kind);
                gloo.all_reduce(&tensor, WAIT).unwrap();
                [0, 1].map(|index| tensor.double_value(&[index]))
            });
            let tensor = Tensor::from_slice(&[rank as u8]);
            gloo.broadcast(&tensor, 2, WAIT).unwrap();
            assert!(gloo.all_reduce(&tensor.expand([3, 1], false).tr(), WAIT).is_err());
            (found, tensor.int64_value(&[0]))
        };
        let threads = [0, 1, 2].map(|rank| std::thread::spawn(move || run(rank)));
        for thread in threads {
            assert_eq!(thread.join().unwrap(), ([[3.0, 3.0]; 3], 2));
        }
    }
}
