//! House rules of the source tree: which layer may use which, how long a file may be, and that every
//! module says what it is.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer with the layers it may use; those of [`FOUNDATION`] are open to all but may use
/// only one another. `main` uses `cli`, `commands` and `terminal`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("atomic", &[]),
    ("geometry", &[]),
    ("flow", &[]),
    ("lru", &[]),
    ("pck", &[]),
    ("prefetch", &[]),
    ("nn", &[]),
    ("model", &["nn"]),
    ("data", &[]),
    ("inference", &["model", "nn", "data"]),
    ("predict", &["inference", "data"]),
    ("eval", &["inference", "data"]),
    ("train", &["eval", "inference", "model", "nn", "data"]),
    ("bench", &["train", "inference", "model", "nn", "data"]),
    ("cli", &["inference", "model", "predict"]),
    ("terminal", &["cli", "eval", "predict", "train", "export", "data"]),
    (
        "commands",
        &[
            "cli",
            "terminal",
            "predict",
            "eval",
            "train",
            "bench",
            "export",
            "inference",
            "model",
            "data",
        ],
    ),
    ("export", &["model", "nn"]),
];

/// Open to every layer.
const FOUNDATION: [&str; 6] = ["atomic", "flow", "geometry", "lru", "pck", "prefetch"];

/// Lines beyond which a file holds more than one idea.
const LONGEST_FILE: usize = 400;

fn sources() -> Vec<(String, String)> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &mut found);
    let relative = |path: &PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
    found.iter().map(|path| (relative(path), fs::read_to_string(path).unwrap())).collect()
}

/// The top-level module a file belongs to.
fn layer(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The top-level modules that a text names as `crate::MODULE` or `crate::{MODULE...`.
fn used_layers(text: &str) -> BTreeSet<&str> {
    text.match_indices("crate::")
        .map(|(start, found)| {
            let rest = &text[start + found.len()..];
            &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())]
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn layers_use_only_what_stands_below_them() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = layer(&path);
        if own == "main" || own == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == own) else {
            wrong.push(format!("{path}: the layer `{own}` is not in the table"));
            continue;
        };
        for used in used_layers(&text) {
            if used != own && !FOUNDATION.contains(&used) && !allowed.contains(&used) {
                wrong.push(format!("{path} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_are_short() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > LONGEST_FILE)
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "longer than {LONGEST_FILE} lines: {long:#?}");
}

#[test]
fn every_module_begins_with_a_sentence_about_itself() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn only_the_terminal_and_main_print() {
    let printing: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| layer(path) != "terminal")
        .filter(|(_, text)| {
            text.lines()
                .any(|line| line.trim_start().starts_with("#") && line.contains("print_std"))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(printing.is_empty(), "the printing lint is switched off in {printing:#?}");
}
