//! What a file holds, told by its length and a hash: dates and names say nothing of it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    /// Its length.
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
}

impl Content {
    /// What these bytes are.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: hexadecimal(&Sha256::digest(bytes)) }
    }

    /// What a file holds now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut block = vec![0; 1 << 16];
        loop {
            let length = file.read(&mut block)?;
            if length == 0 {
                return Ok(Self { bytes, sha256: hexadecimal(&hash.finalize()) });
            }
            hash.update(&block[..length]);
            bytes += length as u64;
        }
    }
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_its_bytes_are_the_same_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let bytes = vec![7; 100_000];
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Content::of_file(&path).unwrap(), Content::of(&bytes));
        assert_ne!(Content::of(b"a"), Content::of(b"b"));
        assert!(Content::of_file(folder.path()).is_err());
    }
}
