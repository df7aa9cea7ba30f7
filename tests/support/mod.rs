//! What integration tests share.
#![allow(dead_code, reason = "each test uses a part")]
#![allow(clippy::print_stdout, reason = "tests say why they are skipped")]

use std::path::{Path, PathBuf};

/// The folder that the environment variable names, else `default` beside the repository; `None`, with a
/// line that says why, when neither is there.
pub fn optional_folder(variable: &str, default: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os(variable) {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join(default),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: `{}` is not there (set {variable} to check)", folder.display());
    None
}

/// Golden numbers of the reference implementation.
pub fn golden() -> Option<PathBuf> {
    optional_folder("LPMFLOW_GOLDEN", "../shared/golden")
}

/// Research data, as its folder describes it.
pub fn data() -> Option<PathBuf> {
    optional_folder("LPMFLOW_DATA", "../shared/data")
}
