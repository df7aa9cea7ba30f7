//! Which pair a line of a prediction file is about.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::data::Pair;
use crate::eval::predictions::pair_label;
use crate::visible::Shown;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The pair at this position.
    Pair(usize),
    /// A pair of the list that was left out of the dataset as unusable.
    LeftOut,
}

/// Finds the pair that a line is about.
pub(super) struct PairFinder<'a> {
    /// The split's pairs.
    pub pairs: &'a [Pair],
    /// The indices of those that were left out as unusable.
    left_out: HashSet<usize>,
    /// The dataset's folder.
    root: &'a Path,
    by_index: HashMap<usize, usize>,
    /// By the two file names, without folders and extensions.
    by_names: HashMap<[String; 2], Vec<usize>>,
}

impl<'a> PairFinder<'a> {
    /// A finder among these pairs of the dataset in `root`, of whose list those at some indices are left out.
    pub(super) fn new(pairs: &'a [Pair], left_out: &[usize], root: &'a Path) -> Self {
        let mut by_names: HashMap<[String; 2], Vec<usize>> = HashMap::new();
        for (position, pair) in pairs.iter().enumerate() {
            let names = [stem(&pair.source.path), stem(&pair.target.path)];
            by_names.entry(names).or_default().push(position);
        }
        let by_index =
            pairs.iter().enumerate().map(|(position, pair)| (pair.index, position)).collect();
        let left_out = left_out.iter().copied().collect();
        Self { pairs, left_out, root, by_index, by_names }
    }

    /// The pair with this index, or of these photos, or both.
    ///
    /// # Errors
    /// When there is no such pair or there are several, or index and photos disagree.
    pub(super) fn find(
        &self,
        index: Option<usize>,
        source: Option<&str>,
        target: Option<&str>,
    ) -> Result<Found> {
        let named = match (source, target) {
            (Some(source), Some(target)) => Some((Path::new(source), Path::new(target))),
            (None, None) => None,
            _ => bail!("`source` and `target` must be given together"),
        };
        let position = match (index, named) {
            (Some(index), _) if self.left_out.contains(&index) => return Ok(Found::LeftOut),
            (Some(index), _) => *self.by_index.get(&index).with_context(|| {
                format!("the split has no pair {index} (it has {})", self.count())
            })?,
            (None, Some((source, target))) => return self.find_by_names(source, target),
            (None, None) => bail!("either `index`, or `source` and `target`, must say which pair"),
        };
        if let Some((source, target)) = named {
            let pair = &self.pairs[position];
            ensure!(
                self.names(pair, source, target),
                "the line is about `{}` -> `{}`, but its `index` about {}",
                source.shown(),
                target.shown(),
                pair_label(pair)
            );
        }
        Ok(Found::Pair(position))
    }

    /// How many pairs the list has.
    fn count(&self) -> usize {
        self.pairs.len() + self.left_out.len()
    }

    fn find_by_names(&self, source: &Path, target: &Path) -> Result<Found> {
        let (names, label) =
            ([stem(source), stem(target)], format!("`{}` -> `{}`", source.shown(), target.shown()));
        let candidates = self.by_names.get(&names).map_or(&[][..], Vec::as_slice);
        let fits = |position: &&usize| self.names(&self.pairs[**position], source, target);
        match candidates.iter().filter(fits).collect::<Vec<_>>()[..] {
            [position] => Ok(Found::Pair(*position)),
            [] if self.left_out.is_empty() => bail!("the split has no pair {label}"),
            [] => bail!(
                "the split has no pair {label} that can be used ({} of {} were left out)",
                self.left_out.len(),
                self.count()
            ),
            [..] => bail!("several pairs are {label}: give more of the paths, or `index`"),
        }
    }
}

impl PairFinder<'_> {
    /// Whether two names mean a pair's photos: they are the ends of their paths, or, as written on another machine or
    /// from another folder, end with all that these have below the dataset's folder.
    fn names(&self, pair: &Pair, source: &Path, target: &Path) -> bool {
        let means = |photo: &Path, name: &Path| {
            let inside = photo.strip_prefix(self.root);
            let ends =
                |inside: &Path| name.ends_with(inside) || name.ends_with(inside.with_extension(""));
            names_image(photo, name) || inside.is_ok_and(ends)
        };
        means(&pair.source.path, source) && means(&pair.target.path, target)
    }
}

/// Image extensions that a name may leave out.
const EXTENSIONS: [&str; 5] = ["jpg", "jpeg", "png", "bmp", "webp"];

/// The file name without an image extension; other dots belong to the name.
fn stem(path: &Path) -> String {
    let has_extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()));
    let name = if has_extension { path.file_stem() } else { path.file_name() };
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether `name` is the end of `path`, with or without the extension.
fn names_image(path: &Path, name: &Path) -> bool {
    path.ends_with(name) || path.with_extension("").ends_with(name)
}
