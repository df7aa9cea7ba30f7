//! Writing weight files: safetensors with the model's description in the metadata.

use std::collections::{BTreeMap, HashMap};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use tch::{Device, Kind, Tensor};

use crate::model::weights::checksum::{self, Checksum};
use crate::model::weights::description::{Description, METADATA_KEY};
use crate::output;
use crate::spelling::shortened;
use crate::visible::Shown;

/// Number format of the stored values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Storage {
    /// 32-bit floats: every value as it is
    Float32,
    /// 16-bit floats: half the size, three decimal digits
    Float16,
}

impl Storage {
    /// The kind of number that tensors are stored in.
    pub(crate) fn kind(self) -> Kind {
        self.formats().0
    }

    /// As users choose it.
    fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float16 => "float16",
        }
    }

    fn formats(self) -> (Kind, Dtype, usize) {
        match self {
            Self::Float32 => (Kind::Float, Dtype::F32, 4),
            Self::Float16 => (Kind::Half, Dtype::F16, 2),
        }
    }
}

/// Tensor data begin at a multiple of this, so that they can be used where they are mapped.
const ALIGNMENT: usize = 64;

/// Writes `tensors` and what they belong to. Equal input makes an equal file, byte for byte.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn save(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    description: &Description,
    storage: Storage,
) -> Result<()> {
    check_range(tensors, storage).with_context(|| format!("writing `{}`", path.shown()))?;
    let header = header(tensors, description, storage)
        .with_context(|| format!("describing the tensors of `{}`", path.shown()))?;
    output::write(path, |file| {
        let beginning = [&(header.len() as u64).to_le_bytes(), header.as_slice()].concat();
        file.write_all(&beginning)?;
        let mut checksum = Checksum::start(&beginning).context("the header has no checksum")?;
        for tensor in tensors.values() {
            let values = tensor.detach().to_device(Device::Cpu).to_kind(storage.kind());
            let values = bytes(&values);
            checksum.update(&values);
            file.write_all(&values)?;
        }
        let (place, digits) = checksum.finish();
        file.seek(SeekFrom::Start(place as u64))?;
        Ok(file.write_all(&digits)?)
    })
}

/// Whether all values are finite in a format; those beyond its range would be stored as infinite.
///
/// # Errors
/// When some are not; the error names the first of the tensors.
pub(crate) fn check_range(tensors: &BTreeMap<String, Tensor>, storage: Storage) -> Result<()> {
    let largest = match storage {
        Storage::Float32 => f64::from(f32::MAX),
        Storage::Float16 => 65504.0,
    };
    let fits = |tensor: &Tensor| {
        tensor.numel() == 0 || tensor.detach().abs().max().double_value(&[]) <= largest
    };
    let beyond: Vec<&str> =
        tensors.iter().filter(|(_, tensor)| !fits(tensor)).map(|(name, _)| name.as_str()).collect();
    ensure!(
        beyond.is_empty(),
        "values are not finite in {}, in {} of {} tensors: {}",
        storage.name(),
        beyond.len(),
        tensors.len(),
        shortened(&beyond)
    );
    Ok(())
}

/// The JSON before the data, padded with spaces as the format allows.
fn header(
    tensors: &BTreeMap<String, Tensor>,
    description: &Description,
    storage: Storage,
) -> Result<Vec<u8>> {
    let (_, dtype, width) = storage.formats();
    let mut end = 0;
    let mut infos = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let start = end;
        end += tensor.numel() * width;
        let shape = tensor.size().into_iter().map(usize::try_from).collect::<Result<_, _>>()?;
        infos.push((name.clone(), TensorInfo { dtype, shape, data_offsets: (start, end) }));
    }
    let about = HashMap::from([(METADATA_KEY.to_owned(), description.to_json()?)]);
    let mut header = serde_json::to_value(Metadata::new(Some(about), infos)?)?;
    // Not in the map above, whose order is another in every run.
    header["__metadata__"][checksum::KEY] = checksum::BLANK.into();
    let mut header = serde_json::to_vec(&header)?;
    let length = (8 + header.len()).next_multiple_of(ALIGNMENT) - 8;
    header.resize(length, b' ');
    Ok(header)
}

/// A tensor's values in memory order, little endian as this processor has them.
fn bytes(tensor: &Tensor) -> Vec<u8> {
    let tensor = tensor.contiguous();
    let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
    tensor.copy_data_u8(&mut bytes, tensor.numel());
    bytes
}
