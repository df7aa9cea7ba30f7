//! Machine code that was compiled before, on disk: by source, GPU and driver.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::nn::native::kernels::source::Source;

/// Where it is kept; nowhere, if the system names no such folder.
pub(super) fn folder() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let caches = match named("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(named("HOME")?).join(".cache"),
    };
    Some(caches.join("lpmflow/kernels"))
}

/// The file of a source for a GPU's architecture under a driver's version.
pub(crate) fn file(folder: &Path, source: Source, architecture: &str, driver: i32) -> PathBuf {
    let hash = Sha256::digest(source.whole());
    let hash: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    folder.join(format!("{}-{architecture}-{driver}-{hash}.cubin", source.name))
}

/// What `compile` makes, or made once; that it cannot be kept is no error.
///
/// # Errors
/// Those of `compile`.
pub(crate) fn kept<E>(
    file: Option<&Path>,
    compile: impl FnOnce() -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    // Every file of machine code begins like this; what a full disk left does not.
    let whole = |code: &Vec<u8>| code.starts_with(b"\x7fELF");
    if let Some(code) = file.and_then(|file| std::fs::read(file).ok()).filter(whole) {
        return Ok(code);
    }
    let code = compile()?;
    if let Some(file) = file {
        let _ = keep(file, &code);
    }
    Ok(code)
}

/// Under its name only when it is complete.
fn keep(file: &Path, code: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut partial = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut partial, code)?;
    partial.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::native::kernels::source::SOFT_ARGMAX;

    #[test]
    fn what_was_compiled_is_not_compiled_again_unless_something_else_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let mut compiled = 0;
        let mut get = |architecture, driver| {
            let file = file(&folder.path().join("deep"), SOFT_ARGMAX, architecture, driver);
            kept(Some(&file), || {
                compiled += 1;
                Ok::<_, ()>(b"\x7fELF and so on".to_vec())
            })
            .unwrap()
        };
        let first = get("sm_90", 13000);
        assert_eq!(get("sm_90", 13000), first);
        get("sm_80", 13000);
        get("sm_80", 13010);
        assert_eq!(compiled, 3);
        let cut = file(&folder.path().join("deep"), SOFT_ARGMAX, "sm_90", 13000);
        std::fs::write(&cut, b"").unwrap();
        let again = kept(Some(&cut), || Ok::<_, ()>(b"\x7fELF".to_vec())).unwrap();
        assert_eq!((again.as_slice(), std::fs::read(&cut).unwrap().len()), (&b"\x7fELF"[..], 4));
    }

    #[test]
    fn where_nothing_can_be_kept_it_is_compiled() {
        let code = kept(Some(Path::new("/proc/none/x")), || Ok::<_, ()>(b"\x7fELF".to_vec()));
        assert_eq!(code, Ok(b"\x7fELF".to_vec()));
        assert_eq!(kept(None, || Err::<Vec<u8>, _>("broken")), Err("broken"));
    }
}
