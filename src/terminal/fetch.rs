//! What is said while a dataset is fetched, and before.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::Result;

use crate::data::catalog::Entry;
use crate::fetch::{Event, Plan};
use crate::spelling::counted;
use crate::terminal::Terminal;
use crate::terminal::progress::Progress;
use crate::visible::{Shown, visible};

impl Terminal {
    /// What would be fetched, from where, on what terms.
    pub(crate) fn show_plan(&self, entry: &Entry, plan: &Plan, data_root: &Path) {
        self.result(&format!("{}: {}", entry.title, entry.citation));
        let licence = entry.licence.as_deref().unwrap_or("none is known");
        self.result(&format!("licence: {licence}"));
        self.result(&format!("into `{}`:", entry.folder(data_root).shown()));
        for wanted in &plan.missing {
            let size = wanted.bytes.map_or("of unknown size".to_owned(), bytes);
            let known = match wanted.file.sha256.is_some() {
                true => "compared with a known SHA-256",
                false => "no SHA-256 is known",
            };
            self.result(&format!("  {} ({size}; {known})", wanted.address));
        }
        let all: Option<Vec<u64>> = plan.missing.iter().map(|wanted| wanted.bytes).collect();
        if let Some(sizes) = all.filter(|sizes| sizes.len() > 1) {
            self.result(&format!("  {} in all", bytes(sizes.iter().sum())));
        }
    }

    /// The user's answer to a question; `None` where nobody is there to ask.
    ///
    /// # Errors
    /// When the answer cannot be read.
    pub(crate) fn confirm(&self, question: &str) -> Result<Option<bool>> {
        let stdin = io::stdin();
        if self.recording.is_some() || !stdin.is_terminal() {
            return Ok(None);
        }
        // Where the question cannot be seen, it is not answered either.
        let mut stderr = io::stderr();
        write!(stderr, "{} [y/N] ", visible(question))?;
        stderr.flush()?;
        let mut answer = String::new();
        stdin.lock().read_line(&mut answer)?;
        Ok(Some(["y", "yes"].contains(&answer.trim().to_lowercase().as_str())))
    }

    /// That everything is there, and what to do next.
    pub(crate) fn show_fetched(&self, entry: &Entry, name: &str, data_root: &Path, before: bool) {
        let folder = entry.folder(data_root);
        let how = if before { "is there already" } else { "is there now" };
        self.result(&format!("{} {how}: `{}`", entry.title, folder.shown()));
        self.log(&format!(
            "whether it is sound: lpmflow datasets check {name} --data-root {}",
            data_root.shown()
        ));
    }
}

/// A number of bytes as people say it.
fn bytes(count: u64) -> String {
    match count {
        0..1_000_000 => format!("{:.0} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.2} GB", count as f64 / 1e9),
    }
}

/// How far a fetch is.
#[derive(Debug)]
pub(crate) struct FetchProgress<'a> {
    terminal: &'a Terminal,
    /// Of the file under way, with its name.
    current: Option<(String, Progress)>,
}

impl<'a> FetchProgress<'a> {
    /// Nothing is under way.
    pub(crate) fn new(terminal: &'a Terminal) -> Self {
        Self { terminal, current: None }
    }

    /// Shows an event.
    pub(crate) fn on(&mut self, event: Event) {
        match event {
            Event::Downloaded(wanted, done, total) => {
                let template = "{msg} {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}";
                let total = total.or(wanted.bytes).unwrap_or(0);
                self.under_way(&wanted.name, ("downloading", "bytes"), template, total)
                    .set_position(done);
            }
            Event::Lost(wanted, error) => {
                self.terminal.warn(&format!("{}: {error:#}; once more", wanted.address));
            }
            Event::Whole(wanted, sha256, is_known) => {
                self.current = None;
                let right = if is_known { "as expected" } else { "none is known to compare with" };
                self.terminal.log(&format!("{}: SHA-256 {sha256}, {right}", wanted.name));
            }
            Event::Unpacked(wanted, entries) => {
                let template = "{msg} {pos} entries unpacked";
                self.under_way(&wanted.name, ("unpacking", "entries"), template, 0)
                    .set_position(entries as u64);
            }
            Event::Kept(path, _) if !path.is_dir() => {
                self.terminal.log(&format!("`{}` was there and stays as it is", path.shown()));
            }
            Event::Kept(path, files) => self.terminal.log(&format!(
                "kept as before: {} in `{}`",
                counted(files, "file"),
                path.shown()
            )),
            Event::PutAside(path, aside) => self.terminal.warn(&format!(
                "`{}` could not be used and is called `{}` now",
                path.shown(),
                aside.file_name().map(Path::new).unwrap_or(aside).shown()
            )),
        }
    }

    fn under_way(
        &mut self,
        name: &str,
        work: (&'static str, &'static str),
        template: &str,
        length: u64,
    ) -> &Progress {
        let terminal = self.terminal;
        if self.current.as_ref().is_some_and(|(current, _)| current != name) {
            self.current = None;
        }
        let (_, progress) = self.current.get_or_insert_with(|| {
            let progress = terminal.progress(work, length as usize, template);
            progress.set_message(name.to_owned());
            (name.to_owned(), progress)
        });
        progress
    }
}
