//! From what the user calls weights to the file, or to those within the program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::model::weights::place::{BUILT_IN, Place};
use crate::model::weights::published::WHERE_TO_GET_BASE;
use crate::visible::Shown;

/// The variable that names a further folder of weights.
pub(crate) const FOLDER_VARIABLE: &str = "LPMFLOW_WEIGHTS";

/// The file that a folder of the authors' holds.
const AUTHORS_FILE: &str = "model_best.pth";

/// The file of a run folder that is meant by the folder, and the one that lies there before any validation.
const RUN_FILES: [&str; 2] = ["best.safetensors", "last.safetensors"];

/// Finds the weights that `--weights` names: by a name, those in the folder `LPMFLOW_WEIGHTS`, in `weights/`
/// next to the program or its folder, in that of the project where the program lies in it, or those within the
/// program; otherwise a file, a run folder, or the authors' folder.
///
/// # Errors
/// When there are none; the error lists the names there are. When `LPMFLOW_WEIGHTS` is set and is no folder.
pub(crate) fn find(wanted: &Path) -> Result<Place> {
    find_in(wanted, &folders()?)
}

/// The folders that names are looked up in, the most particular first.
fn folders() -> Result<Vec<PathBuf>> {
    let chosen = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty());
    let chosen = chosen.map(PathBuf::from);
    if let Some(folder) = chosen.as_deref().filter(|folder| !folder.is_dir()) {
        // Other weights than the user meant would give other numbers without a word.
        bail!("{FOLDER_VARIABLE} names `{}`, which is no folder", folder.shown());
    }
    let program = std::env::current_exe().ok();
    // The package has the program in bin/.
    let beside = program.iter().flat_map(|program| program.ancestors().skip(1).take(2));
    let beside = beside.map(|folder| folder.join("weights"));
    // Of the project, for programs that still lie where they were built.
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built_here = program.iter().filter(|program| program.starts_with(project));
    let project = built_here.map(|_| project.join("weights"));
    Ok(chosen.into_iter().chain(beside).chain(project).collect())
}

fn find_in(wanted: &Path, folders: &[PathBuf]) -> Result<Place> {
    let is_name = wanted.components().count() == 1;
    if let Some(name) = wanted.to_str().filter(|_| is_name) {
        let mut files = folders.iter().map(|folder| folder.join(format!("{name}.safetensors")));
        if let Some(file) = files.find(|file| file.is_file()) {
            return Ok(Place::File(file));
        }
        if let Some(weights) = BUILT_IN.iter().find(|weights| weights.name == name) {
            return Ok(Place::Program(weights));
        }
    }
    if wanted.is_dir() {
        return in_folder(wanted).map(Place::File);
    }
    if wanted.exists() {
        return Ok(Place::File(wanted.to_owned()));
    }
    let hint = if wanted == Path::new("base") {
        format!("{WHERE_TO_GET_BASE}{}", where_to_keep_base(folders))
    } else {
        let shown: Vec<String> = folders.iter().map(|f| format!("`{}`", f.shown())).collect();
        format!(
            "give a file, or one of the names that the program and {} hold: {}",
            shown.join(", "),
            available(folders).join(", ")
        )
    };
    bail!("there are no weights `{}`; {hint}", wanted.shown());
}

/// The weights that a whole folder stands for.
fn in_folder(folder: &Path) -> Result<PathBuf> {
    let file = |name: &str| Some(folder.join(name)).filter(|file| file.is_file());
    let [best, last] = RUN_FILES;
    if let Some(file) = file(best).or_else(|| file(AUTHORS_FILE)) {
        return Ok(file);
    }
    if let Some(last) = file(last) {
        bail!(
            "the run folder `{}` holds no `{best}` yet, which its first validation makes; `{}` are its \
             weights of now",
            folder.shown(),
            last.shown()
        );
    }
    bail!(
        "the folder `{}` holds neither `{best}` (of a run) nor `{AUTHORS_FILE}` (of LPMFlow's authors); \
         name the file of weights itself",
        folder.shown()
    )
}

