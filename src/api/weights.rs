//! Weight files to look into.

use std::path::Path;

use crate::api::error::{Classify, Error};
use crate::model::weights::{StoredWeights, open};

/// The tensors of a weight file and the model they belong to: a file of ours, or one of the published forms.
#[derive(Debug)]
pub struct Weights(StoredWeights);

impl Weights {
    /// Reads weights by name (`lite`) or file. Pickles are parsed, never executed.
    ///
    /// # Errors
    /// [`Error::Weights`].
    pub fn open(name_or_file: &Path) -> Result<Self, Error> {
        open(name_or_file, None).map(Self).classed(Error::Weights)
    }

    /// The file; none for weights that come with the program.
    pub fn path(&self) -> Option<&Path> {
        self.0.place.file()
    }

    /// The complete configuration of the model, as JSON.
    ///
    /// # Errors
    /// [`Error::Weights`], when it holds a number that JSON cannot.
    pub fn configuration(&self) -> Result<String, Error> {
        let config = self.0.config().and_then(|config| Ok(serde_json::to_string(&config)?));
        config.classed(Error::Weights)
    }

    /// Names and shapes of the tensors, in alphabetical order.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Vec<i64>)> {
        self.0.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.size()))
    }

    /// Who made the values, and under which licence they may be used.
    pub fn origin_and_licence(&self) -> (String, String) {
        let provenance = self.0.provenance();
        (provenance.origin, provenance.licence)
    }
}
