//! A file that is to be fetched.

use crate::data::catalog::RemoteFile;
use crate::fetch::address::Address;

/// A file that is missing.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// What the catalog says of it.
    pub file: RemoteFile,
    /// Its name where it is published.
    pub name: String,
    /// Where it is taken from.
    pub address: Address,
    /// How many bytes it has, as far as anybody says.
    pub bytes: Option<u64>,
}
