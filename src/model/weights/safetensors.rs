//! Safetensors files, memory-mapped: tensors use the file's pages where they are.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use safetensors::{Dtype, SafeTensors};
use tch::{Kind, Tensor};

use crate::model::weights::checksum;
use crate::model::weights::description::METADATA_KEY;
use crate::model::weights::foreign::DAMAGED;
use crate::nn::runtime::mapped::MappedFile;

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Contents {
    /// The tensors by name, on the CPU.
    pub tensors: BTreeMap<String, Tensor>,
    /// The description in the metadata, if it is a file of ours.
    pub description: Option<String>,
}

/// Where a tensor lies in the file.
struct Place {
    name: String,
    kind: Kind,
    size: Vec<i64>,
    offset: usize,
    length: usize,
}

/// Reads a safetensors file. Its header is checked (lengths, offsets, shapes, overlaps), and its whole
/// content if it has a checksum of ours.
///
/// # Errors
/// When the file cannot be read, is damaged, or holds a kind of number that libtorch lacks.
pub(crate) fn read(path: &Path) -> Result<Contents> {
    let mut file = MappedFile::open(path)?;
    let length = file.bytes().len();
    ensure!(length > 8, "the file has {length} bytes, too few for a header");
    let (places, description) = places(file.bytes())?;
    let mut tensors = BTreeMap::new();
    for place in places {
        let tensor = match file.tensor(place.offset, &place.size, place.kind)? {
            Some(tensor) => tensor,
            None => {
                let bytes = &file.bytes()[place.offset..place.offset + place.length];
                Tensor::f_from_data_size(bytes, &place.size, place.kind)?
            }
        };
        tensors.insert(place.name, tensor);
    }
    Ok(Contents { tensors, description })
}

/// As [`read`], of a file's content that lies in memory; the tensors get memory of their own.
///
/// # Errors
/// When the content is damaged.
pub(crate) fn read_bytes(bytes: &[u8]) -> Result<Contents> {
    let (places, description) = places(bytes)?;
    let mut tensors = BTreeMap::new();
    for place in places {
        let values = &bytes[place.offset..place.offset + place.length];
        tensors.insert(place.name, Tensor::f_from_data_size(values, &place.size, place.kind)?);
    }
    Ok(Contents { tensors, description })
}

fn places(bytes: &[u8]) -> Result<(Vec<Place>, Option<String>)> {
    let (header, metadata) = SafeTensors::read_metadata(bytes).context(DAMAGED)?;
    let data = 8 + header;
    checksum::check(bytes, data)?;
    let mut places = Vec::new();
    for (name, info) in metadata.tensors() {
        let place = || -> Result<Place> {
            let size = info.shape.iter().map(|&length| i64::try_from(length));
            let (from, to) = info.data_offsets;
            Ok(Place {
                name: name.clone(),
                kind: kind(info.dtype)?,
                size: size.collect::<Result<_, _>>()?,
                offset: data + from,
                length: to - from,
            })
        };
        places.push(place().with_context(|| format!("the tensor `{name}`"))?);
    }
    let description =
        metadata.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY)).cloned();
    Ok((places, description))
}

fn kind(dtype: Dtype) -> Result<Kind> {
    let kind = match dtype {
        Dtype::F64 => Some(Kind::Double),
        Dtype::F32 => Some(Kind::Float),
        Dtype::F16 => Some(Kind::Half),
        Dtype::BF16 => Some(Kind::BFloat16),
        Dtype::I64 => Some(Kind::Int64),
        Dtype::I32 => Some(Kind::Int),
        Dtype::I16 => Some(Kind::Int16),
        Dtype::I8 => Some(Kind::Int8),
        Dtype::U8 => Some(Kind::Uint8),
        Dtype::BOOL => Some(Kind::Bool),
        _ => None,
    };
    kind.with_context(|| format!("its kind of number, {dtype}, is not one of weights"))
}
