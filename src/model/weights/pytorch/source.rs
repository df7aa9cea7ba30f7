//! The file around a checkpoint's pickle: a zip archive, or the older form, pickles and then the values.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use zip::ZipArchive;

use crate::model::weights::archive::open as open_archive;
use crate::model::weights::pytorch::instructions::Instructions;
use crate::model::weights::pytorch::machine::Machine;
use crate::model::weights::pytorch::value::{Storage, Value};

/// How a zip archive begins.
const ZIP: &[u8] = b"PK\x03\x04";

/// The number that the older form begins with, as its first pickle holds it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Bytes of a file's beginning within which that number stands.
const BEGINNING: usize = 64;

/// Largest pickle accepted in an archive, where it may be packed, in bytes. That of a model with its optimizer
/// has below one megabyte.
const PICKLE_LIMIT: u64 = 64 << 20;

/// Where the values of storages are read from.
#[derive(Debug)]
pub(super) enum Source {
    /// Entries of an archive, whose names begin so.
    Archive(Box<ZipArchive<BufReader<File>>>, String),
    /// Places in the file, by the storages' names.
    Stream(BufReader<File>, HashMap<String, u64>),
}

/// Opens a checkpoint: where its values are, and what its pickle describes, which lives as long as the machine.
///
/// # Errors
/// When the file is none or is damaged.
pub(super) fn open(path: &Path, machine: &mut Machine) -> Result<(Source, Value)> {
    let mut reader = BufReader::new(File::open(path)?);
    let beginning = reader.fill_buf()?;
    if beginning.starts_with(ZIP) {
        return archive(open_archive(reader)?, machine);
    }
    let beginning = &beginning[..beginning.len().min(BEGINNING)];
    ensure!(
        beginning.windows(MAGIC.len()).any(|bytes| bytes == MAGIC),
        "the file is not a PyTorch checkpoint"
    );
    stream(reader, machine)
}

fn archive(
    mut archive: ZipArchive<BufReader<File>>,
    machine: &mut Machine,
) -> Result<(Source, Value)> {
    let names = archive.file_names().collect::<zip::result::ZipResult<Vec<_>>>()?;
    let pickle = names.iter().find(|name| name.ends_with("data.pkl"));
    let pickle = pickle.context("the archive holds no `data.pkl`")?.to_string();
    let root = pickle.trim_end_matches("data.pkl").to_owned();
    if let Ok(mut entry) = archive.by_name(&format!("{root}byteorder")) {
        let mut order = String::new();
        entry.by_ref().take(16).read_to_string(&mut order)?;
        ensure!(order.trim() == "little", "its values are in the byte order `{}`", order.trim());
    }
    let entry = archive.by_name(&pickle)?;
    let mut instructions = Instructions::new(BufReader::new(entry.take(PICKLE_LIMIT)));
    let root_value = machine.run(&mut instructions)?;
    drop(instructions);
    Ok((Source::Archive(Box::new(archive), root), root_value))
}

/// Pickles of a magic number, the version, the machine, the object, and the names of the storages; then each
/// storage's length and its values.
fn stream(reader: BufReader<File>, machine: &mut Machine) -> Result<(Source, Value)> {
    let mut instructions = Instructions::new(reader);
    for _ in 0..3 {
        machine.run(&mut instructions)?;
    }
    let root = machine.run(&mut instructions)?;
    let keys = machine.run(&mut instructions)?;
    let mut reader = instructions.into_rest();
    let mut places = HashMap::new();
    let end = reader.get_ref().metadata()?.len();
    for key in keys.items() {
        let key = key.name().context("a storage has no name")?;
        let Some(storage) = machine.storages.get(&*key) else {
            bail!("the storage `{key}` belongs to no tensor");
        };
        let kind = storage
            .kind
            .with_context(|| format!("the kind of the storage `{key}` is not known"))?;
        let mut length = [0; 8];
        reader.read_exact(&mut length).context("the file ends before its values")?;
        let place = reader.stream_position()?;
        let bytes = u64::from_le_bytes(length).checked_mul(kind.elt_size_in_bytes() as u64);
        let behind =
            bytes.and_then(|bytes| place.checked_add(bytes)).filter(|behind| *behind <= end);
        let behind = behind.with_context(|| format!("the file ends inside the storage `{key}`"))?;
        places.insert(key.to_string(), place);
        reader.seek(SeekFrom::Start(behind))?;
    }
    Ok((Source::Stream(reader, places), root))
}

impl Source {
    /// The bytes of a storage, `length` of them.
    ///
    /// # Errors
    /// When it is not in the file, or shorter.
    pub(super) fn read(&mut self, storage: &Storage, length: u64) -> Result<Vec<u8>> {
        let key = &storage.key;
        let read = |reader: &mut dyn Read| -> Result<Vec<u8>> {
            let mut bytes = Vec::new();
            reader.take(length).read_to_end(&mut bytes)?;
            ensure!(bytes.len() as u64 == length, "it has {} bytes, not {length}", bytes.len());
            Ok(bytes)
        };
        match self {
            Self::Archive(archive, root) => {
                let mut entry = archive
                    .by_name(&format!("{root}data/{key}"))
                    .with_context(|| format!("looking for the values `{key}`"))?;
                read(&mut entry)
            }
            Self::Stream(file, places) => {
                let place =
                    places.get(key).with_context(|| format!("there are no values `{key}`"))?;
                file.seek(SeekFrom::Start(*place))?;
                read(file)
            }
        }
        .with_context(|| format!("reading the values `{key}`"))
    }
}
