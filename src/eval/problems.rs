//! What is wrong with many things of one kind.

use std::fmt;

use anyhow::{Result, bail};

use crate::spelling::counted;

/// Problems that are told in full.
const SHOWN: usize = 10;

/// How many things of a kind are unusable, and why the first few: a file may have one in each of a million lines.
#[derive(Debug)]
pub(crate) struct Problems {
    thing: &'static str,
    count: usize,
    first: Vec<String>,
}

impl Problems {
    /// No problem yet; `thing` is what each will be about (`unusable line`).
    pub(crate) fn with(thing: &'static str) -> Self {
        Self { thing, count: 0, first: Vec::new() }
    }

    /// Adds a problem; it is described only if it will be told.
    pub(crate) fn push(&mut self, described: impl FnOnce() -> String) {
        if self.first.len() < SHOWN {
            self.first.push(described());
        }
        self.count += 1;
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// # Errors
    /// When there are problems: what they are, and how to go on without what they are about.
    pub(crate) fn ensure_none(&self) -> Result<()> {
        if !self.is_empty() {
            bail!("{self}\n(--skip-bad leaves them out)");
        }
        Ok(())
    }
}

/// How many, then one a line.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:\n  {}", counted(self.count, self.thing), self.first.join("\n  "))?;
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_told_and_the_others_counted() {
        let mut problems = Problems::with("unusable line");
        problems.ensure_none().unwrap();
        problems.push(|| "one".to_owned());
        problems.push(|| "two".to_owned());
        let error = problems.ensure_none().unwrap_err().to_string();
        assert_eq!(error, "2 unusable lines:\n  one\n  two\n(--skip-bad leaves them out)");
        (2..12).for_each(|index| problems.push(|| index.to_string()));
        assert!(problems.to_string().ends_with("  9\n  and 2 more"), "{problems}");
        assert_eq!(problems.count(), 12);
    }
}
