//! Where tests find what is not in the repository.

#![allow(dead_code, reason = "every test binary uses its own part of this module")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

pub mod spair;

use std::path::PathBuf;

/// The folder of golden numbers, or `None` after saying that the test is skipped.
pub fn golden() -> Option<PathBuf> {
    folder("LPMFLOW_GOLDEN", "golden")
}

/// The folder of development data, or `None` after saying that the test is skipped.
pub fn data() -> Option<PathBuf> {
    folder("LPMFLOW_DATA", "data")
}

fn folder(variable: &str, name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join("shared").join(name);
    let folder = std::env::var_os(variable).map_or_else(beside, PathBuf::from);
    if !folder.is_dir() {
        eprintln!("skipped: no folder `{}` (set {variable})", folder.display());
        return None;
    }
    Some(folder)
}
