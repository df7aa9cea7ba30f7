//! Getting datasets from where their authors publish them: what is missing is downloaded, compared with what is known
//! of it, unpacked where nothing can reach beyond it, and laid where the dataset belongs.

mod address;
mod download;
mod event;
mod place;
mod plan;
mod unpack;
mod wanted;

use std::path::Path;

use anyhow::{Context, Result};

use crate::data::catalog::Entry;
use crate::fetch::download::Download;
use crate::fetch::place::place;
use crate::fetch::unpack::is_archive;
pub(crate) use event::Event;
pub(crate) use plan::Plan;

/// Where downloads lie until they are whole, below the data root.
const DOWNLOADS: &str = ".lpmflow-downloads";

/// Fetches everything that a plan says is missing. What was begun before is taken up where it ended.
///
/// # Errors
/// When a file cannot be downloaded, is not the one that is known, or cannot be unpacked; what is whole by then stays, and
/// so does what a further attempt can go on with.
pub(crate) fn fetch(
    entry: &Entry,
    data_root: &Path,
    plan: &Plan,
    on_event: &mut dyn FnMut(Event),
) -> Result<()> {
    let folder = entry.folder(data_root);
    let downloads = data_root.join(DOWNLOADS);
    for wanted in &plan.missing {
        let mut attempt = || -> Result<()> {
            let mut download = Download::open(&downloads, wanted)?;
            download.complete(on_event)?;
            let sha256 = download.verify()?;
            on_event(Event::Whole(wanted, &sha256, wanted.file.sha256.is_some()));
            if is_archive(&wanted.name) {
                let unpacked =
                    unpack::unpack(&download.path, &wanted.name, data_root, &mut |entries| {
                        on_event(Event::Unpacked(wanted, entries));
                    })?;
                let within = wanted.file.within.as_deref();
                place(unpacked, within, &wanted.file.makes, &folder, on_event)?;
            } else {
                place::place_file(&download.path, &folder.join(&wanted.file.makes))?;
            }
            download.remove();
            Ok(())
        };
        attempt().with_context(|| format!("fetching {}", wanted.address))?;
    }
    Ok(())
}
