//! PyTorch checkpoints (`.pth`, `.pt`), both the zip form and the older stream of pickles. Pickles are followed,
//! never executed, whatever lies beside the weights does not matter, and only the tensors asked for are read.

mod instructions;
mod machine;
mod names;
pub(crate) mod plain;
mod source;
mod value;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tch::{Device, Kind, Tensor};

use crate::spelling::{counted, shortened};
use crate::visible::Shown;
use machine::Machine;
use names::{Found, Named};
use source::Source;
use value::StoredTensor;

/// An open checkpoint: the names of its tensors are known, their values are not read yet.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    source: Source,
    tensors: BTreeMap<String, Named>,
    /// Of the file, in bytes.
    length: u64,
}

impl Checkpoint {
    /// Opens a checkpoint and parses its structure.
    ///
    /// # Errors
    /// When the file is none, is damaged, or describes more than a checkpoint plausibly holds.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let open = || -> Result<Self> {
            let length = std::fs::metadata(path)?.len();
            // What the pickle describes must go before the machine, which takes it apart.
            let mut machine = Machine::default();
            let (source, root) = source::open(path, &mut machine)?;
            let tensors = names::tensors(&root)?;
            drop(root);
            Ok(Self { source, tensors, length })
        };
        open().with_context(|| format!("reading the PyTorch checkpoint `{}`", path.shown()))
    }

    /// The names of all tensors, in alphabetical order: the keys of the containers around them, joined by dots.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.tensors.keys().map(String::as_str).collect()
    }

    /// The outermost containers that hold tensors, with how many and how large, the largest first, for messages.
    pub(crate) fn dictionaries(&self) -> String {
        let depth = |deepest: usize| {
            let mut groups: BTreeMap<String, (usize, i64)> = BTreeMap::new();
            for Named { path, found } in self.tensors.values() {
                let inside = &path[..deepest.min(path.len().saturating_sub(1))];
                let (tensors, values) = groups.entry(inside.join(".")).or_default();
                *tensors += 1;
                if let Found::Tensor(tensor) = found {
                    *values = values.saturating_add(tensor.values().unwrap_or(i64::MAX));
                }
            }
            groups
        };
        if self.tensors.is_empty() {
            return "no tensors".to_owned();
        }
        // One container around everything says nothing.
        let groups = (1..4).map(depth).find(|groups| groups.len() != 1).unwrap_or_else(|| depth(1));
        let described = |(name, (tensors, values)): (String, (usize, i64))| {
            let name = if name.is_empty() {
                "the outermost level".to_owned()
            } else {
                format!("`{name}`")
            };
            format!("{name} ({}, {})", counted(tensors, "tensor"), counted(values, "value"))
        };
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, (_, values))| Reverse(*values));
        shortened(&groups.into_iter().map(described).collect::<Vec<_>>())
    }

    /// Reads the tensors that `rename` gives a name to, under that name.
    ///
    /// # Errors
    /// When data are missing or damaged, or two tensors get one name.
    pub(crate) fn read(
        mut self,
        rename: impl Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, Tensor>> {
        let mut wanted = BTreeMap::new();
        for (name, named) in &self.tensors {
            let Some(new_name) = rename(name) else { continue };
            let tensor = match &named.found {
                Found::Tensor(tensor) => (name, tensor),
                Found::Unreadable(function) => {
                    bail!("`{name}` is stored in a way that weights are not (`{function}`)")
                }
            };
            if let Some((other, _)) = wanted.insert(new_name, tensor) {
                bail!("`{name}` and `{other}` are two values for one name");
            }
        }
        // A tensor may repeat one stored value any number of times, so that a small file could claim
        // gigabytes. Weights do not; the factor leaves room for compressed and for shared ones.
        let claimed = wanted.values().map(|(_, tensor)| bytes(tensor.values(), tensor.kind));
        ensure!(
            claimed.fold(0, u64::saturating_add) <= self.length.saturating_mul(2),
            "its tensors claim more data than the file can hold"
        );
        let mut storages = HashMap::new();
        let mut tensors = BTreeMap::new();
        for (new_name, (name, tensor)) in wanted {
            let values = values(&mut self.source, &mut storages, self.length, tensor);
            tensors
                .insert(new_name, values.with_context(|| format!("reading the tensor `{name}`"))?);
        }
        Ok(tensors)
    }
}

/// A tensor on the memory of its storage, which is read when it is first needed.
fn values(
    source: &mut Source,
    storages: &mut HashMap<String, Tensor>,
    length: u64,
    tensor: &StoredTensor,
) -> Result<Tensor> {
    let StoredTensor { storage, kind, offset, size, stride } = tensor;
    if size.contains(&0) {
        return Ok(Tensor::f_zeros(size, (*kind, Device::Cpu))?);
    }
    if !storages.contains_key(&storage.key) {
        // Of a storage without a kind, the length is in bytes.
        let bytes = bytes(Some(storage.length), storage.kind.unwrap_or(Kind::Uint8));
        let packed_at_most = length.saturating_mul(2);
        ensure!(bytes <= packed_at_most, "its storage claims more data than the file can hold");
        let read = Tensor::from_slice(&source.read(storage, bytes)?);
        storages.insert(storage.key.clone(), read);
    }
    let stored = &storages[&storage.key];
    let typed = match kind {
        // Any byte but zero is true.
        Kind::Bool => stored.f_ne(0)?,
        kind => stored.f_view_dtype(*kind)?,
    };
    Ok(typed.f_as_strided(size, stride, *offset)?.f_contiguous()?)
}

fn bytes(values: Option<i64>, kind: Kind) -> u64 {
    let values = values.and_then(|values| u64::try_from(values).ok());
    values
        .and_then(|values| values.checked_mul(kind.elt_size_in_bytes() as u64))
        .unwrap_or(u64::MAX)
}
