//! What a run trains on and validates with.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::data::Pair;
use crate::data::catalog::{Catalog, Entry};
use crate::data::load::{Dataset, Split, fingerprint, load_split, summary};
use crate::data::photo::orientation::Exif;
use crate::data::truth::TruthKind;
use crate::eval::protocol::Protocol;
use crate::eval::selection::remove_unmeasurable;
use crate::eval::task::turned_note;
use crate::failure::{Blame, Fault};
use crate::train::path_setting;
use crate::train::samples::left_out::{LeftOut, Omissions, leave_out_undecodable};
use crate::train::samples::photos::find_photos;
use crate::train::samples::training_set::TrainingSet;
use crate::train::validation::Validation;

/// The split that is trained on.
const TRAINING_SPLIT: &str = "trn";

/// The split that the best weights are chosen on.
const VALIDATION_SPLIT: &str = "val";

/// Most samples of an epoch, however often each occurs.
const MOST_SAMPLES: usize = 100_000_000;

/// What plain photos are good for.
const OF_PHOTOS: &str = "photos without annotation teach where points go when a photo is warped, not which parts of two \
                         objects correspond: judge the result on pairs of yours, or train on annotated ones (`--dataset coco-keypoints`)";

/// Least warps that validation scores, of however few photos: of two alone, chance decides which weights are best.
const LEAST_WARPS: usize = 32;

/// What to train on: a dataset of the catalog, or a folder of photos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DataConfig {
    /// A dataset's name in the catalog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Instead of a dataset: a folder of plain photos, trained on random warps of them.
    #[serde(with = "path_setting::optional", skip_serializing_if = "Option::is_none")]
    pub photos: Option<PathBuf>,
    /// The folder that holds the datasets' folders.
    #[serde(with = "path_setting")]
    pub data_root: PathBuf,
    /// A catalog that takes the place of the shipped one.
    #[serde(with = "path_setting::optional", skip_serializing_if = "Option::is_none")]
    pub datasets: Option<PathBuf>,
    /// Leave out pairs that cannot be used and photos that cannot be decoded, instead of stopping.
    pub skip_bad: bool,
    /// What is done about the photos' EXIF orientation: annotations count in what comes of it.
    pub exif: Exif,
    /// How often each training pair occurs in an epoch, changed anew each time.
    pub repeat: usize,
    /// Validate with this many pairs, spread evenly over the split; 0 for all of them, or for a warp of each plain
    /// photo and [`LEAST_WARPS`] at least.
    pub validation_pairs: usize,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            dataset: None,
            photos: None,
            data_root: PathBuf::from("data"),
            datasets: None,
            skip_bad: false,
            exif: Exif::default(),
            repeat: 1,
            validation_pairs: 0,
        }
    }
}

/// The two parts of a dataset.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The folder that the photos lie below.
    pub root: PathBuf,
    /// What is trained on.
    pub training: TrainingSet,
    /// What the weights are judged by.
    pub validation: Validation,
    /// What users should know of the data, a sentence each.
    pub notes: Vec<String>,
    /// Photos that cannot be decoded.
    pub omissions: Omissions,
}

impl Parts {
    /// SHA-256 over what is trained on, wherever it lies: annotated pairs, or names and lengths of photos.
    pub(crate) fn fingerprint(&self, config: &DataConfig) -> String {
        match &self.training {
            TrainingSet::Pairs(pairs) => fingerprint(pairs, &config.data_root),
            TrainingSet::Photos(photos) => {
                let folder = config.photos.as_deref().unwrap_or(Path::new(""));
                let mut hash = Sha256::new();
                for path in photos {
                    let name = path.strip_prefix(folder).unwrap_or(path);
                    hash.update(name.as_os_str().as_encoded_bytes());
                    let length = fs::metadata(path).map_or(0, |about| about.len());
                    hash.update([0]);
                    hash.update(length.to_le_bytes());
                }
                hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
            }
        }
    }
}

impl DataConfig {
    /// The defaults, with something for the keys that may be absent.
    pub(crate) fn with_every_key() -> Self {
        let path = || Some(PathBuf::new());
        let dataset = Some(String::new());
        Self { dataset, photos: path(), datasets: path(), ..Self::default() }
    }

    /// Finds and reads what the configuration names, without the photos of `known` if those that cannot be
    /// decoded are left out.
    ///
    /// # Errors
    /// When it names nothing, or two things, or they cannot be read.
    pub(crate) fn open(&self, seed: u64, known: &[LeftOut]) -> Result<Parts> {
        let mut parts = self.open_once(seed)?;
        if self.skip_bad {
            let Parts { root, training, validation, omissions, .. } = &mut parts;
            *omissions = leave_out_undecodable(root, training, validation, known);
        }
        ensure!(
            parts.training.len().saturating_mul(self.repeat) <= MOST_SAMPLES,
            "data.repeat: {} samples {} times are beyond the limit of {MOST_SAMPLES} an epoch",
            parts.training.len(),
            self.repeat
        );
        parts.training.repeat(self.repeat);
        Ok(parts)
    }

