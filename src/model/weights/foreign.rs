//! Files that hold no weights this program could take, called by their names.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::model::weights::archive;

/// Bytes of a file's beginning that tell what it is.
const BEGINNING: u64 = 512;

/// How files begin that are often taken for weights, what they are, and what to do.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes; only PyTorch's weights can be taken"),
    (b"GGUF", "a GGUF file, which holds language models"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "packed by gzip: unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"),
    (b"Rar!", "a RAR archive: unpack it"),
    (b"\xfd7zXZ", "packed by xz: unpack it"),
    (b"\x28\xb5\x2f\xfd", "packed by Zstandard: unpack it"),
    (b"version https://git-lfs", "Git LFS's note of where the file is: `git lfs pull` fetches it"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF document"),
];

/// No file of weights is shorter.
const SHORTEST: usize = 16;

/// What the user can do about a file that ends too soon.
pub(super) const DAMAGED: &str = "the file is damaged or cut off: copy or download it again";

/// Where the mark of a tar archive stands.
const TAR: usize = 257;

/// Refuses files that are known to be something else.
///
/// # Errors
/// What the file is, and what to do; or that it cannot be read.
pub(super) fn check(path: &Path) -> Result<()> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(BEGINNING).read_to_end(&mut start)?;
    if start.is_empty() {
        bail!("the file is empty");
    }
    if let Some((_, what)) = BEGINNINGS.iter().find(|(mark, _)| start.starts_with(mark)) {
        bail!("it is {what}");
    }
    if start.get(TAR..TAR + 5) == Some(b"ustar") {
        bail!("it is a tar archive: unpack it");
    }
    let text = start.trim_ascii_start().to_ascii_lowercase();
    if text.starts_with(b"<!doctype") || text.starts_with(b"<html") {
        bail!(
            "it is a web page, saved in place of a file: download the file itself (open the link in a \
             browser; large files are given out behind a question)"
        );
    }
    if is_onnx(&start) {
        bail!(
            "it is an ONNX network, from which weights cannot be taken: give the file that the network was \
             made of"
        );
    }
    if start.len() < SHORTEST {
        bail!("{DAMAGED} (it has {} bytes)", start.len());
    }
    if start.starts_with(b"PK\x03\x04") {
        file.rewind()?;
        check_archive(file)?;
    }
    Ok(())
}

/// Whether a file begins as ONNX networks do: the format's version as field 1, then who made it (2), for
/// which program (3), or another field of the message, by its protobuf key.
fn is_onnx(start: &[u8]) -> bool {
    let fields = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42];
    matches!(start, [0x08, version @ 1..=20, field, ..] if *version > 0 && fields.contains(field))
}

/// Refuses zip archives that are no checkpoint of `torch.save`.
fn check_archive(file: File) -> Result<()> {
    let archive = archive::open(file).context("it is damaged or cut off")?;
    let names: Vec<_> = archive.file_names().collect::<zip::result::ZipResult<_>>()?;
    let ends = |end: &str| names.iter().find(|name| name.ends_with(end));
    if ends("/constants.pkl").is_some() {
        bail!(
            "it is a TorchScript network, from which weights cannot be taken: give the file that it was \
             exported from (its `state_dict`, or a safetensors file of `lpmflow export`)"
        );
    }
    if ends("data.pkl").is_some() {
        return Ok(());
    }
    if ends(".npy").is_some() {
        bail!("it is a NumPy archive");
    }
    if ends("archive_format").is_some() {
        bail!("it is a network of `torch.export`: give the `state_dict` that it was made of");
    }
    let inner = [".pth", ".pt", ".safetensors", ".tar"].into_iter().find_map(ends);
    match inner {
        Some(inner) => bail!("it is a zip archive that holds `{inner}`: unpack it"),
        None => bail!("it is a zip archive, but none that `torch.save` writes"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn error_of(content: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        format!("{:#}", check(file.path()).unwrap_err())
    }

    fn archive(entry: &str) -> Vec<u8> {
        let mut content = std::io::Cursor::new(Vec::new());
        let mut writer = zip::ZipWriter::new(&mut content);
        writer.start_file(entry, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(b"content").unwrap();
        writer.finish().unwrap();
        content.into_inner()
    }

    #[test]
    fn what_is_often_taken_for_weights_is_called_by_its_name() {
        assert!(error_of(b"\x08\x08\x12\x07pytorch\x1a\x062.13.0").contains("an ONNX network"));
        assert!(error_of(b"\n<!DOCTYPE html><title>Google Drive").contains("a web page"));
        assert!(error_of(b"\x1f\x8b\x08\0").contains("gzip: unpack it"));
        assert!(error_of(b"version https://git-lfs.github.com/spec/v1").contains("git lfs pull"));
        assert!(error_of(b"").contains("is empty"));
        assert!(error_of(b"\x10\x0f\0\0\0").contains("cut off: copy"));
        for (entry, wanted) in [
            ("net/constants.pkl", "a TorchScript network"),
            ("flow.npy", "a NumPy archive"),
            ("weights/model_best.pth", "holds `weights/model_best.pth`: unpack it"),
            ("notes.txt", "none that `torch.save` writes"),
        ] {
            assert!(error_of(&archive(entry)).contains(wanted), "{entry}");
        }
    }

    #[test]
    fn checkpoints_pass() {
        let older_form = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
        for content in [archive("net/data.pkl"), older_form.to_vec()] {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), content).unwrap();
            check(file.path()).unwrap();
        }
    }
}
