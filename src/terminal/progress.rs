//! The bar of a run over pairs.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::eval::Event;
use crate::terminal::Terminal;

/// Pairs done, pairs per second, PCK so far and time left, on stderr.
#[derive(Debug)]
pub struct EvaluationBar<'a> {
    terminal: &'a Terminal,
    bar: ProgressBar,
    alpha: String,
}

impl<'a> EvaluationBar<'a> {
    /// A bar over `pairs` that tells PCK at `alpha`.
    pub fn new(terminal: &'a Terminal, pairs: usize, alpha: String) -> Self {
        let bar = terminal.bar(pairs as u64);
        let template = "{bar:30} {pos}/{len} pairs  {per_sec}  {msg}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            let style = style.with_key(
                "per_sec",
                |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{:.1} pairs/s", state.per_sec());
                },
            );
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { terminal, bar, alpha }
    }

    /// Shows an event.
    pub fn on(&self, event: Event) {
        match event {
            Event::Progress { done, pck } => {
                self.bar.set_position(done as u64);
                if let Some(pck) = pck {
                    self.bar.set_message(format!("PCK@{} {pck:.1} %", self.alpha));
                }
            }
            Event::Skipped(error) => self.terminal.warn(&format!("left out: {error:#}")),
        }
    }
}

impl Drop for EvaluationBar<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
