//! A table that processes share: where they meet, by libtorch's c10d (`process_group.cpp`).

use std::ffi::{CString, c_char, c_void};
use std::time::Duration;

use anyhow::{Context, Result};

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
}

/// Most bytes of a value that is read.
const ROOM: usize = 1 << 16;

/// A table of short texts that processes share, in one of them.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) store: *mut c_void,
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

    pub(super) fn key(&self, key: &str) -> Result<CString> {
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

/// A text as C has it.
///
/// # Errors
/// When there is a zero byte in it.
pub(super) fn text(text: &str) -> Result<CString> {
    CString::new(text).context("a text for other processes has a zero byte in it")
}

/// A time as C++ has it here.
pub(super) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