    fn open_once(&self, seed: u64) -> Result<Parts> {
        match (&self.dataset, &self.photos) {
            (Some(name), None) => self.open_dataset(name),
            (None, Some(folder)) => {
                let photos = find_photos(folder)?;
                let warps = match self.validation_pairs {
                    0 => photos.validation.len().max(LEAST_WARPS),
                    count => count,
                };
                let validation = spread(photos.validation, self.validation_pairs);
                let exif = self.exif;
                Ok(Parts {
                    root: folder.clone(),
                    training: TrainingSet::Photos(photos.train),
                    validation: Validation::Warps { photos: validation, warps, seed, exif },
                    notes: vec![OF_PHOTOS.to_owned()],
                    omissions: Omissions::default(),
                })
            }
            (None, None) => {
                bail!("nothing to train on: name a dataset (--dataset) or a folder (--photos)")
            }
            (Some(_), Some(_)) => {
                bail!("two things to train on: name either a dataset or a folder of photos")
            }
        }
    }

    fn open_dataset(&self, name: &str) -> Result<Parts> {
        let catalog = Catalog::load(self.datasets.as_deref())?;
        let entry = catalog.get(name)?;
        let mut notes = Vec::new();
        let training = self.split(name, entry, TRAINING_SPLIT, &mut notes)?.pairs;
        let validation = self.split(name, entry, VALIDATION_SPLIT, &mut notes)?;
        let protocol = Protocol::for_layout(entry.protocol.parse()?, validation.layout)?;
        let mut pairs = spread(validation.pairs, self.validation_pairs);
        let unmeasurable = remove_unmeasurable(&mut pairs, &[protocol]);
        if !self.skip_bad {
            unmeasurable.ensure_none()?;
        } else if !unmeasurable.is_empty() {
            notes.push(format!("left out of `{VALIDATION_SPLIT}`: {unmeasurable}"));
        }
        Ok(Parts {
            root: self.data_root.clone(),
            training: TrainingSet::Pairs(training.into_iter().filter(has_keypoints).collect()),
            validation: Validation::Pairs { pairs, protocol, exif: self.exif },
            notes,
            omissions: Omissions::default(),
        })
    }

    /// A split's sound pairs; how many others there are, and what is wrong with them, goes to the notes.
    fn split(
        &self,
        name: &str,
        entry: &Entry,
        split: &str,
        notes: &mut Vec<String>,
    ) -> Result<Split> {
        ensure!(
            entry.layout.annotations().truth == TruthKind::Keypoints,
            "{} has no keypoints to train on",
            entry.title
        );
        let dataset = Dataset { exif: self.exif, ..Dataset::new(name, entry, &self.data_root) };
        let loaded = load_split(&dataset, split, self.skip_bad).blame(Fault::Data)?;
        notes.extend(loaded.notes);
        notes.extend(turned_note(&loaded.split.pairs, &loaded.turned, self.exif));
        if loaded.skipped > 0 {
            notes.push(format!(
                "{} pairs of `{split}` cannot be used and are left out\n{}",
                loaded.skipped,
                summary(&loaded.problems)
            ));
        }
        Ok(loaded.split)
    }
}

/// Without common keypoints a pair says nothing about the flow.
fn has_keypoints(pair: &Pair) -> bool {
    !pair.source.keypoints.is_empty()
}

/// `count` of the items, evenly spread; all for 0.
fn spread<T>(items: Vec<T>, count: usize) -> Vec<T> {
    let length = items.len();
    if count == 0 || count >= length {
        return items;
    }
    let chosen = |index: usize| (index * count) / length != ((index + 1) * count) / length;
    items
        .into_iter()
        .enumerate()
        .filter(|(index, _)| chosen(*index))
        .map(|(_, item)| item)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_validation_pairs_is_spread_over_all_of_them() {
        assert_eq!(spread((0..10).collect(), 0), (0..10).collect::<Vec<_>>());
        assert_eq!(spread((0..10).collect(), 3), [3, 6, 9]);
        assert_eq!(spread(vec![1, 2], 5), [1, 2]);
    }

    #[test]
    fn nothing_and_two_things_to_train_on_are_refused() {
        let error = |config: DataConfig| config.open(1, &[]).unwrap_err().to_string();
        assert!(error(DataConfig::default()).contains("nothing to train on"));
        let photos = Some("photos".into());
        let both = DataConfig { dataset: Some("spair71k".into()), photos, ..DataConfig::default() };
        assert!(error(both).contains("two things"));
    }
}
