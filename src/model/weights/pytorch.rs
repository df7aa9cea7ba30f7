//! PyTorch checkpoints (`.pth`, `.pt`), both the zip form and the older stream of pickles. The pickles
//! are parsed, never executed, and only the tensors asked for are read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use pytorch_reader::{DType, PytorchReader};
use tch::{Kind, Tensor};
use zip::ZipArchive;

use crate::model::weights::pickle;

/// How a zip archive begins.
const ZIP: &[u8] = b"PK\x03\x04";

/// Pickles of the older form before its data: a magic number, the version, the machine, the object, the
/// names of the data.
const OLDER_FORM_PICKLES: usize = 5;

/// Largest pickle accepted, in bytes. That of a model with its optimizer has below one megabyte.
const PICKLE_LIMIT: u64 = 64 << 20;

/// An open checkpoint: the names of its tensors are known, their values are not read yet.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    reader: PytorchReader,
    length: u64,
}

impl Checkpoint {
    /// Opens a checkpoint and parses its structure.
    ///
    /// # Errors
    /// When the file is none, is damaged, or describes more than a checkpoint plausibly holds.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let open = || -> Result<Self> {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            check_pickles(file)?;
            let reader = PytorchReader::new(path)?;
            Ok(Self { reader, length })
        };
        open().with_context(|| format!("reading the PyTorch checkpoint `{}`", path.display()))
    }

    /// The names of all tensors: the keys of the dictionaries around them, joined by dots.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.reader.tensors().keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Reads the tensors that `rename` gives a name to, under that name.
    ///
    /// # Errors
    /// When data are missing or damaged, or two tensors get one name.
    pub(crate) fn read(
        self,
        rename: impl Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, Tensor>> {
        let mut wanted = BTreeMap::new();
        for (name, tensor) in self.reader.tensors() {
            if let Some(new_name) = rename(name)
                && let Some(other) = wanted.insert(new_name, tensor)
            {
                bail!("`{name}` and `{}` are two values for one name", other.name);
            }
        }
        // A tensor may repeat one stored value any number of times, so that a small file could claim
        // gigabytes. Weights do not; the factor leaves room for compressed and for shared ones.
        let claimed = wanted.values().map(|tensor| tensor.byte_len() as u64);
        ensure!(
            claimed.fold(0, u64::saturating_add) <= self.length.saturating_mul(2),
            "its tensors claim more data than the file can hold"
        );
        wanted
            .into_iter()
            .map(|(name, tensor)| {
                let values = values(tensor).with_context(|| format!("reading the tensor `{name}`"));
                Ok((name, values?))
            })
            .collect()
    }
}

fn values(tensor: &pytorch_reader::Tensor) -> Result<Tensor> {
    let kind = match tensor.dtype() {
        DType::F64 => Kind::Double,
        DType::F32 => Kind::Float,
        DType::F16 => Kind::Half,
        DType::BF16 => Kind::BFloat16,
        DType::I64 => Kind::Int64,
        DType::I32 => Kind::Int,
        DType::I16 => Kind::Int16,
        DType::I8 => Kind::Int8,
        DType::U8 => Kind::Uint8,
        DType::Bool => Kind::Bool,
        DType::U64 | DType::U32 | DType::U16 => bail!("its kind of number is not one of weights"),
    };
    let size: Vec<i64> =
        tensor.shape().iter().map(|&length| i64::try_from(length)).collect::<Result<_, _>>()?;
    let bytes = tensor.read()?;
    ensure!(bytes.len() == tensor.byte_len(), "its data have another length than its shape says");
    Ok(Tensor::f_from_data_size(&bytes, &size, kind)?)
}

/// Refuses pickles that would grow far beyond their own size in memory, before they are parsed.
fn check_pickles(file: File) -> Result<()> {
    let mut reader = BufReader::new(file);
    let mut start = Vec::new();
    reader.by_ref().take(ZIP.len() as u64).read_to_end(&mut start)?;
    if start != ZIP {
        // A pickle begins with its version; the magic number of a checkpoint follows in all of them.
        ensure!(start.starts_with(&[0x80]), "the file is not a PyTorch checkpoint");
        reader.seek_relative(-(start.len() as i64))?;
        return pickle::check(&mut reader, OLDER_FORM_PICKLES);
    }
    reader.seek_relative(-(start.len() as i64))?;
    let mut archive = ZipArchive::new(reader)?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        if entry.name()?.ends_with("data.pkl") {
            pickle::check(&mut BufReader::new(entry.take(PICKLE_LIMIT)), 1)?;
        }
    }
    Ok(())
}
