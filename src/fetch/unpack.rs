//! Archives of strangers: nothing of them leaves the folder they are unpacked into, takes more room than an archive of
//! photos can mean, or is anything but a plain file or folder.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::MultiGzDecoder;
use tempfile::TempDir;

use crate::output::make_folder;
use crate::visible::Shown;

/// Photos hardly shrink in archives and lists do to a tenth: what grows by more than this is no dataset.
const GROWTH: u64 = 20;

/// What small archives may grow to all the same.
const ALWAYS: u64 = 64 << 20;

/// More files than this are no dataset.
const MOST_ENTRIES: usize = 2_000_000;

/// Folders within one another.
const DEEPEST: usize = 32;

/// How archives are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Zip,
    Tar,
    TarGz,
}

fn kind(name: &str) -> Option<Kind> {
    let name = name.to_ascii_lowercase();
    let ends = |ending: &str| name.ends_with(ending);
    match () {
        () if ends(".zip") => Some(Kind::Zip),
        () if ends(".tar") => Some(Kind::Tar),
        () if ends(".tar.gz") || ends(".tgz") => Some(Kind::TarGz),
        () => None,
    }
}

/// Whether a file of this name is unpacked.
pub(super) fn is_archive(name: &str) -> bool {
    kind(name).is_some()
}

/// Unpacks an archive into a new folder in `place`, which goes with what is returned.
///
/// # Errors
/// When it is damaged, or holds what a dataset does not.
pub(super) fn unpack(
    archive: &Path,
    name: &str,
    place: &Path,
    on_entry: &mut dyn FnMut(usize),
) -> Result<TempDir> {
    let kind = kind(name).with_context(|| format!("`{name}` is no archive"))?;
    make_folder(place)?;
    let folder = tempfile::Builder::new().prefix(".lpmflow-unpacked-").tempdir_in(place)?;
    let size = fs::metadata(archive)?.len();
    let room = size.saturating_mul(GROWTH).max(ALWAYS);
    let mut into =
        Destination { root: folder.path().to_owned(), room, allowed: room, entries: 0, on_entry };
    let file = BufReader::new(File::open(archive)?);
    match kind {
        Kind::Zip => from_zip(file, &mut into),
        Kind::Tar => from_tar(file, &mut into),
        Kind::TarGz => from_tar(MultiGzDecoder::new(file), &mut into),
    }
    .with_context(|| format!("unpacking `{}`", archive.shown()))?;
    Ok(folder)
}

fn from_zip(file: BufReader<File>, into: &mut Destination) -> Result<()> {
    let mut archive = zip::ZipArchive::new(file).context("it is no whole archive")?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = PathBuf::from(entry.name()?.into_owned());
        ensure!(!entry.is_symlink(), "`{}` is a link, which no dataset needs", name.shown());
        match entry.is_dir() {
            true => into.folder(&name)?,
            false => into.file(&name, &mut entry)?,
        }
    }
    Ok(())
}

fn from_tar(stream: impl Read, into: &mut Destination) -> Result<()> {
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries()? {
        let mut entry = entry.context("it is damaged or cut off")?;
        let name = entry.path()?.into_owned();
        let kind = entry.header().entry_type();
        match () {
            () if kind.is_dir() => into.folder(&name)?,
            () if kind.is_file() => into.file(&name, &mut entry)?,
            // Remarks on the archive as a whole.
            () if kind.is_pax_global_extensions() => {}
            () => bail!("`{}` is a link or device, which no dataset needs", name.shown()),
        }
    }
    Ok(())
}

/// Where an archive is unpacked to.
struct Destination<'a> {
    root: PathBuf,
    /// Bytes that there is room for still, and that there was at first.
    room: u64,
    allowed: u64,
    entries: usize,
    on_entry: &'a mut dyn FnMut(usize),
}

impl Destination<'_> {
    fn folder(&mut self, name: &Path) -> Result<()> {
        let Some(path) = self.counted(name)? else { return Ok(()) };
        fs::create_dir_all(&path).with_context(|| format!("making the folder `{}`", name.shown()))
    }

    fn file(&mut self, name: &Path, content: &mut dyn Read) -> Result<()> {
        let Some(path) = self.counted(name)? else { return Ok(()) };
        let mut attempt = || -> Result<u64> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            // Never over a file that is there, as another entry of the same name.
            let mut file = BufWriter::new(File::create_new(&path)?);
            let bytes = io::copy(&mut content.take(self.room + 1), &mut file)?;
            file.flush()?;
            Ok(bytes)
        };
        let bytes = attempt().with_context(|| format!("unpacking its file `{}`", name.shown()))?;
        ensure!(
            bytes <= self.room,
            "it holds more than {} bytes, far more than archives of photos do: it was not unpacked",
            self.allowed
        );
        self.room -= bytes;
        Ok(())
    }

    /// The path of an entry, one more of them; none of what systems leave in archives.
    fn counted(&mut self, name: &Path) -> Result<Option<PathBuf>> {
        self.entries += 1;
        ensure!(self.entries <= MOST_ENTRIES, "it holds more than {MOST_ENTRIES} files");
        (self.on_entry)(self.entries);
        let mut path = self.root.clone();
        let mut depth = 0;
        for component in name.components() {
            match component {
                Component::Normal(part) => {
                    if is_litter(&part.to_string_lossy()) {
                        return Ok(None);
                    }
                    path.push(part);
                    depth += 1;
                }
                Component::CurDir => {}
                _ => bail!("`{}` leads out of the folder that it is unpacked into", name.shown()),
            }
        }
        ensure!(depth <= DEEPEST, "`{}` lies too deep", name.shown());
        Ok(Some(path))
    }
}

/// What macOS leaves in archives.
fn is_litter(part: &str) -> bool {
    part == "__MACOSX" || part == ".DS_Store" || part.starts_with("._")
}

#[cfg(test)]
mod tests;
