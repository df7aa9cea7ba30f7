//! House rules of the source tree: which layer may use which, how long a file may be, and that every
//! module says what it is; where C++ and unsafe code may stand; and that no two files use each other.

mod graph;
mod imports;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer with the layers it may use; those of [`FOUNDATION`] are open to all but may use
/// only one another. `main` uses `cli`, `commands` and `terminal`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("defaults", &[]),
    ("failure", &[]),
    ("output", &[]),
    ("page", &[]),
    ("geometry", &[]),
    ("flow", &[]),
    ("path_text", &[]),
    ("spelling", &[]),
    ("visible", &[]),
    ("lru", &[]),
    ("pck", &[]),
    ("prefetch", &[]),
    ("nn", &[]),
    ("model", &["nn"]),
    ("data", &[]),
    ("synth", &["data"]),
    ("drawing", &["data"]),
    ("fetch", &["data"]),
    ("inference", &["model", "nn", "data"]),
    ("predict", &["inference", "drawing", "data"]),
    ("eval", &["inference", "data", "processes"]),
    ("processes", &["nn"]),
    ("train", &["eval", "inference", "model", "nn", "drawing", "data", "processes"]),
    ("bench", &["train", "inference", "model", "nn", "data", "processes"]),
    ("cli", &["inference", "model", "eval", "predict", "drawing", "data", "processes"]),
    ("terminal", &["cli", "eval", "predict", "train", "export", "data", "synth", "fetch", "nn"]),
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
            "synth",
            "fetch",
            "processes",
        ],
    ),
    ("export", &["model", "nn"]),
    ("api", &["inference", "model", "data", "eval", "predict"]),
];

/// Open to every layer.
const FOUNDATION: [&str; 12] = [
    "defaults",
    "failure",
    "flow",
    "geometry",
    "lru",
    "output",
    "page",
    "path_text",
    "pck",
    "prefetch",
    "spelling",
    "visible",
];

/// Lines beyond which a file holds more than one idea.
const LONGEST_FILE: usize = 400;

/// Where `extern` blocks and C++ live.
const NATIVE: &str = "nn/native/";

/// Where else unsafe code may stand.
const UNSAFE: [&str; 4] =
    ["inference/device.rs", "inference/memory.rs", "nn/runtime/mapped.rs", "terminal/leave.rs"];

/// Every file below `src`, by its path there.
fn files() -> Vec<String> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { collect(&path, found) } else { found.push(path) }
        }
    }
    let root = root();
    let mut found = Vec::new();
    collect(&root, &mut found);
    found.sort();
    found.iter().map(|path| path.strip_prefix(&root).unwrap().display().to_string()).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The Rust files with their texts.
fn sources() -> Vec<(String, String)> {
    let read = |path: String| {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        (path, text)
    };
    files().into_iter().filter(|path| path.ends_with(".rs")).map(read).collect()
}

/// The top-level module a file belongs to.
fn layer(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

#[test]
fn layers_use_only_what_stands_below_them() {
    let mut wrong = Vec::new();
    for (path, used) in graph::uses(&sources()) {
        let own = layer(&path);
        if own == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == own) else {
            wrong.push(format!("{path}: the layer `{own}` is not in the table"));
            continue;
        };
        for other in used {
            let used = layer(&other);
            if used != own && !FOUNDATION.contains(&used) && !allowed.contains(&used) {
                wrong.push(format!("{path} uses {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_two_files_use_each_other_in_a_circle() {
    let uses = graph::uses(&sources());
    let circles = graph::circles(&uses);
    let links = |circle: &BTreeSet<String>| -> Vec<String> {
        let used = |file| uses[file].intersection(circle);
        circle
            .iter()
            .flat_map(|file| used(file).map(move |used| format!("{file} uses {used}")))
            .collect()
    };
    let wrong: Vec<Vec<String>> = circles.iter().map(links).collect();
    assert!(wrong.is_empty(), "circles: {wrong:#?}");
}

#[test]
fn what_is_not_rust_stays_in_one_folder() {
    let mut wrong = Vec::new();
    for path in files() {
        let is_native =
            ["cpp", "h", "cu", "cuh"].iter().any(|kind| path.ends_with(&format!(".{kind}")));
        if is_native && !path.starts_with(NATIVE) {
            wrong.push(path);
        }
    }
    for (path, text) in sources() {
        let tokens = tokens::tokens(&text);
        let declares =
            tokens.windows(2).any(|pair| pair[0] == "extern" && ["{", "fn"].contains(&pair[1]));
        if declares && !path.starts_with(NATIVE) {
            wrong.push(format!("{path}: extern"));
        }
        if tokens.contains(&"unsafe")
            && !path.starts_with(NATIVE)
            && !UNSAFE.contains(&path.as_str())
        {
            wrong.push(format!("{path}: unsafe"));
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
