//! Failures that scripts tell apart, by whose fault they are: the mark stays with the error, whatever context it gets,
//! and the program's exit code follows from it.

use std::error::Error as StdError;
use std::fmt::{self, Display, Formatter};

use anyhow::{Error, Result};

/// Whose fault a failure is, where that is neither the program's nor the command line's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A dataset, its photos or its predictions are not there or cannot be used.
    Data,
    /// The report that is compared with is not there, cannot be read, or measures something else.
    Baseline,
}

impl Fault {
    /// What it is called in reports and annotations.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Data => "data-unusable",
            Self::Baseline => "baseline-unusable",
        }
    }
}

/// An error that bears a mark and says what it said without.
#[derive(Debug)]
struct Marked {
    fault: Fault,
    error: Error,
}

impl Display for Marked {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.error, formatter)
    }
}

impl StdError for Marked {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}

/// Says whose fault a result's error is.
pub(crate) trait Blame<T> {
    /// The same result, its error marked; the last mark counts.
    ///
    /// # Errors
    /// The result's own.
    fn blame(self, fault: Fault) -> Result<T>;

    /// The same, but for errors that are marked already.
    ///
    /// # Errors
    /// The result's own.
    fn otherwise_blame(self, fault: Fault) -> Result<T>;
}

impl<T> Blame<T> for Result<T> {
    fn blame(self, fault: Fault) -> Self {
        self.map_err(|error| marked(error, fault))
    }

    fn otherwise_blame(self, otherwise: Fault) -> Self {
        self.map_err(|error| match fault(&error) {
            Some(_) => error,
            None => marked(error, otherwise),
        })
    }
}

/// The error with a mark.
pub(crate) fn marked(error: Error, fault: Fault) -> Error {
    Error::new(Marked { fault, error })
}

/// Whose fault an error is, if anything marked it.
pub(crate) fn fault(error: &Error) -> Option<Fault> {
    error.downcast_ref::<Marked>().map(|marked| marked.fault)
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn a_mark_stays_below_context_and_changes_no_word() {
        let plain = || Err::<(), _>(anyhow!("no file")).context("reading `a`");
        let marked = plain().blame(Fault::Data).context("loading the dataset").unwrap_err();
        assert_eq!(format!("{marked:#}"), "loading the dataset: reading `a`: no file");
        assert_eq!(fault(&marked), Some(Fault::Data));
        assert_eq!(fault(&plain().unwrap_err()), None);
        let still = Err::<(), _>(marked).otherwise_blame(Fault::Baseline).unwrap_err();
        assert_eq!(fault(&still), Some(Fault::Data));
        let twice = Err::<(), _>(still).blame(Fault::Baseline).unwrap_err();
        assert_eq!(fault(&twice), Some(Fault::Baseline));
        let now = plain().otherwise_blame(Fault::Baseline).unwrap_err();
        assert_eq!(fault(&now), Some(Fault::Baseline));
    }
}
