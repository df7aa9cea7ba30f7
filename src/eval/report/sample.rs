//! What a pair of a report adds to an average, read back from its own score.

use anyhow::{Context, Result};

use crate::eval::column::is_alpha;
use crate::eval::pck::Tally;
use crate::eval::protocol::name::ProtocolName;
use crate::eval::protocol::rules::Average;
use crate::eval::report::PairReport;

impl PairReport {
    /// Its share in the average of a protocol's column; none in that of a measure that is not defined for it.
    ///
    /// # Errors
    /// When it has no score there.
    pub(crate) fn sample(
        &self,
        protocol: ProtocolName,
        alpha: &str,
        average: Average,
    ) -> Result<Tally> {
        let score = self.pck.get(&protocol).and_then(|pck| pck.get(alpha));
        if !is_alpha(alpha) {
            // What is not defined for a pair has no part in the mean.
            let whole = |percent: &f64| Tally { right: percent / 100.0, weight: 1.0 };
            return Ok(score.map_or_else(Tally::default, whole));
        }
        let score = score.with_context(|| {
            format!("pair {} has no score under `{protocol}` at {alpha}", self.index)
        })?;
        let correct = (score * self.keypoints as f64 / 100.0).round() as usize;
        Ok(average.sample(correct, self.keypoints))
    }
}
