//! What the tests of the library's inside and those of the commands use.
#![allow(dead_code, reason = "two programs, of which each uses a part")]

pub mod evaluation;
pub mod files;
pub mod run;
pub mod spair;
pub mod strangers;
pub mod toy;

use std::path::Path;

/// The weight file without training that the project ships.
pub const ZERO_SHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/weights/zero-shot.safetensors");

/// The arguments that export [`ZERO_SHOT`] and compare the file with it.
pub fn export(output: &Path) -> [&str; 6] {
    ["export", "--weights", ZERO_SHOT, "--verify", "-o", output.to_str().unwrap()]
}
