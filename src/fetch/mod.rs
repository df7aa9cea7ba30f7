//! Getting datasets from where their authors publish them: what is missing is downloaded, compared with what is known
//! of it, unpacked where nothing can reach beyond it, and laid where the dataset belongs.

mod address;
mod download;
mod event;
mod place;
mod plan;
mod unpack;
mod wanted;

use std::fs;

use anyhow::{Context, Result};

use crate::data::completeness::{ensure_list, ensure_no_page};
use crate::data::load::Dataset;
use crate::fetch::download::Download;
use crate::fetch::place::{place, place_file};
use crate::fetch::unpack::is_archive;
use crate::output::make_folder;
use crate::visible::Shown;
pub(crate) use event::Event;
pub(crate) use plan::Plan;

/// Where downloads lie until they are whole, below the data root.
const DOWNLOADS: &str = ".lpmflow-downloads";

/// What to do where a server sends something else.
const NOT_THE_FILE: &str = "what came is not the file, and was not put in place; get it with a browser, and name its folder \
                            with --from";

/// Fetches everything that a plan says is missing. What was begun before is taken up where it ended.
///
/// # Errors
/// When a file cannot be downloaded, is not the one that is known, is no list where it should be one, or cannot be
/// unpacked; what is whole by then stays, and so does what a further attempt can go on with.
pub(crate) fn fetch(dataset: &Dataset, plan: &Plan, on_event: &mut dyn FnMut(Event)) -> Result<()> {
    let data_root = dataset.data_root;
    let folder = dataset.entry.folder(data_root);
    let downloads = data_root.join(DOWNLOADS);
    for wanted in &plan.missing {
        let mut attempt = || -> Result<()> {
            let mut download = Download::open(&downloads, wanted)?;
            download.complete(on_event)?;
            let sha256 = download.verify()?;
            on_event(Event::Whole(wanted, &sha256, wanted.file.sha256.is_some()));
            let is_archive = is_archive(&wanted.name);
            if !is_archive {
                make_folder(&folder).with_context(|| format!("making `{}`", folder.shown()))?;
            }
            let usable = ensure_no_page(&download.path).and_then(|()| match is_archive {
                true => Ok(()),
                false => ensure_list(dataset, &wanted.file.makes, &download.path),
            });
            if let Err(error) = usable {
                // Another attempt is not to go on with it, and a folder that is empty says nothing.
                download.remove();
                let _ = fs::remove_dir(&folder);
                return Err(error.context(NOT_THE_FILE));
            }
            if is_archive {
                let unpacked =
                    unpack::unpack(&download.path, &wanted.name, data_root, &mut |entries| {
                        on_event(Event::Unpacked(wanted, entries));
                    })?;
                let within = wanted.file.within.as_deref();
                place(unpacked, within, &wanted.file.makes, &folder, on_event)?;
            } else {
                place_file(&download.path, &folder.join(&wanted.file.makes), on_event)?;
            }
            download.remove();
            Ok(())
        };
        attempt().with_context(|| format!("fetching {}", wanted.address))?;
    }
    Ok(())
}
