//! The entries of a list, made ready.

use std::sync::Arc;

use crate::predict::pair_list::ListedPair;
use crate::predict::photo::Photo;
use crate::predict::plan::Plan;
use crate::predict::record::PairOutcome;

/// One entry, made ready.
pub(super) enum Item<'a> {
    /// Nothing remains to be done.
    Settled(Box<PairOutcome>),
    /// All photos are decoded.
    Work(Work<'a>),
}

/// A pair to run.
pub(super) struct Work<'a> {
    pub pair: &'a ListedPair,
    /// Its sources, of which one is to be taken.
    pub candidates: Vec<Candidate>,
    pub target: Arc<Photo>,
}

/// A source that may be taken, and what is wanted then.
pub(super) struct Candidate {
    pub photo: Arc<Photo>,
    pub plan: Plan,
}

impl<'a> Item<'a> {
    /// The work, if any remains.
    pub(super) fn work(&self) -> Option<&Work<'a>> {
        match self {
            Self::Work(work) => Some(work),
            Self::Settled(_) => None,
        }
    }
}
