//! Where the photos that annotation files name lie.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::data::formats::coco::objects::Photo;
use crate::data::photo::images::photos_below;
use crate::data::problem::{Fault, Problem};
use crate::visible::{Shown, one_line};

/// Finds photos in a dataset's folder.
pub(super) struct Photos<'a> {
    root: &'a Path,
    /// All photos there by the names of their files, looked for once one is not where it is said to be.
    below: OnceLock<HashMap<OsString, Vec<PathBuf>>>,
}

impl<'a> Photos<'a> {
    /// A finder in a folder.
    pub(super) fn new(root: &'a Path) -> Self {
        Self { root, below: OnceLock::new() }
    }

    /// The file of a photo: where its name leads from the annotation file or the dataset's folder, else the only
    /// one below that folder whose path ends as the name does, as far as it must to be the only one; of several
    /// the one in a folder that the annotation file is called after.
    pub(super) fn find(&self, photo: &Photo) -> Result<PathBuf, Problem> {
        let name = photo.name.replace('\\', "/");
        let folders = [photo.file.parent().unwrap_or(self.root), self.root];
        if let Some(path) =
            folders.iter().map(|folder| folder.join(&name)).find(|path| path.is_file())
        {
            return Ok(path);
        }
        let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
        let file = OsStr::new(parts.last().copied().unwrap_or_default());
        let called_so = self.below.get_or_init(|| by_name(self.root)).get(file);
        for first in 0..parts.len() {
            let end: PathBuf = parts[first..].iter().collect();
            let found = called_so.into_iter().flatten().filter(|path| path.ends_with(&end));
            let found: Vec<&PathBuf> = found.collect();
            let own = found.iter().copied().filter(|path| is_called_after(&photo.file, path));
            let own: Vec<&PathBuf> = own.collect();
            match (found.as_slice(), own.as_slice()) {
                ([], _) => {}
                ([path], _) | (_, [path]) => return Ok((*path).clone()),
                ([one, other, ..], _) => {
                    let detail = format!(
                        "`{}` may be `{}` or `{}`",
                        one_line(&photo.name),
                        one.shown(),
                        other.shown()
                    );
                    return Err(Problem::of_file(Fault::Missing, &photo.file, detail));
                }
            }
        }
        let detail = format!("no photo `{}` below `{}`", one_line(&photo.name), self.root.shown());
        Err(Problem::of_file(Fault::Missing, &photo.file, detail))
    }
}

/// Whether an annotation file belongs to the folder that a photo lies in: `person_keypoints_val2017.json` and
/// `val2017/`.
fn is_called_after(file: &Path, photo: &Path) -> bool {
    let folder = photo.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    !folder.is_empty() && name.ends_with(&*folder)
}

fn by_name(root: &Path) -> HashMap<OsString, Vec<PathBuf>> {
    let mut photos: HashMap<OsString, Vec<PathBuf>> = HashMap::new();
    for path in photos_below(root).unwrap_or_default() {
        let name = path.file_name().unwrap_or_default().to_owned();
        photos.entry(name).or_default().push(path);
    }
    photos
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_found_wherever_they_lie_below_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "annotations/a.jpg",
            "images/default/b.jpg",
            "images/c.jpg",
            "more/c.jpg",
            "d.jpg",
            "one/e.jpg",
            "keypoints/e.jpg",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let photos = Photos::new(folder.path());
        let find = |name: &str| {
            let file = folder.path().join("annotations/keypoints.json");
            let photo = Photo { file, name: name.to_owned(), size: None };
            let found = photos.find(&photo).map_err(|problem| problem.detail)?;
            Ok::<_, String>(found.strip_prefix(folder.path()).unwrap().to_owned())
        };
        assert_eq!(find("a.jpg").unwrap(), Path::new("annotations/a.jpg"));
        assert_eq!(find("b.jpg").unwrap(), Path::new("images/default/b.jpg"));
        assert_eq!(find("default\\b.jpg").unwrap(), Path::new("images/default/b.jpg"));
        assert_eq!(find("more/c.jpg").unwrap(), Path::new("more/c.jpg"));
        assert_eq!(find("/datasets/mine/images/c.jpg").unwrap(), Path::new("images/c.jpg"));
        assert_eq!(find("d.jpg").unwrap(), Path::new("d.jpg"));
        assert!(find("c.jpg").unwrap_err().contains("may be"));
        assert_eq!(find("e.jpg").unwrap(), Path::new("keypoints/e.jpg"));
        assert!(find("f.jpg").unwrap_err().contains("no photo `f.jpg`"));
    }
}
