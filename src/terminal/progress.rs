//! The progress of long work: a bar on a terminal, elsewhere a line now and then.

use std::fmt::Write;
use std::ops::Deref;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use crate::eval::Event;
use crate::terminal::Terminal;

/// How often a bar is drawn though nothing happens.
const TICK: Duration = Duration::from_millis(500);

/// How far some work is; shown as long as it lives.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    lines: Option<Lines>,
}

impl Deref for Progress {
    type Target = ProgressBar;

    fn deref(&self) -> &ProgressBar {
        &self.bar
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.lines = None;
        self.bar.finish_and_clear();
    }
}

impl Terminal {
    /// The progress of `work` over so many `units`; 0 if nobody knows how many. What the bar shows is told by an
    /// indicatif template.
    pub(crate) fn progress(
        &self,
        (work, units): (&'static str, &'static str),
        length: usize,
        template: &str,
    ) -> Progress {
        let bar = self.bars.add(ProgressBar::new(length as u64));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.with_key(
                "pace",
                move |state: &ProgressState, text: &mut dyn Write| {
                    if let Some(pace) = pace(state.pos(), state.per_sec(), units) {
                        // What cannot be shown is left out.
                        let left = HumanDuration(state.eta());
                        let _ = write!(text, "  {pace}  {left:#} left");
                    }
                },
            ));
        }
        bar.enable_steady_tick(TICK);
        let shown = bar.clone();
        let lines = self.line_interval.map(|interval| {
            Lines::start(interval, move || super::print(&line(&shown, work, units)))
        });
        Progress { bar, lines: lines.flatten() }
    }
}

/// Where the work stands, in a line.
fn line(bar: &ProgressBar, work: &str, units: &str) -> String {
    let (prefix, message) = (bar.prefix(), bar.message());
    let work = if prefix.is_empty() { work } else { &prefix };
    let (done, since) = (bar.position(), HumanDuration(bar.elapsed()));
    let mut line = match bar.length() {
        Some(length) if length > 0 => format!("{work}: {done} of {length} {units}"),
        _ if done > 0 => format!("{work}: {done} {units}"),
        _ => format!("{work}, for {since}"),
    };
    if let Some(pace) = pace(done, bar.per_sec(), units) {
        line.push_str(&format!(", {pace}"));
        if bar.length().is_some_and(|length| length > done) {
            line.push_str(&format!(", {} left", HumanDuration(bar.eta())));
        }
    }
    if !message.is_empty() {
        line.push_str(&format!(", {message}"));
    }
    line
}

/// How fast the work goes; `None` while nothing is done, or where it stands still, as in a process that was stopped:
/// nor can it be told then how long the rest takes.
fn pace(done: u64, per_second: f64, units: &str) -> Option<String> {
    let digits = if per_second < 1.0 { 2 } else { 1 };
    (done > 0 && per_second >= 0.005).then(|| format!("{per_second:.digits$} {units}/s"))
}

/// Something that is done at regular intervals, on a thread of its own, as long as this lives.
#[derive(Debug)]
struct Lines {
    /// Nothing is ever sent: that it is gone ends the thread.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// `None` where no thread can be started; then the work is done in silence.
    fn start(interval: Duration, print: impl Fn() + Send + 'static) -> Option<Self> {
        let (alive, ended) = channel();
        let print = move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                print();
            }
        };
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(print).ok()?;
        Some(Self { alive: Some(alive), thread: Some(thread) })
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.alive = None;
        // No line after the work's end.
        self.thread.take().map(JoinHandle::join);
    }
}

/// Pairs done, pairs per second, the headline's score so far and time left.
#[derive(Debug)]
pub(crate) struct EvaluationProgress<'a> {
    terminal: &'a Terminal,
    progress: Progress,
    score: String,
}

impl<'a> EvaluationProgress<'a> {
    /// Of `pairs` pairs; tells the score of this title.
    pub(crate) fn new(terminal: &'a Terminal, pairs: usize, score: String) -> Self {
        let template = "{bar:30} {pos}/{len} pairs{pace}  {msg}";
        Self {
            terminal,
            progress: terminal.progress(("evaluating", "pairs"), pairs, template),
            score,
        }
    }

    /// Shows an event.
    pub(crate) fn on(&self, event: Event) {
        match event {
            Event::Progress { done, pck } => {
                self.progress.set_position(done as u64);
                if let Some(pck) = pck {
                    self.progress.set_message(format!("{} {pck:.1} %", self.score));
                }
            }
            Event::Skipped(error) => self.terminal.warn(&format!("left out: {error:#}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_a_bar_shows() {
        let bar = ProgressBar::hidden();
        assert!(line(&bar, "exporting", "").starts_with("exporting, for "));
        bar.set_position(3);
        assert!(line(&bar, "drawing", "photos").starts_with("drawing: 3 photos, "));
        bar.set_length(12);
        bar.set_prefix("epoch 1/2");
        bar.set_message("loss 0.5");
        let line = line(&bar, "training", "pairs");
        assert!(line.starts_with("epoch 1/2: 3 of 12 pairs, "), "{line}");
        assert!(line.ends_with(" left, loss 0.5"), "{line}");
    }

    #[test]
    fn slow_work_has_a_pace_and_work_that_stands_still_none() {
        assert_eq!(pace(3, 1234.56, "pairs").as_deref(), Some("1234.6 pairs/s"));
        assert_eq!(pace(3, 0.034, "pairs").as_deref(), Some("0.03 pairs/s"));
        assert_eq!([pace(0, 1.0, "pairs"), pace(3, 1e-12, "pairs")], [None, None]);
    }
}
