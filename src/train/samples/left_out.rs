//! Photos that cannot be decoded, which a run with `skip_bad` goes without.
//!
//! All photos are decoded once before the training, so that what is trained on is known from the first step;
//! the list is kept in the run folder, so that a run that goes on leaves out the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Error;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::Pair;
use crate::data::photo::decode_benchmark;
use crate::defaults::is_default;
use crate::path_text::{path_from_text, path_text};
use crate::train::samples::training_set::TrainingSet;
use crate::train::validation::Validation;

/// A photo that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub(crate) struct LeftOut {
    /// Below the folder of the data.
    pub photo: PathBuf,
    /// Why it cannot be decoded.
    pub reason: String,
}

/// The same in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    photo: String,
    /// Whether `photo` is escaped because it is not Unicode.
    #[serde(default, skip_serializing_if = "is_default")]
    photo_escaped: bool,
    reason: String,
}

impl From<LeftOut> for Stored {
    fn from(LeftOut { photo, reason }: LeftOut) -> Self {
        let (photo, photo_escaped) = path_text(&photo);
        Self { photo, photo_escaped, reason }
    }
}

impl TryFrom<Stored> for LeftOut {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        let photo = path_from_text(stored.photo, stored.photo_escaped)?;
        Ok(Self { photo, reason: stored.reason })
    }
}

/// What a run goes without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Omissions {
    /// The photos.
    pub photos: Vec<LeftOut>,
    /// Training pairs that showed them.
    pub training: usize,
    /// Validation pairs that showed them.
    pub validation: usize,
}

/// Leaves out the photos that cannot be decoded, and those of `known`, which an earlier part of the run left
/// out: mended since, they would change the order of all others. Paths are told below `root`.
pub(crate) fn leave_out_undecodable(
    root: &Path,
    training: &mut TrainingSet,
    validation: &mut Validation,
    known: &[LeftOut],
) -> Omissions {
    let known: BTreeMap<&Path, &LeftOut> =
        known.iter().map(|left_out| (&*left_out.photo, left_out)).collect();
    let undecodable = |path: &&Path| -> Option<(PathBuf, LeftOut)> {
        let photo = path.strip_prefix(root).unwrap_or(path).to_owned();
        if let Some(known) = known.get(&*photo) {
            return Some((path.to_path_buf(), (*known).clone()));
        }
        let error = decode_benchmark(path).err()?;
        // The path, which comes first in the chain, stands beside it already.
        let reason = error.chain().skip(1).map(ToString::to_string).collect::<Vec<_>>().join(": ");
        Some((path.to_path_buf(), LeftOut { photo, reason }))
    };
    let photos: Vec<&Path> = photos(training, validation).into_iter().collect();
    let found: BTreeMap<PathBuf, LeftOut> = photos.par_iter().filter_map(undecodable).collect();
    let before = (training.len(), validation.sources());
    let sound = |path: &Path| !found.contains_key(path);
    let both_sound = |pair: &Pair| sound(&pair.source.path) && sound(&pair.target.path);
    match training {
        TrainingSet::Photos(photos) => photos.retain(|path| sound(path)),
        TrainingSet::Pairs(pairs) => pairs.retain(both_sound),
    }
    match validation {
        Validation::Warps { photos, .. } => photos.retain(|path| sound(path)),
        Validation::Pairs { pairs, .. } => pairs.retain(both_sound),
    }
    Omissions {
        training: before.0 - training.len(),
        validation: before.1 - validation.sources(),
        photos: found.into_values().collect(),
    }
}

/// Every photo of both parts, once.
fn photos<'a>(training: &'a TrainingSet, validation: &'a Validation) -> BTreeSet<&'a Path> {
    let (pairs, photos) = match training {
        TrainingSet::Photos(photos) => (&[][..], &photos[..]),
        TrainingSet::Pairs(pairs) => (&pairs[..], &[][..]),
    };
    let (more_pairs, more_photos) = match validation {
        Validation::Warps { photos, .. } => (&[][..], &photos[..]),
        Validation::Pairs { pairs, .. } => (&pairs[..], &[][..]),
    };
    let sides = pairs.iter().chain(more_pairs).flat_map(|pair| [&pair.source, &pair.target]);
    let photos = photos.iter().chain(more_photos).map(PathBuf::as_path);
    sides.map(|side| &*side.path).chain(photos).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::photo::orientation::Exif;

    #[test]
    fn what_was_left_out_stays_so_after_it_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a.png", "b.png", "c.png", "d.png"];
        for name in names {
            image::RgbImage::new(40, 30).save(folder.path().join(name)).unwrap();
        }
        let whole = std::fs::read(folder.path().join("b.png")).unwrap();
        let cut = |name: &str| std::fs::write(folder.path().join(name), &whole[..60]).unwrap();
        let left_out = |known: &[LeftOut]| {
            let path = |name: &&str| folder.path().join(name);
            let mut training = TrainingSet::Photos(names[..3].iter().map(path).collect());
            let photos = vec![path(&names[3])];
            let mut validation =
                Validation::Warps { photos, warps: 5, seed: 1, exif: Exif::Ignore };
            let omissions =
                leave_out_undecodable(folder.path(), &mut training, &mut validation, known);
            (omissions, training.len(), validation.sources())
        };
        assert_eq!(left_out(&[]), (Omissions::default(), 3, 1));
        cut("b.png");
        cut("d.png");
        let (omissions, training, validation) = left_out(&[]);
        assert_eq!((omissions.training, omissions.validation), (1, 1));
        assert_eq!((training, validation), (2, 0));
        let photos: Vec<&Path> = omissions.photos.iter().map(|left_out| &*left_out.photo).collect();
        assert_eq!(photos, [Path::new("b.png"), Path::new("d.png")]);
        std::fs::write(folder.path().join("b.png"), &whole).unwrap();
        std::fs::write(folder.path().join("d.png"), &whole).unwrap();
        assert_eq!(left_out(&omissions.photos), (omissions.clone(), 2, 0));
    }
}
