//! What can go wrong, told apart by what a program would do about it.

use std::error::Error as StdError;
use std::fmt::{self, Display, Formatter};

/// Why something was not done. The text is the whole chain: what was being done, to which file, why it
/// failed, what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There are no such weights, or they are damaged or do not fit their model.
    Weights(Cause),
    /// The device is not there, or does not compute as wanted.
    Device(Cause),
    /// A photo is missing, damaged, or of a kind that is not read.
    Photo(Cause),
    /// The network's result makes no sense; the weights do not suit the model or the precision.
    Network(Cause),
    /// A dataset is unknown, incomplete or faulty, or cannot be scored as wanted.
    Dataset(Cause),
    /// Predictions are unusable.
    Predictions(Cause),
    /// A file cannot be written.
    Output(Cause),
}

/// The chain of reasons.
#[derive(Debug)]
pub struct Cause(anyhow::Error);

impl From<anyhow::Error> for Cause {
    fn from(error: anyhow::Error) -> Self {
        Self(error)
    }
}

impl Error {
    fn cause(&self) -> &anyhow::Error {
        match self {
            Self::Weights(cause)
            | Self::Device(cause)
            | Self::Photo(cause)
            | Self::Network(cause)
            | Self::Dataset(cause)
            | Self::Predictions(cause)
            | Self::Output(cause) => &cause.0,
        }
    }
}

impl Display for Error {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#}", self.cause())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause().source()
    }
}

/// Says of which kind an error is that comes from within.
pub(super) trait Classify<T> {
    /// The same result with its error in a class, as `Error::Weights`.
    ///
    /// # Errors
    /// The result's own.
    fn classed(self, class: fn(Cause) -> Error) -> Result<T, Error>;
}

impl<T> Classify<T> for anyhow::Result<T> {
    fn classed(self, class: fn(Cause) -> Error) -> Result<T, Error> {
        self.map_err(|error| class(Cause(error)))
    }
}
