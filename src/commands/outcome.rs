//! How commands end.

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
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

impl Outcome {
    /// The process's exit code.
    pub(crate) fn exit_code(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::PartlyFailed => 1,
            Self::Regression => 3,
            Self::Leak => 4,
            Self::Interrupted => 130,
            Self::ReaderGone => 141,
        }
    }
}
