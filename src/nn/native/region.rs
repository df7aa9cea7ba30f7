//! A parallel region of OpenMP's (`region.cpp`): libtorch opens one for each operation, here it is for the
//! threads alone.

unsafe extern "C" {
    safe fn lpmflow_open_region(threads: i32) -> i32;
}

/// Opens and ends a region of so many threads, which from then on belong to this one: they sleep until it
/// opens another, and end with it. Returns how many there were, this one included; fewer where the
/// environment limits them.
pub(crate) fn open(threads: i32) -> i32 {
    lpmflow_open_region(threads.max(1))
}
