//! Files mapped into memory, on whose pages tensors lie.

use std::sync::Mutex;

use memmap2::MmapMut;
use tch::{Device, Tensor};

static MAPS: Mutex<Vec<MmapMut>> = Mutex::new(Vec::new());

/// Keeps a map for good: tensors that share its pages may be anywhere. Pages that nothing uses cost no
/// memory, as the system can drop them.
pub fn keep(map: MmapMut) {
    if let Ok(mut maps) = MAPS.lock() {
        maps.push(map);
    } else {
        std::mem::forget(map);
    }
}

/// Whether all values of a tensor lie on the pages of a map that is kept.
pub fn holds(tensor: &Tensor) -> bool {
    find(tensor, |_, _| ()).is_some()
}

/// Gives the memory that a tensor's pages take back to the system; they are read from the file again if
/// they are ever used. For tensors that were never written to: what was written would be lost.
pub fn give_back(tensor: &Tensor) {
    find(tensor, |map, range| {
        // Pages shared with a neighbour stay.
        let page = 4096;
        let start = map.as_ptr() as usize;
        let from = (start + range.start).next_multiple_of(page) - start;
        let to = ((start + range.end) / page * page).saturating_sub(start);
        #[cfg(unix)]
        if from < to {
            // Safety: the map is private and, as said above, these pages are as they are in the file, so
            // dropping them changes no value.
            #[expect(unsafe_code, reason = "memory mapping")]
            let given = unsafe {
                map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, from, to - from)
            };
            // A system that keeps them loses nothing but memory.
            drop(given);
        }
    });
}

fn find<T>(
    tensor: &Tensor,
    found: impl FnOnce(&MmapMut, std::ops::Range<usize>) -> T,
) -> Option<T> {
    if tensor.device() != Device::Cpu || !tensor.is_contiguous() {
        return None;
    }
    let start = tensor.data_ptr() as usize;
    let length = tensor.numel() * tensor.kind().elt_size_in_bytes();
    let maps = MAPS.lock().ok()?;
    let map = maps.iter().find(|map| {
        let own = map.as_ptr() as usize;
        own <= start && start + length <= own + map.len()
    })?;
    let offset = start - map.as_ptr() as usize;
    Some(found(map, offset..offset + length))
}
