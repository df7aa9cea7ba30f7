//! The datasets by name: where they lie, how they are laid out, how they are usually scored.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::data::formats::{Draw, EVERYTHING};
use crate::data::layouts::Layout;
use crate::data::settings_file;
use crate::spelling::meant;
use crate::visible::Shown;

/// The catalog shipped with the program.
const SHIPPED: &str = include_str!("../../datasets.toml");

/// What the catalog says of one dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The name people know it by.
    pub title: String,
    /// How its files are laid out.
    pub layout: Layout,
    /// Its folder, below the data root unless absolute.
    pub root: PathBuf,
    /// The split scored when none is named.
    pub default_split: String,
    /// The protocol it is usually scored by.
    pub protocol: String,
    /// The shares of the threshold length that are usually reported.
    #[serde(default = "usual_alphas")]
    pub alphas: Vec<f64>,
    /// Category names in the order that class numbers refer to, from 1; of layouts that draw pairs, the only ones
    /// that are wanted, or all if there are none.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Where to get it.
    #[serde(default = "somewhere")]
    pub source: String,
    /// Where its lists of pairs come from, where that is elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lists: Option<String>,
    /// What to cite.
    #[serde(default)]
    pub citation: String,
    /// On what terms it may be used, as far as its authors say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// What its folder must hold, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<String>,
    /// The files that it can be fetched from, in the order in which they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<RemoteFile>,
    /// How pairs are drawn where the annotations name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw: Option<Draw>,
    /// By category: what the parts are called that annotations only number, from 0.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, Vec<String>>,
    /// By category: parts that are each other's mirror twins, where their names do not say so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub twins: BTreeMap<String, Vec<[String; 2]>>,
    /// Each split's list of pairs, below the root.
    pub splits: BTreeMap<String, PathBuf>,
}

/// A file that others publish: an archive, which is unpacked into the dataset's folder, or a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoteFile {
    /// Its address.
    pub url: String,
    /// What there is below the dataset's folder once it was fetched: something that an archive holds, or the file itself.
    pub makes: PathBuf,
    /// The archive within the archive that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// How many bytes it has, where servers do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its SHA-256 in hexadecimal, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

fn usual_alphas() -> Vec<f64> {
    vec![0.05, 0.1, 0.15]
}

fn somewhere() -> String {
    "whoever made it".to_owned()
}

/// All datasets by name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Catalog {
    entries: BTreeMap<String, Entry>,
}

impl Catalog {
    /// The catalog of a file, or the shipped one.
    ///
    /// # Errors
    /// When the file cannot be read or says something a catalog cannot say.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        match file {
            None => Self::parse(SHIPPED).context("reading the shipped datasets.toml"),
            Some(file) => settings_file::read(file)
                .and_then(|text| Self::parse(&text))
                .with_context(|| format!("reading the dataset catalog `{}`", file.shown())),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let entries: BTreeMap<String, Entry> = toml::from_str(text)
            .map_err(|error| suggest_key(&error.to_string()).unwrap_or_else(|| error.into()))?;
        for (name, entry) in &entries {
            ensure!(
                entry.splits.contains_key(&entry.default_split),
                "the dataset `{name}` has no split `{}`, its default",
                entry.default_split
            );
            ensure!(
                !entry.alphas.is_empty()
                    && entry.alphas.iter().all(|alpha| (0.0..=1.0).contains(alpha)),
                "the dataset `{name}` needs alphas in 0 to 1"
            );
            for RemoteFile { makes, .. } in &entry.files {
                let stays = makes.components().all(|part| matches!(part, Component::Normal(_)));
                ensure!(
                    stays && makes.components().next().is_some(),
                    "the dataset `{name}` has a file that makes `{}`, which is no path below its folder",
                    makes.shown()
                );
            }
            ensure!(
                entry.draw.is_none() || entry.layout.draws_pairs(),
                "the dataset `{name}` cannot have `draw`: layout `{}` lists its pairs",
                entry.layout
            );
        }
        Ok(Self { entries })
    }

    /// All datasets with their names, by name.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// The dataset of a name.
    ///
    /// # Errors
    /// When there is none; the error names the nearest.
    pub(crate) fn get(&self, name: &str) -> Result<&Entry> {
        let names = || self.entries.keys().map(String::as_str);
        self.entries.get(name).with_context(|| {
            format!(
                "there is no dataset `{name}`{}; there are: {}",
                meant(name, names()),
                list(names())
            )
        })
    }
}

