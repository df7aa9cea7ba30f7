//! How commands end.

use anyhow::{Error, anyhow};

use crate::failure::{Fault, fault, marked};

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Done,
    /// Done, but some of the inputs failed and were reported one by one.
    PartlyFailed,
    /// Accuracy fell by more than allowed.
    Regression,
    /// Data that was checked cannot be used, or photos of one dataset split are, or seem to be, in another.
    UnusableData,
    /// Done by workers, whose exit code this is.
    Ended(i32),
    /// Stopped by the user.
    Interrupted,
    /// Stopped because nobody reads the results any more: the code that a shell gives a program that the system ends
    /// for this reason.
    ReaderGone,
}

impl Outcome {
    /// The process's exit code.
    pub(crate) fn exit_code(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::PartlyFailed => 1,
            Self::Regression => 3,
            Self::UnusableData => 4,
            Self::Ended(code) => code,
            Self::Interrupted => 130,
            Self::ReaderGone => 141,
        }
    }
}

/// The process's exit code after an error.
pub(crate) fn error_code(error: &Error) -> i32 {
    fault(error).map_or(1, code_of)
}

/// The error that another process ended with, by what it said and its exit code.
pub(crate) fn error_of(text: &str, code: i32) -> Error {
    let error = anyhow!("{text}");
    match [Fault::Data, Fault::Baseline].into_iter().find(|fault| code_of(*fault) == code) {
        Some(fault) => marked(error, fault),
        None => error,
    }
}

fn code_of(fault: Fault) -> i32 {
    match fault {
        Fault::Data => 4,
        Fault::Baseline => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::EXIT_CODES;
    use crate::failure::Blame;

    #[test]
    fn every_code_stands_in_the_table_of_help_and_readme() {
        let outcomes = [
            Outcome::Done,
            Outcome::PartlyFailed,
            Outcome::Regression,
            Outcome::UnusableData,
            Outcome::Interrupted,
            Outcome::ReaderGone,
        ];
        let failed = |fault| Err::<(), _>(anyhow::anyhow!("no")).blame(fault).unwrap_err();
        let errors = [Fault::Data, Fault::Baseline].map(|fault| error_code(&failed(fault)));
        assert_eq!([4, 5, 9].map(|code| error_code(&error_of("no", code))), [4, 5, 1]);
        let codes = outcomes.map(Outcome::exit_code).into_iter().chain(errors).chain([2]);
        let readme = include_str!("../../README.md");
        for code in codes {
            let row = EXIT_CODES.lines().find_map(|line| {
                let (number, meaning) = line.trim().split_once("  ")?;
                (number == code.to_string()).then_some(meaning.trim())
            });
            let meaning = row.unwrap_or_else(|| panic!("{code} is not in the table"));
            let cell = format!("| {code} | {meaning} |");
            assert!(readme.contains(&cell), "README has no `{cell}`");
        }
    }
}
