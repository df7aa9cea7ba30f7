//! What of a dataset is missing, and where it is to be had.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::data::catalog::{Entry, RemoteFile};
use crate::fetch::address::{Address, name};
use crate::fetch::download::length_at;
use crate::fetch::wanted::Wanted;

/// What is to be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The files that are missing, in the catalog's order.
    pub missing: Vec<Wanted>,
}

impl Plan {
    /// How a dataset gets the files that it lacks; taken `from` a folder or another address, under the same names, if that
    /// is given.
    ///
    /// # Errors
    /// When the catalog names no files, or one that is missing is not where it should be.
    pub(crate) fn new(entry: &Entry, missing: &[&RemoteFile], from: Option<&str>) -> Result<Self> {
        ensure!(
            !entry.files.is_empty(),
            "no address is known by which {} can be fetched: get it from {}",
            entry.title,
            entry.source
        );
        let missing = missing.iter().copied().map(|file| {
            let name = name(&file.url).to_owned();
            let address = match from {
                Some(from) => Address::below(from, &name),
                None => Address::Web(file.url.clone()),
            };
            let bytes = match &address {
                Address::Web(web) => length_at(web).map(|length| length.or(file.size)),
                Address::Local(path) => {
                    fs::metadata(path).map(|found| Some(found.len())).context("it is not there")
                }
            };
            let bytes = bytes.with_context(|| format!("looking for {address}"))?;
            Ok(Wanted { file: file.clone(), name, address, bytes })
        });
        Ok(Self { missing: missing.collect::<Result<_>>()? })
    }
}
