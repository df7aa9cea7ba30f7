//! What a report says of the model behind its numbers.

use serde::Serialize;

use crate::model::config::ModelConfig;

/// What a report says of the model behind its numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ModelDescription {
    /// The weights as the user named them.
    pub weights: String,
    /// SHA-256 of the weight file, in hexadecimal; none for random values.
    pub sha256: Option<String>,
    /// The complete configuration.
    pub config: ModelConfig,
    /// Number of trained values.
    pub parameters: u64,
}
