//! Where the photos that annotation files name lie.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::data::formats::coco::objects::Photo;
use crate::data::photo::images::photos_below;
use crate::data::problem::{Fault, Problem};
use crate::visible::{Shown, one_line};

/// Finds photos in a dataset's folder.
pub(super) struct Photos<'a> {
    root: &'a Path,
    /// All photos there, looked for once one is not where it is said to be.
    below: OnceLock<Vec<PathBuf>>,
}

impl<'a> Photos<'a> {
    /// A finder in a folder.
    pub(super) fn new(root: &'a Path) -> Self {
        Self { root, below: OnceLock::new() }
    }

    /// The file of a photo: where its name leads from the annotation file or the dataset's folder, else the only
    /// one below that folder whose path ends as the name does, as far as it must to be the only one.
    pub(super) fn find(&self, photo: &Photo) -> Result<PathBuf, Problem> {
        let name = photo.name.replace('\\', "/");
        let folders = [photo.file.parent().unwrap_or(self.root), self.root];
        if let Some(path) =
            folders.iter().map(|folder| folder.join(&name)).find(|path| path.is_file())
        {
            return Ok(path);
        }
        let below = self.below.get_or_init(|| photos_below(self.root).unwrap_or_default());
        let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
        for first in 0..parts.len() {
            let end: PathBuf = parts[first..].iter().collect();
            let mut found = below.iter().filter(|path| path.ends_with(&end));
            match (found.next(), found.next()) {
                (None, _) => {}
                (Some(path), None) => return Ok(path.clone()),
                (Some(one), Some(other)) => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_found_wherever_they_lie_below_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["annotations/a.jpg", "images/default/b.jpg", "images/c.jpg", "more/c.jpg", "d.jpg"]
        {
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
        assert!(find("e.jpg").unwrap_err().contains("no photo `e.jpg`"));
    }
}