impl Entry {
    /// The names of its splits, in the order they are used.
    pub(crate) fn split_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.splits.keys().map(String::as_str).collect();
        names
            .sort_by_key(|name| ["trn", "val"].iter().position(|first| first == name).unwrap_or(2));
        names
    }

    /// Its folder in a data root.
    pub(crate) fn folder(&self, data_root: &Path) -> PathBuf {
        // A root `.` would stand in every path.
        data_root.join(&self.root).components().collect()
    }

    /// The files that it can be fetched from, of which its folder lacks what they make.
    pub(crate) fn missing(&self, folder: &Path) -> impl Iterator<Item = &RemoteFile> {
        self.files.iter().filter(move |file| !folder.join(&file.makes).exists())
    }

    /// Whether the list of a split is in the dataset's folder.
    pub(crate) fn is_there(&self, folder: &Path, split: &str) -> bool {
        self.splits.get(split).is_some_and(|list| self.layout.is_there(&folder.join(list), split))
    }

    /// The splits that have their list in common with a split, in the order they are used; not the one that
    /// holds everything.
    pub(crate) fn sharing(&self, split: &str) -> Vec<&str> {
        let list = self.splits.get(split);
        let shares = |name: &&str| *name != EVERYTHING && self.splits.get(*name) == list;
        self.split_names().into_iter().filter(shares).collect()
    }

    /// The split of a name with its list of pairs; `train` is understood as `trn`.
    ///
    /// # Errors
    /// When there is none; the error lists those there are.
    pub(crate) fn split(&self, name: &str) -> Result<(&str, &Path)> {
        let known = if name == "train" && !self.splits.contains_key(name) { "trn" } else { name };
        match self.splits.get_key_value(known) {
            Some((name, list)) => Ok((name, list)),
            None => {
                bail!("{} has no split `{name}`; it has: {}", self.title, list(self.splits.keys()))
            }
        }
    }
}

fn list<T: AsRef<str>>(names: impl Iterator<Item = T>) -> String {
    names.map(|name| name.as_ref().to_owned()).collect::<Vec<_>>().join(", ")
}

/// For a message about an unknown key, the same with the nearest valid one.
fn suggest_key(message: &str) -> Option<anyhow::Error> {
    let (_, rest) = message.split_once("unknown field `")?;
    let (wrong, valid) = rest.split_once('`')?;
    let names = valid.split('`').skip(1).step_by(2);
    Some(anyhow::anyhow!("{}{}", message.trim_end(), meant(wrong, names)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_catalog_holds_the_benchmarks_and_our_own() {
        let catalog = Catalog::load(None).unwrap();
        let names: Vec<&str> = catalog.entries().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "ap-10k",
                "caltech-101",
                "coco-keypoints",
                "cutouts",
                "pf-pascal",
                "pf-willow",
                "spair-u",
                "spair71k",
                "toy",
                "tss"
            ]
        );
        assert_eq!(catalog.get("pf-pascal").unwrap().categories[11], "dog");
        let spair = catalog.get("spair71k").unwrap();
        assert_eq!(spair.split("train").unwrap().0, "trn");
        assert!(spair.split("dev").unwrap_err().to_string().contains("it has: test, trn, val"));
    }

    #[test]
    fn every_shipped_dataset_says_what_its_folder_holds_and_files_stay_below_it() {
        for (name, entry) in Catalog::load(None).unwrap().entries() {
            assert!(!entry.holds.is_empty(), "{name}");
            assert!(entry.files.is_empty() || entry.licence.is_some(), "{name}");
            for file in &entry.files {
                assert!(file.url.starts_with("https://"), "{name}: {}", file.url);
                let digest = file.sha256.as_ref();
                assert!(digest.is_none_or(|digest| digest.len() == 64), "{name}: {digest:?}");
            }
        }
        for makes in ["../trn.csv", "/etc/passwd", ""] {
            let files =
                format!("[[toy.files]]\nurl = \"https://a.org/a.csv\"\nmakes = \"{makes}\"\n");
            let error = Catalog::parse(&format!("{SHIPPED}\n{files}")).unwrap_err().to_string();
            assert!(error.contains("no path below its folder"), "{error}");
        }
    }

    #[test]
    fn a_wrong_name_gets_the_nearest_one() {
        let error = Catalog::load(None).unwrap().get("spair-71k").unwrap_err().to_string();
        assert!(
            error.contains("did you mean `spair71k`?") && error.contains("pf-willow"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_layout_gets_the_nearest_one_and_those_there_are() {
        let text = SHIPPED.replace("\"pf-willow\"", "\"pf-wilow\"");
        let error = Catalog::parse(&text).unwrap_err().to_string();
        assert!(error.contains("no layout `pf-wilow` (did you mean `pf-willow`?)"), "{error}");
        assert!(error.contains("spair71k, pf-pascal") && error.contains("line "), "{error}");
    }

    #[test]
    fn an_entry_of_ones_own_needs_few_keys() {
        let text = r#"[birds]
            title = "My birds"
            layout = "coco"
            root = "birds"
            default_split = "test"
            protocol = "standard"
            draw = { seed = 3 }
            [birds.splits]
            test = "birds.json"
            trn = "birds.json"
            all = "birds.json"
            val = "others.json"
            "#;
        let catalog = Catalog::parse(text).unwrap();
        let entry = catalog.get("birds").unwrap();
        assert_eq!(entry.draw, Some(Draw { seed: 3, ..Draw::default() }));
        assert_eq!(entry.sharing("test"), ["trn", "test"]);
        assert_eq!(entry.sharing("val"), ["val"]);
        let error =
            Catalog::parse(&text.replace("\"coco\"", "\"spair71k\"")).unwrap_err().to_string();
        assert!(error.contains("cannot have `draw`: layout `spair71k` lists its pairs"), "{error}");
    }

    #[test]
    fn a_wrong_key_gets_the_nearest_one() {
        let error = Catalog::parse(&SHIPPED.replace("title", "titel")).unwrap_err().to_string();
        assert!(error.contains("did you mean `title`?"), "{error}");
    }
}
