//! Annotations of GitHub's workflows: lines on stderr that its runner shows beside the change.

use std::env;
use std::fs;
use std::path::{Component, Path, PathBuf, absolute};

use crate::failure::fault;
use crate::visible::visible;

/// Something that made a run fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Annotation<'a> {
    /// In a few words.
    pub title: &'a str,
    /// The file it is about.
    pub file: Option<&'a Path>,
    /// What happened.
    pub message: &'a str,
}

/// Whether a workflow of GitHub runs this program.
pub(super) fn are_wanted() -> bool {
    env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// What annotations of an error are called.
pub(super) fn title(error: &anyhow::Error) -> &'static str {
    fault(error).map_or("lpmflow failed", |fault| fault.name())
}

/// The folder that the runner has the repository in.
pub(super) fn workspace() -> Option<PathBuf> {
    env::var_os("GITHUB_WORKSPACE").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// An annotation as the runner reads it, with files as they are called in `workspace`.
pub(super) fn line(annotation: &Annotation, workspace: Option<&Path>) -> String {
    let Annotation { title, file, message } = annotation;
    let file = file.map(|path| {
        let inside = workspace.and_then(|workspace| within(workspace, path));
        let name = inside.unwrap_or_else(|| path.to_string_lossy().into_owned());
        format!("file={},", property(&name))
    });
    let message = data(&visible(message));
    format!("::error {}title={}::{message}", file.unwrap_or_default(), property(title))
}

/// What a file is called from a folder that it lies below, however it is named and through whatever links.
fn within(folder: &Path, file: &Path) -> Option<String> {
    let named = absolute(file).ok()?;
    let is_plain = !named.components().any(|part| part == Component::ParentDir);
    let real = || {
        // The file itself may not be there.
        let above = fs::canonicalize(named.parent()?).ok()?;
        let real = fs::canonicalize(&named).unwrap_or(above.join(named.file_name()?));
        real.strip_prefix(fs::canonicalize(folder).ok()?).map(Path::to_owned).ok()
    };
    let as_named = is_plain.then(|| named.strip_prefix(folder).map(Path::to_owned).ok()).flatten();
    let inside = as_named.or_else(real)?;
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    Some(parts.join("/"))
}

/// A message as one line, as the runner reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_property_or_the_line_is_escaped() {
        let annotation = Annotation {
            title: "accuracy fell, again",
            file: Some(Path::new("a:b/main.json")),
            message: "50 % -> 40 %\nin all",
        };
        assert_eq!(
            line(&annotation, None),
            "::error file=a%3Ab/main.json,title=accuracy fell%2C again::50 %25 -> 40 %25%0Ain all"
        );
        let bare = Annotation { file: None, ..annotation };
        let line = line(&bare, None);
        assert!(line.starts_with("::error title=accuracy fell"), "{line}");
    }

    #[test]
    fn files_are_called_as_the_repository_has_them() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("repository");
        fs::create_dir_all(workspace.join("sub/deep")).unwrap();
        fs::write(workspace.join("main.json"), "").unwrap();
        let inside = |path: &Path| within(&workspace, path);
        for path in ["main.json", "sub/../main.json", "sub/deep/../../main.json", "./main.json"] {
            assert_eq!(inside(&workspace.join(path)).as_deref(), Some("main.json"), "{path}");
        }
        let absent = workspace.join("sub/deep/../absent.json");
        assert_eq!(inside(&absent).as_deref(), Some("sub/absent.json"));
        assert_eq!(inside(&folder.path().join("main.json")), None);
        assert_eq!(inside(&workspace.join("../other/main.json")), None);
        #[cfg(unix)]
        {
            // The workspace by another name.
            let linked = folder.path().join("linked");
            std::os::unix::fs::symlink(&workspace, &linked).unwrap();
            let found = within(&linked, &workspace.join("main.json"));
            assert_eq!(found.as_deref(), Some("main.json"));
        }
        let named = workspace.join("sub/../main.json");
        let annotation = Annotation { title: "a", file: Some(&named), message: "b" };
        assert_eq!(line(&annotation, Some(&workspace)), "::error file=main.json,title=a::b");
    }
}