/// How to keep converted weights where their name finds them.
fn where_to_keep_base(folders: &[PathBuf]) -> String {
    match folders.iter().find(|folder| folder.is_dir()) {
        Some(folder) => {
            format!(
                "`lpmflow export --weights FOLDER -o {}`",
                folder.join("base.safetensors").shown()
            )
        }
        None => format!(
            "make a folder, name it in {FOLDER_VARIABLE}, and \
             `lpmflow export --weights FOLDER -o \"${FOLDER_VARIABLE}/base.safetensors\"`"
        ),
    }
}

/// The names of all weights, in alphabetical order.
fn available(folders: &[PathBuf]) -> Vec<String> {
    let files = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    let names = files
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    let names: BTreeSet<String> =
        names.chain(BUILT_IN.iter().map(|weights| weights.name.to_owned())).collect();
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn file(place: Place) -> PathBuf {
        place.file().unwrap().to_owned()
    }

    #[test]
    fn names_are_found_in_the_first_folder_that_has_them_and_files_anywhere() {
        let root = tempfile::tempdir().unwrap();
        let folders = [root.path().join("mine"), root.path().join("shipped")];
        for folder in &folders {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("small.safetensors"), "").unwrap();
        }
        fs::write(folders[1].join("large.safetensors"), "").unwrap();
        let found = |wanted: &Path| file(find_in(wanted, &folders).unwrap());
        assert_eq!(found(Path::new("small")), folders[0].join("small.safetensors"));
        assert_eq!(found(Path::new("large")), folders[1].join("large.safetensors"));
        let file = folders[1].join("small.safetensors");
        assert_eq!(found(&file), file);
    }

    #[test]
    fn the_program_has_weights_of_its_own_and_files_of_their_names_win() {
        let root = tempfile::tempdir().unwrap();
        let folders = [root.path().to_owned()];
        let found = || find_in(Path::new("lite"), &folders).unwrap();
        assert!(matches!(found(), Place::Program(weights) if weights.name == "lite"));
        fs::write(root.path().join("lite.safetensors"), "").unwrap();
        assert_eq!(file(found()), root.path().join("lite.safetensors"));
    }

    #[test]
    fn folders_stand_for_the_best_of_what_they_hold() {
        let root = tempfile::tempdir().unwrap();
        let found = || find_in(root.path(), &[]);
        let error = found().unwrap_err().to_string();
        assert!(error.contains("neither `best.safetensors`"), "{error}");
        fs::write(root.path().join("last.safetensors"), "").unwrap();
        let error = found().unwrap_err().to_string();
        assert!(error.contains("last.safetensors` are its weights of now"), "{error}");
        for name in ["model_best.pth", "best.safetensors"] {
            fs::write(root.path().join(name), "").unwrap();
            assert_eq!(file(found().unwrap()), root.path().join(name));
        }
    }

    #[test]
    fn unknown_names_are_answered_with_the_known_ones() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("small.safetensors"), "").unwrap();
        let folders = [root.path().join("absent"), root.path().to_owned()];
        let error = |name: &str| find_in(Path::new(name), &folders).unwrap_err().to_string();
        assert!(error("smal").contains("no weights `smal`"));
        assert!(error("smal").ends_with(": lite, small, zero-shot"), "{}", error("smal"));
        assert!(error("base").contains("github.com/YXSUNMADMAX/LPMFlow"));
    }

    #[test]
    fn converted_weights_are_to_be_kept_where_they_are_looked_for() {
        let root = tempfile::tempdir().unwrap();
        let folders = [root.path().join("absent"), root.path().to_owned()];
        let advice =
            |folders: &[PathBuf]| find_in(Path::new("base"), folders).unwrap_err().to_string();
        let kept = root.path().join("base.safetensors");
        let wanted = format!("lpmflow export --weights FOLDER -o {}", kept.display());
        assert!(advice(&folders).contains(&wanted), "{}", advice(&folders));
        fs::write(&kept, "").unwrap();
        assert_eq!(file(find_in(Path::new("base"), &folders).unwrap()), kept);
        assert!(advice(&folders[..1]).contains("name it in LPMFLOW_WEIGHTS"));
    }
}
