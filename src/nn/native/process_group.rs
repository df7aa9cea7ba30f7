//! Processes that meet at a store and compute sums together, by libtorch's c10d (`process_group.cpp`).

use std::ffi::{CString, c_char, c_void};
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tch::{Device, Tensor};

use crate::nn::native::attempt::{MESSAGE, attempt};

unsafe extern "C" {
    fn lpmflow_store_open(
        host: *const c_char,
        port: u16,
        serves: bool,
        wait: i64,
        message: *mut c_char,
        room: usize,
    ) -> *mut c_void;
    fn lpmflow_store_port(store: *const c_void) -> u16;
    fn lpmflow_store_set(
        store: *mut c_void,
        key: *const c_char,
        value: *const u8,
        length: usize,
        message: *mut c_char,
        room: usize,
    ) -> bool;
    fn lpmflow_store_has(
        store: *mut c_void,
        key: *const c_char,
        has: *mut bool,
        message: *mut c_char,
        room: usize,
    ) -> bool;
    fn lpmflow_store_add(
        store: *mut c_void,
        key: *const c_char,
        value: i64,
        sum: *mut i64,
        message: *mut c_char,
        room: usize,
    ) -> bool;
    #[allow(clippy::too_many_arguments, reason = "where the value goes, and where an error")]
    fn lpmflow_store_get(
        store: *mut c_void,
        key: *const c_char,
        wait: i64,
        value: *mut u8,
        value_room: usize,
        length: *mut usize,
        message: *mut c_char,
        room: usize,
    ) -> bool;
    fn lpmflow_store_close(store: *mut c_void);
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
    fn lpmflow_gloo_all_reduce(
        gloo: *mut c_void,
        tensor: *const c_void,
        wait: i64,
        message: *mut c_char,
        room: usize,
    ) -> bool;
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

/// Most bytes of a value that is read.
const ROOM: usize = 1 << 16;

/// A table of short texts that processes share, in one of them.
#[derive(Debug)]
pub(crate) struct Store {
    store: *mut c_void,
    /// How its keys begin there.
    prefix: String,
}

// Safety: c10d's store takes one request after the other, from whichever thread.
unsafe impl Send for Store {}
// Safety: as above.
unsafe impl Sync for Store {}

impl Drop for Store {
    fn drop(&mut self) {
        // Safety: the store is `open`'s, and nobody uses it after this.
        unsafe { lpmflow_store_close(self.store) };
    }
}

impl Store {
    /// Opens the store at a port of `host`, or makes it there if this process is the one that `serves`; port 0 is
    /// any that is free. `wait`: how long to try. Those that give another prefix do not see what is put here.
    ///
    /// # Errors
    /// When nobody answers there, or the port is taken.
    pub(crate) fn open(
        (host, port): (&str, u16),
        serves: bool,
        prefix: &str,
        wait: Duration,
    ) -> Result<Self> {
        let host = text(host)?;
        let mut store = std::ptr::null_mut();
        attempt(|message| {
            // Safety: the text ends with zero, and the message has the length that is told.
            store = unsafe {
                let wait = milliseconds(wait);
                lpmflow_store_open(host.as_ptr(), port, serves, wait, message, MESSAGE)
            };
            !store.is_null()
        })?;
        Ok(Self { store, prefix: prefix.to_owned() })
    }

    fn key(&self, key: &str) -> Result<CString> {
        text(&format!("{}/{key}", self.prefix))
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        // Safety: the store is alive.
        unsafe { lpmflow_store_port(self.store) }
    }

    /// Puts a value under a key.
    ///
    /// # Errors
    /// When the store is gone.
    pub(crate) fn set(&self, key: &str, value: &[u8]) -> Result<()> {
        let key = self.key(key)?;
        // Safety: the store is alive, the key ends with zero, value and message have the lengths that are told.
        attempt(|message| unsafe {
            lpmflow_store_set(
                self.store,
                key.as_ptr(),
                value.as_ptr(),
                value.len(),
                message,
                MESSAGE,
            )
        })
    }

    /// Whether there is a value under a key.
    ///
    /// # Errors
    /// When the store is gone.
    pub(crate) fn has(&self, key: &str) -> Result<bool> {
        let key = self.key(key)?;
        let mut has = false;
        // Safety: as above.
        attempt(|message| unsafe {
            lpmflow_store_has(self.store, key.as_ptr(), &mut has, message, MESSAGE)
        })?;
        Ok(has)
    }

    /// Adds to the number under a key, which is 0 at first; the sum.
    ///
    /// # Errors
    /// When the store is gone.
    pub(crate) fn add(&self, key: &str, value: i64) -> Result<i64> {
        let key = self.key(key)?;
        let mut sum = 0;
        // Safety: as above.
        attempt(|message| unsafe {
            lpmflow_store_add(self.store, key.as_ptr(), value, &mut sum, message, MESSAGE)
        })?;
        Ok(sum)
    }

    /// The value under a key, at most 64 KiB of it; waits until it is there.
    ///
    /// # Errors
    /// When it does not come in time, or the store is gone.
    pub(crate) fn get(&self, key: &str, wait: Duration) -> Result<Vec<u8>> {
        let key = self.key(key)?;
        let (mut value, mut length) = (vec![0; ROOM], 0);
        // Safety: as above; the value has the length that is told, too.
        attempt(|message| unsafe {
            lpmflow_store_get(
                self.store,
                key.as_ptr(),
                milliseconds(wait),
                value.as_mut_ptr(),
                ROOM,
                &mut length,
                message,
                MESSAGE,
            )
        })?;
        value.truncate(length);
        Ok(value)
    }
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
        check(tensor)?;
        let (pointer, wait) = (tensor.as_ptr().cast(), milliseconds(wait));
        // Safety: group and tensor are alive, and the message has the length that is told.
        attempt(|message| unsafe {
            lpmflow_gloo_all_reduce(self.0, pointer, wait, message, MESSAGE)
        })
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

fn check(tensor: &Tensor) -> Result<()> {
    ensure!(
        tensor.device() == Device::Cpu && tensor.is_contiguous(),
        "{tensor:?} cannot go to other processes as it lies"
    );
    Ok(())
}

fn text(text: &str) -> Result<CString> {
    CString::new(text).context("a text for other processes has a zero byte in it")
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use tch::Kind;

    const WAIT: Duration = Duration::from_secs(20);

    #[test]
    fn texts_are_shared_and_waited_for() {
        let store = Store::open(("127.0.0.1", 0), true, "a", WAIT).unwrap();
        let other = Store::open(("127.0.0.1", store.port()), false, "a", WAIT).unwrap();
        assert!(!other.has("a").unwrap());
        store.set("a", b"text").unwrap();
        // It travels: whoever waits for it gets it.
        assert_eq!(other.get("a", WAIT).unwrap(), b"text");
        assert!(other.has("a").unwrap());
        assert_eq!((store.add("n", 2).unwrap(), other.add("n", 1).unwrap()), (2, 3));
        let error = other.get("b", Duration::from_millis(50)).unwrap_err().to_string();
        assert!(error.to_lowercase().contains("timeout"), "{error}");
        let here = ("127.0.0.1", store.port());
        assert!(!Store::open(here, false, "b", WAIT).unwrap().has("a").unwrap());
        assert!(Store::open(here, true, "a", WAIT).is_err(), "the port is taken");
    }

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
