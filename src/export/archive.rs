//! The archive of a TorchScript file: a zip of the code as text and the tensors as raw data.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write, copy, sink};
use std::path::Path;

use anyhow::{Context, Result, bail};
use tch::{CModule, IValue};
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive};

use crate::model::weights::archive::open;

use crate::export::code::{Code, state};
use crate::output::write_archive;

/// The folder inside the archive.
const FOLDER: &str = "lpmflow";

/// What libtorch calls it where it does not write to a file.
const TRACED_FOLDER: &str = "archive";

/// Where the code stands in the archive.
const CODE: &str = "code/__torch__.py";

/// Tensors begin at multiples of this, as libtorch aligns them.
const ALIGNMENT: u16 = 64;

/// Entries that take the place of an archive's, or come beside them.
type Entries<'a> = [(&'a str, Vec<u8>)];

/// Makes of the archive `traced`, as libtorch wrote it, one that runs on every device and notices damage
/// (see [`super::code`]), for photos of `input_size`, with `description` as its extra file `description_name`;
/// `summing` is room for one more on the way. Equal input makes equal output.
///
/// # Errors
/// When the archive is not of the form that this version of libtorch writes, or writing fails.
pub(super) fn seal(
    traced: NamedTempFile,
    mut summing: NamedTempFile,
    input_size: usize,
    (description_name, description): (&str, String),
    output: &mut (impl Write + Seek),
) -> Result<()> {
    let mut archive = open(BufReader::new(traced))?;
    let mut code = String::new();
    archive.by_name(&format!("{TRACED_FOLDER}/{CODE}"))?.read_to_string(&mut code)?;
    let code = Code::parse(&code)?;
    // The checksum comes from the very code that will check it.
    let mut writer = BufWriter::new(summing.as_file_mut());
    repack(&mut archive, &[(CODE, code.checksum_alone().into_bytes())], &mut writer)?;
    writer.flush()?;
    drop(writer);
    let checksum = checksum(&CModule::load(summing.path())?)?;
    drop(summing);
    let extra = format!("extra/{description_name}");
    let entries = [
        (CODE, code.exported(input_size).into_bytes()),
        ("data.pkl", state(checksum)),
        (extra.as_str(), description.into_bytes()),
    ];
    repack(&mut archive, &entries, output)
}

/// What a module that can do nothing else says its checksum is.
fn checksum(module: &CModule) -> Result<i64> {
    match module.method_is::<IValue>("checksum", &[])? {
        IValue::Int(checksum) => Ok(checksum),
        other => bail!("the checksum of the weights is {other:?}, not a whole number"),
    }
}

/// Reads the whole archive, which compares each entry with its checksum.
///
/// # Errors
/// When the file is no archive or is damaged.
pub(super) fn check(path: &Path) -> Result<()> {
    let mut archive = open(File::open(path)?)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name()?.into_owned();
        copy(&mut entry, &mut sink())
            .with_context(|| format!("reading the entry `{name}` of the archive"))?;
    }
    Ok(())
}

fn repack(
    archive: &mut ZipArchive<impl Read + Seek>,
    entries: &Entries<'_>,
    output: &mut (impl Write + Seek),
) -> Result<()> {
    let options = SimpleFileOptions::default().with_alignment(ALIGNMENT);
    let stored = options.compression_method(CompressionMethod::Stored);
    let compressed = options.compression_method(CompressionMethod::Deflated);
    write_archive(output, |writer| {
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index)?;
            let name = entry.name()?.into_owned();
            let name = name.strip_prefix(TRACED_FOLDER).and_then(|name| name.strip_prefix('/'));
            let name = name.context("an entry lies in another folder")?.to_owned();
            if entries.iter().all(|(replaced, _)| *replaced != name) {
                writer.start_file(inside(&name), stored)?;
                copy(&mut entry, writer)?;
            }
        }
        for (name, content) in entries {
            writer.start_file(inside(name), compressed)?;
            writer.write_all(content)?;
        }
        Ok(())
    })
}

fn inside(name: &str) -> String {
    format!("{FOLDER}/{name}")
}
