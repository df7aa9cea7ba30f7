//! What some authors' training was told on its command line and leaves as `args.pkl` beside its weights: numbers and
//! words of an `argparse.Namespace`, of which nothing is run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::model::config::ModelConfig;
use crate::model::weights::pytorch::plain;
use crate::visible::Shown;

/// The file's name.
const NAME: &str = "args.pkl";

/// The argument that says what the weights were trained on.
const BENCHMARK: &str = "benchmark";

/// Which argument says what setting of a model, by the names that lead to it in its configuration.
pub(crate) type Meanings = &'static [(&'static str, &'static str)];

/// What lies beside a file; nothing, where nothing does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arguments {
    file: Option<PathBuf>,
    words: BTreeMap<String, String>,
    /// Why they cannot be read.
    trouble: Option<String>,
}

impl Arguments {
    /// Those beside the weights `path`.
    pub(crate) fn beside(path: &Path) -> Self {
        let file = path.with_file_name(NAME);
        if !file.is_file() {
            return Self::default();
        }
        let (words, trouble) = match plain::read(&file) {
            Ok(words) => (words, None),
            Err(error) => (BTreeMap::new(), Some(format!("{error:#}"))),
        };
        Self { file: Some(file), words, trouble }
    }

    /// The whole number that an argument is.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.words.get(name)?.parse().ok()
    }

    /// The whole numbers that an argument lists, as `[0,8,20]`.
    pub(crate) fn numbers(&self, name: &str) -> Option<Vec<i64>> {
        self.words.get(name).map(|word| numbers(word))
    }

    /// What a user should know of them, beside a file that a model of this configuration is made of.
    pub(crate) fn notes(&self, config: &ModelConfig, meanings: Meanings) -> Vec<String> {
        let Some(file) = &self.file else { return Vec::new() };
        let file = format!("`{}`", file.shown());
        if let Some(trouble) = &self.trouble {
            return vec![format!("{file} is left aside: {trouble}")];
        }
        let config = serde_json::to_value(config).unwrap_or_default();
        let other = |&(name, setting): &(&str, &str)| {
            let told = self.words.get(name)?;
            let own = setting.split('.').try_fold(&config, |table, name| table.get(name))?;
            let shown = shown(own);
            (numbers(told) != numbers(&shown)).then(|| {
                format!(
                    "{file} says {name} {told}, but these weights are taken with {shown}: it may belong to another file"
                )
            })
        };
        let trained = self.words.get(BENCHMARK);
        let trained = trained.map(|benchmark| format!("trained on {benchmark}, as {file} says"));
        trained.into_iter().chain(meanings.iter().filter_map(other)).collect()
    }
}

/// A setting as an argument would have it: of names, as `block-8`, their numbers.
fn shown(setting: &Value) -> String {
    let words: Vec<String> = match setting {
        Value::Array(items) => items.iter().map(ToString::to_string).collect(),
        other => return other.to_string(),
    };
    let all: Vec<i64> = words.iter().flat_map(|word| numbers(word)).collect();
    format!("{all:?}")
}

/// The whole numbers within a text.
fn numbers(text: &str) -> Vec<i64> {
    let digits = text.split(|letter: char| !letter.is_ascii_digit());
    digits.filter_map(|digits| digits.parse().ok()).collect()
}

/// Files for tests.
#[cfg(test)]
pub(crate) mod test_files {
    use super::*;

    /// An `argparse.Namespace` of texts, as Python's `pickle.dump` writes it.
    pub(crate) fn namespace(attributes: &[(&str, &str)]) -> Vec<u8> {
        let text = |text: &str| {
            [&[b'X'][..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
        };
        let mut pickle = b"\x80\x02cargparse\nNamespace\n)\x81}(".to_vec();
        for (name, value) in attributes {
            pickle.extend([text(name), text(value)].concat());
        }
        pickle.extend(b"ub.");
        pickle
    }

    /// Arguments as they are read from beside a file.
    pub(crate) fn beside(attributes: &[(&str, &str)]) -> Arguments {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), namespace(attributes)).unwrap();
        Arguments::beside(&folder.path().join("model_best.pth"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn arguments_are_read_from_beside_a_file_and_nothing_else_is() {
        let authors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pytorch/authors");
        let arguments = Arguments::beside(&authors.join("model_best.pth"));
        assert_eq!(arguments.number("num_heads"), Some(8));
        assert_eq!(arguments.number("benchmark"), None);
        let folder = tempfile::tempdir().unwrap();
        let none = Arguments::beside(&folder.path().join("model_best.pth"));
        assert!(none.notes(&ModelConfig::cats(), &[]).is_empty());
        fs::write(folder.path().join(NAME), "no pickle").unwrap();
        let other = Arguments::beside(&folder.path().join("model_best.pth"));
        let notes = other.notes(&ModelConfig::cats(), &[]);
        assert!(notes[0].contains("args.pkl` is left aside: "), "{notes:?}");
    }

    #[test]
    fn lists_are_told_apart_by_their_numbers() {
        let told = test_files::beside(&[("hyperpixel", "[0, 8]"), ("note", "none")]);
        assert_eq!(told.numbers("hyperpixel").as_deref(), Some(&[0, 8][..]));
        assert_eq!(told.number("note"), None);
        assert_eq!(shown(&serde_json::json!(["block-0", "block-8"])), "[0, 8]");
        assert_eq!(shown(&serde_json::json!(6)), "6");
    }
}
