//! SHA-256 of weights, by which reports and provenances tell them apart.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::visible::Shown;

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let hash = || -> Result<String> {
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
        let mut hasher = Sha256::new();
        loop {
            let chunk = reader.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            hasher.update(chunk);
            let length = chunk.len();
            reader.consume(length);
        }
        Ok(hexadecimal(&hasher.finalize()))
    };
    hash().with_context(|| format!("hashing `{}`", path.shown()))
}

/// The same of bytes in memory.
pub(super) fn sha256_of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
