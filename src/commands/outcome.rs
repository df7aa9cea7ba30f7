//! How commands end.

use std::process::ExitCode;

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well: exit code 0.
    Done,
    /// Done, but some of the inputs failed and were reported one by one: exit code 1.
    PartlyFailed,
    /// Accuracy fell by more than allowed: exit code 3.
    Regression,
    /// Photos of one dataset split are, or seem to be, in another: exit code 4.
    Leak,
    /// Stopped by the user: exit code 130.
    Interrupted,
    /// Stopped because nobody reads the results any more (`| head`): exit code 141, which a shell gives a
    /// program that the system ends for this reason.
    ReaderGone,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::PartlyFailed => 1,
            Outcome::Regression => 3,
            Outcome::Leak => 4,
            Outcome::Interrupted => 130,
            Outcome::ReaderGone => 141,
        })
    }
}
