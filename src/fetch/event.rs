//! What happens while a dataset is fetched.

use std::path::Path;

use crate::fetch::wanted::Wanted;

/// What happens on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// So many bytes of a file are here, of as many as are said to be there.
    Downloaded(&'a Wanted, u64, Option<u64>),
    /// The connection was lost; it is tried again.
    Lost(&'a Wanted, &'a anyhow::Error),
    /// A file is whole; its SHA-256, and whether that is known to be right.
    Whole(&'a Wanted, &'a str, bool),
    /// So many entries of an archive are unpacked.
    Unpacked(&'a Wanted, usize),
    /// So many files in a folder, or the file itself, were there before and stay as they are.
    Kept(&'a Path, usize),
    /// What was in the place of a list is called otherwise from now on.
    PutAside(&'a Path, &'a Path),
}
