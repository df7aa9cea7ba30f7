//! How the tensors of a file fitted a model, and the error that lists whatever did not.

use std::collections::HashSet;
use std::fmt::{self, Display};

use anyhow::{Result, bail};
use tch::Tensor;

use crate::nn::parameters::{LoadOutcome, Mismatch, Parameter};
use crate::spelling::shortened;
use crate::visible::one_line;

/// Names listed of one kind of trouble at most: a file may lack thousands.
const SHOWN: usize = 40;

/// How the tensors of a file fitted a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LoadReport {
    /// Found and used.
    pub loaded: Vec<String>,
    /// In the file, known, and never read by the network.
    pub unused: Vec<String>,
    /// Not in the file.
    pub missing: Vec<String>,
    /// In the file, but not part of the model.
    pub unexpected: Vec<String>,
    /// In the file with another shape or kind of number.
    pub mismatched: Vec<Mismatch>,
    /// Found, but some of the values are infinite or not numbers.
    pub not_finite: Vec<String>,
}

impl LoadReport {
    /// The report of a model built from stored tensors; `is_unused` tells which surplus names are known.
    pub(crate) fn new(
        outcome: LoadOutcome,
        parameters: &[Parameter],
        is_unused: impl Fn(&str) -> bool,
    ) -> Self {
        let (unused, unexpected) = outcome.unexpected.into_iter().partition(|name| is_unused(name));
        // Others have no values of their own, and may claim any number of them.
        let mismatched = outcome.mismatched.iter().map(|mismatch| &mismatch.name);
        let absent: HashSet<&String> = outcome.missing.iter().chain(mismatched).collect();
        let not_finite = parameters
            .iter()
            .filter(|parameter| !absent.contains(&parameter.name) && !is_finite(&parameter.tensor))
            .map(|parameter| parameter.name.clone())
            .collect();
        let LoadOutcome { loaded, missing, mismatched, .. } = outcome;
        Self { loaded, unused, missing, unexpected, mismatched, not_finite }
    }

    /// # Errors
    /// Everything that does not fit, in one error.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { missing, unexpected, mismatched, not_finite, .. } = self;
        if missing.is_empty()
            && unexpected.is_empty()
            && mismatched.is_empty()
            && not_finite.is_empty()
        {
            return Ok(());
        }
        bail!("its tensors do not fit the model:{self}");
    }
}

/// One line for each kind of trouble.
impl Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mismatched: Vec<String> = self
            .mismatched
            .iter()
            .map(|Mismatch { name, expected, found }| {
                format!("{} (needed: {expected}, found: {found})", one_line(name))
            })
            .collect();
        let lists = [
            ("missing", &self.missing),
            ("unexpected", &self.unexpected),
            ("of another shape", &mismatched),
        ];
        for (title, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
            let shown = names.len().min(SHOWN);
            let named: Vec<_> = names[..shown].iter().map(|name| one_line(name)).collect();
            write!(f, "\n  {} {title}: {}", names.len(), named.join(", "))?;
            if names.len() > shown {
                write!(f, " and {} more", names.len() - shown)?;
            }
        }
        if !self.not_finite.is_empty() {
            let (count, names) = (self.not_finite.len(), shortened(&self.not_finite));
            write!(f, "\n  {count} with values that are not finite: {names}")?;
        }
        Ok(())
    }
}

/// Whether all values are finite. A sum is finite only if all its terms are, and needs no memory.
fn is_finite(values: &Tensor) -> bool {
    let values = values.detach();
    values.sum(None).double_value(&[]).is_finite() || values.isfinite().all().int64_value(&[]) == 1
}
