//! The curves of a run on the terminal.

use std::path::Path;

use indicatif::ProgressBar;

use crate::terminal::Terminal;
use crate::terminal::curve::curve;
use crate::train::folder::history::History;
use crate::train::run::event::Event;

/// Loss and validation of a run under way: in one place that is drawn again with every step, and where there is none,
/// once an epoch.
#[derive(Debug)]
pub(super) struct Curves {
    panel: Option<ProgressBar>,
    loss: Vec<[f64; 2]>,
    validation: Vec<[f64; 2]>,
}

impl Curves {
    /// Those of the run in a folder, as far as it is.
    pub(super) fn of_run(terminal: &Terminal, folder: &Path) -> Self {
        // A run that begins has none.
        let history = History::read(folder).unwrap_or_default();
        Self {
            panel: terminal.panel(),
            loss: history.series("loss"),
            validation: validation(&history),
        }
    }

    /// Adds what happened.
    pub(super) fn on(&mut self, event: &Event, terminal: &Terminal) {
        match event {
            Event::Step(report) => self.loss.push([report.step as f64, report.losses.total()]),
            Event::Start(start) => self.validation.push([0.0, start.pck]),
            Event::EpochDone(report) => {
                self.validation.push([report.step as f64, report.validation_pck]);
            }
            _ => return,
        }
        match &self.panel {
            Some(panel) => panel.set_message(self.text()),
            None if matches!(event, Event::EpochDone(_)) => terminal.log(&self.text()),
            None => {}
        }
    }

    /// Leaves them on the terminal, as they are in the end.
    pub(super) fn end(self, terminal: &Terminal) {
        if let Some(panel) = &self.panel {
            panel.finish_and_clear();
            terminal.log(&self.text());
        }
    }

    fn text(&self) -> String {
        text(&self.loss, &self.validation)
    }
}

impl Terminal {
    /// The curves of a run.
    pub(crate) fn show_run(&self, history: &History) {
        self.result(&text(&history.series("loss"), &validation(history)));
    }
}

fn validation(history: &History) -> Vec<[f64; 2]> {
    history.validated().iter().map(|validated| [validated.step as f64, validated.pck]).collect()
}

fn text(loss: &[[f64; 2]], validation: &[[f64; 2]]) -> String {
    let curves = [curve("loss", loss), curve("validation PCK in percent", validation)];
    let curves: Vec<String> = curves.into_iter().flatten().collect();
    match curves.is_empty() {
        true => "there is nothing to draw yet".to_owned(),
        false => curves.join("\n"),
    }
}
