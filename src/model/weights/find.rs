//! From what the user calls a weight file to the file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::model::weights::published::WHERE_TO_GET_BASE;

/// The variable that names a further folder of weights.
pub(crate) const FOLDER_VARIABLE: &str = "LPMFLOW_WEIGHTS";

/// Finds the weights that `--weights` names: a file, the authors' folder, or the name of a file in the
/// folder `LPMFLOW_WEIGHTS`, in `weights/` next to the program or its folder, or in the project's `weights/`.
///
/// # Errors
/// When there is no such file; the error lists the names there are.
pub(crate) fn find(wanted: &Path) -> Result<PathBuf> {
    find_in(wanted, &folders())
}

/// The folders that names are looked up in, the most particular first.
fn folders() -> Vec<PathBuf> {
    let chosen = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty());
    let program = std::env::current_exe().ok();
    // The package has the program in bin/.
    let beside = program.iter().flat_map(|program| program.ancestors().skip(1).take(2));
    let beside = beside.map(|folder| folder.join("weights"));
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights");
    chosen.map(PathBuf::from).into_iter().chain(beside).chain([project]).collect()
}

fn find_in(wanted: &Path, folders: &[PathBuf]) -> Result<PathBuf> {
    let is_name = wanted.components().count() == 1;
    if let Some(name) = wanted.to_str().filter(|_| is_name) {
        for folder in folders {
            let file = folder.join(format!("{name}.safetensors"));
            if file.is_file() {
                return Ok(file);
            }
        }
    }
    if wanted.exists() {
        return Ok(wanted.to_owned());
    }
    let shown: Vec<String> = folders.iter().map(|f| format!("`{}`", f.display())).collect();
    let names = available(folders);
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let hint = if wanted == Path::new("base") {
        WHERE_TO_GET_BASE.to_owned()
    } else {
        format!("give a file, or one of the names in {}: {names}", shown.join(", "))
    };
    bail!("there are no weights `{}`; {hint}", wanted.display());
}

fn available(folders: &[PathBuf]) -> Vec<String> {
    let files = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    let names: BTreeSet<String> = files
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_are_found_in_the_first_folder_that_has_them_and_files_anywhere() {
        let root = tempfile::tempdir().unwrap();
        let folders = [root.path().join("mine"), root.path().join("shipped")];
        for folder in &folders {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("small.safetensors"), "").unwrap();
        }
        fs::write(folders[1].join("large.safetensors"), "").unwrap();
        let found = |wanted: &Path| find_in(wanted, &folders).unwrap();
        assert_eq!(found(Path::new("small")), folders[0].join("small.safetensors"));
        assert_eq!(found(Path::new("large")), folders[1].join("large.safetensors"));
        let file = folders[1].join("small.safetensors");
        assert_eq!(found(&file), file);
        assert_eq!(found(root.path()), root.path());
    }

    #[test]
    fn unknown_names_are_answered_with_the_known_ones() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("small.safetensors"), "").unwrap();
        let folders = [root.path().to_owned(), root.path().join("absent")];
        let error = |name: &str| find_in(Path::new(name), &folders).unwrap_err().to_string();
        assert!(error("smal").contains("no weights `smal`"));
        assert!(error("smal").ends_with(": small"), "{}", error("smal"));
        assert!(error("base").contains("github.com/YXSUNMADMAX/LPMFlow"));
        assert!(error("base").contains("lpmflow export"));
    }
}
