//! The change of one number.

use serde::Serialize;

use crate::eval::bootstrap::Interval;
use crate::eval::protocol::name::ProtocolName;

/// The change of one number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Change {
    /// The protocol.
    pub protocol: ProtocolName,
    /// The alpha, as reports write it.
    pub alpha: String,
    /// PCK of the earlier report.
    pub before: f64,
    /// PCK of the later report.
    pub after: f64,
    /// `after - before`, in points.
    pub difference: f64,
    /// 95 % paired bootstrap interval of the difference, when both reports kept their pairs' scores.
    pub interval95: Option<Interval>,
}
