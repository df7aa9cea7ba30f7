//! Files mapped into memory, on whose pages tensors lie.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use memmap2::{MmapMut, MmapOptions};
use tch::{Device, Kind, TchError, Tensor};

use crate::nn::native::tensor::is_unwritten;

/// Maps on which tensors lie. They are kept for good: who shares a tensor's values may be anywhere. Pages that
/// nothing uses cost no memory, as the system can drop them.
static MAPS: Mutex<Vec<MmapMut>> = Mutex::new(Vec::new());

/// A file mapped into memory: what is written to its tensors reaches neither the file nor another process.
#[derive(Debug)]
pub(crate) struct MappedFile {
    /// Taken out in the end.
    map: Option<MmapMut>,
    /// Whether there are tensors on it.
    is_shared: bool,
}

impl MappedFile {
    /// Maps a file.
    ///
    /// # Errors
    /// When it cannot be opened or mapped.
    #[expect(unsafe_code, reason = "memory mapping")]
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the map is private and copy-on-write. Another program that rewrites or truncates the file
        // in place while this one runs could change values or end this process; weight files are replaced by
        // renaming (`output::write`), which leaves a mapped file untouched. Only plain numbers are read from
        // the pages, for which every bit pattern is valid.
        let map = unsafe { MmapOptions::new().map_copy(&file)? };
        Ok(Self { map: Some(map), is_shared: false })
    }

    /// What is in the file.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }

    /// The tensor whose values begin `offset` bytes after the file's beginning, on the file's pages. `None`
    /// where they do not lie in the file, or not as numbers of that kind must.
    ///
    /// # Errors
    /// libtorch's.
    #[expect(unsafe_code, reason = "tensors on memory-mapped pages")]
    pub(crate) fn tensor(
        &mut self,
        offset: usize,
        size: &[i64],
        kind: Kind,
    ) -> Result<Option<Tensor>, TchError> {
        let Some(map) = self.map.as_mut() else { return Ok(None) };
        let width = kind.elt_size_in_bytes();
        let bytes = size
            .iter()
            .try_fold(width, |bytes, &length| bytes.checked_mul(usize::try_from(length).ok()?));
        let end = bytes.and_then(|bytes| offset.checked_add(bytes));
        if end.is_none_or(|end| end > map.len() || end == offset) {
            return Ok(None);
        }
        let start = map[offset..].as_mut_ptr();
        if start.align_offset(width) != 0 {
            return Ok(None);
        }
        self.is_shared = true;
        // SAFETY: the values lie in the map, aligned, and the map is never unmapped from here on. Its pages
        // are writable, should the tensor be changed in place.
        unsafe { Tensor::f_from_blob(start, size, &[], kind, Device::Cpu) }.map(Some)
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        if let Some(map) = self.map.take().filter(|_| self.is_shared) {
            MAPS.lock().unwrap_or_else(PoisonError::into_inner).push(map);
        }
    }
}

/// Whether all values of a tensor lie on the pages of a mapped file.
pub(crate) fn holds(tensor: &Tensor) -> bool {
    find(tensor, |_, _| ()).is_some()
}

/// Gives the memory that a tensor's pages take back to the system; they are read from the file again if they
/// are ever used. Returns whether it did: what was ever written to stays, as it is not in the file.
pub(crate) fn give_back(tensor: &Tensor) -> bool {
    is_unwritten(tensor) && find(tensor, drop_pages) == Some(true)
}

/// Drops the pages that lie wholly within a range of a map; those shared with a neighbour stay.
#[cfg(unix)]
#[expect(unsafe_code, reason = "memory mapping")]
fn drop_pages(map: &MmapMut, range: Range<usize>) -> bool {
    let page = 4096;
    let start = map.as_ptr() as usize;
    let from = (start + range.start).next_multiple_of(page) - start;
    let to = ((start + range.end) / page * page).saturating_sub(start);
    // SAFETY: the map is private, and the only caller has seen that these pages are as they are in the file,
    // so dropping them changes no value.
    from < to
        && unsafe {
            map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, from, to - from).is_ok()
        }
}

#[cfg(not(unix))]
fn drop_pages(_map: &MmapMut, _range: Range<usize>) -> bool {
    false
}

fn find<T>(tensor: &Tensor, found: impl FnOnce(&MmapMut, Range<usize>) -> T) -> Option<T> {
    if tensor.device() != Device::Cpu || !tensor.is_contiguous() {
        return None;
    }
    let start = tensor.data_ptr() as usize;
    let length = tensor.numel() * tensor.kind().elt_size_in_bytes();
    let maps = MAPS.lock().unwrap_or_else(PoisonError::into_inner);
    let map = maps.iter().find(|map| {
        let own = map.as_ptr() as usize;
        own <= start && start + length <= own + map.len()
    })?;
    let offset = start - map.as_ptr() as usize;
    Some(found(map, offset..offset + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::no_grad;

    fn mapped(values: &[f32]) -> MappedFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(file.path(), bytes).unwrap();
        MappedFile::open(file.path()).unwrap()
    }

    #[test]
    fn memory_is_given_back_but_never_what_was_written() {
        let count = 16 * 1024;
        let values: Vec<f32> = (0..count).map(|index| index as f32).collect();
        let tensor = mapped(&values).tensor(0, &[4, count / 4], Kind::Float).unwrap().unwrap();
        let first: f64 = tensor.double_value(&[0, 1]);
        assert_eq!(first, 1.0);
        assert!(holds(&tensor) && give_back(&tensor));
        assert_eq!(Vec::<f32>::try_from(tensor.flatten(0, 1)).unwrap(), values, "read again");
        // Written to through a part, which is another tensor.
        let _ = no_grad(|| tensor.narrow(0, 1, 1).fill_(-1.0));
        assert!(!give_back(&tensor) && !give_back(&tensor.narrow(0, 1, 1)));
        assert_eq!(tensor.double_value(&[1, 0]), -1.0);
        assert!(!give_back(&tensor.copy()), "in memory of its own");
    }

    #[test]
    fn tensors_lie_within_the_file_and_aligned() {
        let mut file = mapped(&[1.0, 2.0, 3.0]);
        let mut is_there =
            |offset, size: &[i64]| file.tensor(offset, size, Kind::Float).unwrap().is_some();
        assert!(is_there(0, &[3]) && is_there(4, &[2, 1]));
        assert!(!is_there(0, &[4]) && !is_there(8, &[2]), "beyond the end");
        assert!(!is_there(2, &[1]), "not aligned");
        assert!(!is_there(0, &[0]) && !is_there(0, &[-1]) && !is_there(4, &[i64::MAX, 8]));
    }
}
