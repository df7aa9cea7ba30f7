//! Several results, each tried whatever became of the others.

use anyhow::{Result, anyhow};

use crate::failure::{Blame, fault};

/// What became of several results.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failed: Vec<anyhow::Error>,
}

impl Attempts {
    /// Keeps in mind what became of one, and says whether it is there.
    pub(crate) fn record(&mut self, attempt: Result<()>) -> bool {
        attempt.map_err(|error| self.failed.push(error)).is_ok()
    }

    /// What failed so far, if anything did.
    pub(crate) fn trouble(&self) -> Option<anyhow::Error> {
        let each: Vec<String> = self.failed.iter().map(|error| format!("{error:#}")).collect();
        (!each.is_empty()).then(|| anyhow!("{}", each.join("\n")))
    }

    /// The end of them all.
    ///
    /// # Errors
    /// When some failed; the error says which and why.
    pub(crate) fn conclude(mut self) -> Result<()> {
        match self.failed.len() {
            0 => Ok(()),
            1 => Err(self.failed.remove(0)),
            count => {
                let each: Vec<String> =
                    self.failed.iter().map(|error| format!("{error:#}")).collect();
                let all = Err(anyhow!("{count} results are missing:\n  {}", each.join("\n  ")));
                match self.failed.iter().find_map(fault) {
                    Some(fault) => all.blame(fault),
                    None => all,
                }
            }
        }
    }
}
