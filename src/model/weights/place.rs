//! Where weights lie: in a file, or within the program, so that it works wherever it lies itself.

use std::fmt::{self, Debug, Display, Formatter};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::model::weights::description::SourceFile;
use crate::model::weights::digest::{sha256, sha256_of};
use crate::visible::Shown;

/// Weights within the program.
pub(crate) struct BuiltIn {
    /// The name that users choose them by.
    pub name: &'static str,
    /// The safetensors file.
    pub content: &'static [u8],
}

/// All of them.
pub(super) static BUILT_IN: [BuiltIn; 2] = [
    BuiltIn { name: "lite", content: include_bytes!("../../../weights/lite.safetensors") },
    BuiltIn {
        name: "zero-shot",
        content: include_bytes!("../../../weights/zero-shot.safetensors"),
    },
];

/// Where weights lie.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In a file.
    File(PathBuf),
    /// Within the program.
    Program(&'static BuiltIn),
    /// A backbone's, and those of a head for it.
    Joined(Box<[Self; 2]>),
}

impl Place {
    /// The file; none for those within the program.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Program(_) => None,
            Self::Joined(parts) => parts[0].file(),
        }
    }

    /// The SHA-256 of the file's content, in hexadecimal; the same wherever equal weights lie. Of two files that of both
    /// digests.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn sha256(&self) -> Result<String> {
        match self {
            Self::File(path) => sha256(path),
            Self::Program(weights) => Ok(sha256_of(weights.content)),
            Self::Joined(parts) => {
                Ok(sha256_of((parts[0].sha256()? + &parts[1].sha256()?).as_bytes()))
            }
        }
    }

    /// What a provenance says of weights that others are taken from.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn source_file(&self) -> Result<SourceFile> {
        let name = match self {
            Self::File(path) => {
                path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
            }
            Self::Program(weights) => format!("{}.safetensors", weights.name),
            Self::Joined(parts) => {
                let [backbone, head] = [parts[0].source_file()?, parts[1].source_file()?];
                format!("{} with {}", backbone.name, head.name)
            }
        };
        let taken_by = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned();
        Ok(SourceFile { name, sha256: self.sha256()?, taken_by })
    }
}

/// As messages name it.
impl Display for Place {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "`{}`", path.shown()),
            Self::Program(weights) => write!(formatter, "`{}` (built in)", weights.name),
            Self::Joined(parts) => write!(formatter, "{} with {}", parts[0], parts[1]),
        }
    }
}

impl Debug for BuiltIn {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BuiltIn").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_the_program_are_the_files_they_were_made_of() {
        for weights in &BUILT_IN {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights");
            let file = Place::File(folder.join(weights.name).with_extension("safetensors"));
            let [within, beside] =
                [&Place::Program(weights), &file].map(|p| p.source_file().unwrap());
            assert_eq!(within, beside);
        }
    }
}
