//! Whether operations are being recorded, to be done again later on other values: nothing may then be decided by the
//! values of now.

use std::cell::Cell;

thread_local! {
    static RECORDING: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`, whose operations are recorded on this thread.
pub(crate) fn recording<T>(work: impl FnOnce() -> T) -> T {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            RECORDING.set(self.0);
        }
    }
    let _before = Before(RECORDING.replace(true));
    work()
}

/// Whether operations of this thread are being recorded.
pub(crate) fn is_recording() -> bool {
    RECORDING.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_as_long_as_the_work() {
        assert!(!is_recording());
        assert!(recording(|| recording(is_recording) && is_recording()));
        assert!(!is_recording());
        assert!(std::panic::catch_unwind(|| recording(|| panic!("broken off"))).is_err());
        assert!(!is_recording());
    }
}
