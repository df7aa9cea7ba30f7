//! The page of a batch: every pair with small pictures of its photos, how well it matches, and the way to its files.

mod page;
mod pictures;
mod rows;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::output;
use crate::predict::batch::index::page::{is_index, page};
use crate::predict::batch::index::pictures::Pictures;
use crate::predict::batch::index::rows::{Failure, Row, Rows, Shot};
use crate::predict::batch::list::Batch;
use crate::predict::batch::work::Item;
use crate::predict::pair_list::{Entry, ListedPair, Source};
use crate::predict::record::{PairOutcome, Prediction};
use crate::visible::{Shown, visible};

/// What a batch came to so far.
pub(super) struct Index<'a> {
    batch: &'a Batch<'a>,
    path: PathBuf,
    pictures: Pictures,
    rows: Rows,
}

/// Ensures that the page replaces nothing else.
///
/// # Errors
/// When there is a file of that name that is no such page.
pub(crate) fn ensure_index(batch: &Batch) -> Result<()> {
    match batch.index_path() {
        Some(path) if path.try_exists()? && !is_index(&path)? => bail!(
            "`{}` is there and is no such page of lpmflow's, but that is where the page of all pairs goes: move it, \
             or choose another --output-dir",
            path.shown()
        ),
        _ => Ok(()),
    }
}

impl<'a> Index<'a> {
    /// An empty page, if the batch has one.
    pub(super) fn new(batch: &'a Batch<'a>) -> Option<Self> {
        let folder = std::path::absolute(batch.folder?).ok()?;
        let rows = Rows { title: name(&folder).shown(), ..Rows::default() };
        Some(Self { batch, path: batch.index_path()?, pictures: Pictures::default(), rows })
    }

    /// Takes small pictures of the photos of entries that are about to be done.
    pub(super) fn look_at(&mut self, items: &[(&Entry, Item)]) {
        self.pictures.look_at(items, self.batch.exif);
    }

    /// Adds a pair and what became of it.
    pub(super) fn add(&mut self, entry: &Entry, outcome: &PairOutcome) {
        match (&entry.pair, outcome) {
            (Ok(pair), PairOutcome::Done(found) | PairOutcome::Skipped(found)) => {
                self.rows.matched.push(self.row(pair, found));
            }
            (pair, PairOutcome::Failed { error }) => self.rows.failed.push(Failure {
                name: match pair {
                    Ok(pair) => pair.name.clone(),
                    Err(_) => format!("line {}", entry.line.unwrap_or_default()),
                },
                why: visible(error).into_owned(),
            }),
            (Err(_), _) => unreachable!("nothing is found for a line that names no pair"),
        }
    }

    fn row(&self, pair: &ListedPair, found: &Prediction) -> Row {
        let shot = |given: &Path, path: &Path| Shot {
            name: name(given).shown(),
            picture: self.pictures.number(path),
        };
        let (views, others): (Vec<_>, Vec<_>) =
            self.batch.plan(pair).outputs.into_iter().partition(|output| output.format.is_view());
        let record = self.batch.record_path(pair);
        let further = views.iter().skip(1).chain(&others).map(|output| &output.path);
        let files = further.chain(&record);
        let sources: Vec<Source> = pair.sources().collect();
        let taken = found.source_index.unwrap_or(0);
        Row {
            name: pair.name.clone(),
            photos: [
                shot(&pair.sources[taken].photo, &sources[taken].photo),
                shot(&pair.target, &pair.target_path()),
            ],
            view: views.first().map(|view| name(&view.path).shown()).unwrap_or_default(),
            files: files.map(|path| name(path).shown()).collect(),
            verdict: found.verdict,
        }
    }

    /// Whether the run came to no entry at all.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes the page.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(mut self) -> Result<PathBuf> {
        self.rows.missing =
            self.batch.entries.len() - self.rows.matched.len() - self.rows.failed.len();
        self.rows.sort();
        let text = page(&self.rows, self.pictures.addresses());
        output::write(&self.path, |file| Ok(file.write_all(text.as_bytes())?))?;
        Ok(self.path)
    }
}

/// The last part of a path.
fn name(path: &Path) -> &Path {
    path.file_name().map_or(path, Path::new)
}
