//! What a comparison is told.

use crate::eval::protocol::name::ProtocolName;

/// What to compare and what to allow.
#[derive(Clone, Debug, Default)]
pub(crate) struct CompareOptions {
    /// The protocol that decides; the earlier report's headline if not given.
    pub protocol: Option<ProtocolName>,
    /// The alpha that decides, as reports write it; the earlier report's headline if not given.
    pub alpha: Option<String>,
    /// By how many points the deciding PCK may fall; nothing is a regression if not given.
    pub max_drop: Option<f64>,
    /// By how many points that of any category may fall; nothing is a regression if not given.
    pub max_drop_category: Option<f64>,
    /// Whether a fall beyond chance is a regression, however small.
    pub significant: bool,
    /// Which numbers of the deciding protocol must satisfy all this.
    pub alphas: Alphas,
}

/// Which of the deciding protocol's numbers must satisfy the conditions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Alphas {
    /// The one that decides.
    #[default]
    Headline,
    /// All that both reports have.
    All,
    /// These, as reports write them.
    These(Vec<String>),
}
