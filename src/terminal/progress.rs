//! The bar of a run over pairs.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use crate::eval::Event;
use crate::terminal::Terminal;

/// Pairs done, pairs per second, PCK so far and time left, on stderr.
#[derive(Debug)]
pub(crate) struct EvaluationBar<'a> {
    terminal: &'a Terminal,
    bar: ProgressBar,
    alpha: String,
}

impl<'a> EvaluationBar<'a> {
    /// A bar over `pairs` that tells PCK at `alpha`.
    pub(crate) fn new(terminal: &'a Terminal, pairs: usize, alpha: String) -> Self {
        let bar = terminal.bar(pairs as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} pairs{pace}  {msg}") {
            bar.set_style(style.with_key("pace", pace));
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { terminal, bar, alpha }
    }

    /// Shows an event.
    pub(crate) fn on(&self, event: Event) {
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

/// Speed and time left, once there is something to tell them from.
fn pace(state: &ProgressState, text: &mut dyn Write) {
    if state.pos() > 0 {
        // What cannot be shown is left out.
        let _ =
            write!(text, "  {:.1} pairs/s  {:#} left", state.per_sec(), HumanDuration(state.eta()));
    }
}

impl Drop for EvaluationBar<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
