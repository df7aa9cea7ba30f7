//! What `train` shows of its work.

use std::path::{Path, PathBuf};

use indicatif::HumanDuration;

use crate::nn::parameters::Group;
use crate::spelling::counted;
use crate::terminal::Terminal;
use crate::terminal::curves::Curves;
use crate::terminal::progress::Progress;
use crate::train::folder::LEFT_OUT;
use crate::train::folder::state::Start;
use crate::train::objective::Mean;
use crate::train::run::Ending;
use crate::train::run::event::{EpochReport, Event, Parameters, Plan, StepReport};
use crate::train::run::prospect::{Reach, Verdict};
use crate::train::samples::left_out::{LeftOut, Omissions};
use crate::visible::Shown;

/// The bar of an epoch.
const STEPS: &str = "{prefix} {bar:24} {pos}/{len} pairs  {msg}  {eta} left";

/// The bar of a validation.
const VALIDATION: &str = "validating {bar:24} {pos}/{len} pairs";

/// Photos left out that are named on the terminal.
const SHOWN_PHOTOS: usize = 10;

/// Shows a run: a bar per epoch, a line at its end.
#[derive(Debug)]
pub(crate) struct TrainingDisplay<'a> {
    terminal: &'a Terminal,
    folder: PathBuf,
    epochs: u64,
    /// Of the epoch or validation under way.
    progress: Option<Progress>,
    /// The curves, where they are wanted.
    curves: Option<Curves>,
}

impl<'a> TrainingDisplay<'a> {
    /// A display of the run in `folder`, with curves if someone watches.
    pub(crate) fn new(terminal: &'a Terminal, folder: &Path, watch: bool) -> Self {
        let curves = watch.then(|| Curves::of_run(terminal, folder));
        Self { terminal, folder: folder.to_owned(), epochs: 0, progress: None, curves }
    }

    /// Shows an event.
    pub(crate) fn on(&mut self, event: &Event) {
        self.show(event);
        if let Some(curves) = &mut self.curves {
            curves.on(event, self.terminal);
        }
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::Plan(plan) => self.plan(plan),
            Event::Epoch { epoch, samples, done } => {
                let prefix = format!("epoch {}/{}", epoch + 1, self.epochs);
                let progress = self.start("training", *samples, STEPS);
                progress.set_prefix(prefix);
                progress.set_position(*done as u64);
                progress.reset_eta();
            }
            Event::Step(report) => self.step(report),
            Event::Estimate(time) => {
                let time = HumanDuration(*time);
                self.terminal.log(&format!("expected time: {time}, and validation"));
            }
            Event::Validation { pairs } => {
                self.start("validating", *pairs, VALIDATION);
            }
            Event::ValidationProgress { done } => {
                if let Some(progress) = &self.progress {
                    progress.set_position(*done as u64);
                }
            }
            Event::Start(start) => {
                self.progress = None;
                let Start { pck, same_position } = start;
                self.terminal.log(&format!(
                    "before training: validation PCK {pck:.2} % (the same position in both photos: \
                     {same_position:.2} %)"
                ));
            }
            Event::EpochDone(report) => self.epoch_done(report),
            Event::Verdict(verdict) => self.verdict(*verdict),
        }
    }

    /// Shows how the run ended.
    pub(crate) fn end(&mut self, ending: Ending) {
        self.progress = None;
        if let Some(curves) = self.curves.take() {
            curves.end(self.terminal);
        }
        let folder = self.folder.shown();
        self.terminal.log(&match ending {
            Ending::Finished => {
                format!("done: the best weights are `{folder}/best.safetensors`")
            }
            Ending::Interrupted => {
                format!("interrupted and saved; `lpmflow train --resume {folder}` goes on")
            }
        });
    }

    fn plan(&mut self, plan: &Plan) {
        let Plan { config, position, .. } = plan;
        self.epochs = config.epochs;
        let data = match (&config.data.dataset, &config.data.photos) {
            (Some(name), _) => format!("dataset {name}"),
            (None, Some(folder)) => format!("photos of `{}`", folder.shown()),
            (None, None) => "nothing".to_owned(),
        };
        let mut lines = vec![
            format!("run folder `{}`", self.folder.shown()),
            format!("weights: {}", plan.origin),
        ];
        lines.extend(plan.groups.iter().map(|(group, values)| parameters(*group, *values)));
        lines.extend([
            format!(
                "{data}: {} of {}",
                counted(plan.samples, "training pair"),
                counted(plan.photos, "photo")
            ),
            format!("validation: {}, {}", counted(plan.validation_pairs, "pair"), plan.score),
            format!(
                "{}, {} of {}, seed {}",
                counted(config.epochs, "epoch"),
                counted(plan.steps, "step"),
                counted(config.whole_batch() * config.accumulate, "pair"),
                config.seed
            ),
        ]);
        if plan.processes > 1 {
            lines.push(format!("shared by {} processes", plan.processes));
        }
        lines.extend(plan.notes.iter().map(|note| format!("weights: {note}")));
        lines.extend(plan.changes.iter().map(|change| format!("changed: {change}")));
        if position.epoch >= config.epochs {
            let epochs = counted(config.epochs, "epoch");
            lines.push(format!(
                "nothing to do: the run is at its end, after {epochs} (--epochs N adds some)"
            ));
        } else if plan.step > 0 {
            let (epoch, batch) = (position.epoch + 1, position.batch);
            lines.push(format!("resumed after step {}: epoch {epoch}, batch {batch}", plan.step));
        }
        lines.iter().for_each(|line| self.terminal.log(line));
        if let Some(reach) = plan.reach.filter(Reach::too_short) {
            self.terminal.warn(&too_short(&reach, plan.steps));
        }
        plan.data_notes.iter().for_each(|line| self.terminal.warn(line));
        self.omissions(&plan.omissions);
    }

    /// Says it where a run has been of no use.
    fn verdict(&self, verdict: Verdict) {
        let Verdict { start, best } = verdict;
        let found = match verdict.improved() {
            true => format!("{:.2} % at best", best.pck),
            false => "and no epoch did better".to_owned(),
        };
        self.terminal.log(&format!("validation PCK {:.2} % before training, {found}", start.pck));
        let folder = self.folder.shown();
        if !verdict.useful() {
            self.terminal.warn(&format!(
                "the run has learned nothing of use: to take the same position in both photos gives {:.2} %. \
                 Train longer (--steps), at a higher --learning-rate, or from trained weights (--init lite)",
                start.same_position
            ));
        } else if !verdict.improved() {
            let kept = match best.epoch {
                None => format!("`{folder}/best.safetensors` holds them"),
                // Of a run that a version began which kept epochs alone.
                Some(_) => "keep those".to_owned(),
            };
            self.terminal.warn(&format!(
                "no epoch did better than the weights that the run began with: {kept}; try more photos, more \
                 steps (--steps), or another --learning-rate"
            ));
        }
    }

    /// Names and counts the photos that the run goes without.
    fn omissions(&self, omissions: &Omissions) {
        let Omissions { photos, training, validation } = omissions;
        if photos.is_empty() {
            return;
        }
        let count = photos.len();
        let photo = if count == 1 { "photo that" } else { "photos that" };
        let named = photos
            .iter()
            .take(SHOWN_PHOTOS)
            .map(|LeftOut { photo, reason }| format!("\n  `{}`: {reason}", photo.shown()));
        let more = match count.saturating_sub(SHOWN_PHOTOS) {
            0 => String::new(),
            more => {
                let list = self.folder.join(LEFT_OUT);
                format!("\n  and {more} more; `{}` names all", list.shown())
            }
        };
        self.terminal.warn(&format!(
            "left out {count} {photo} cannot be decoded, and with them {training} training and {validation} \
             validation pairs:{}{more}",
            named.collect::<String>()
        ));
    }

    fn start(&mut self, work: &'static str, length: usize, template: &str) -> &Progress {
        // One is over before the next begins.
        self.progress = None;
        self.progress.insert(self.terminal.progress((work, "pairs"), length, template))
    }

    fn step(&self, report: &StepReport) {
        let Some(progress) = &self.progress else { return };
        progress.set_position(report.done as u64);
        let StepReport { losses, pairs_per_second, .. } = report;
        let (minimised, watched): (Vec<&Mean>, Vec<&Mean>) =
            losses.means.iter().partition(|mean| mean.weight != 0.0);
        let term = |mean: &&Mean| match mean.weight {
            0.0 | 1.0 => format!("{} {}", mean.name, short(mean.value)),
            weight => format!("{} x {} {}", short(weight), mean.name, short(mean.value)),
        };
        let sum = minimised.iter().map(term).collect::<Vec<_>>().join(" + ");
        let others: String = watched.iter().map(term).map(|term| format!(", {term}")).collect();
        let loss = short(losses.total());
        progress.set_message(format!("loss {loss} = {sum}{others}  {pairs_per_second:.1} pairs/s"));
    }

    fn epoch_done(&mut self, report: &EpochReport) {
        self.progress = None;
        let means: Vec<String> =
            report.means.iter().map(|(name, mean)| format!("{name} {mean:.4}")).collect();
        self.terminal.log(&format!(
            "epoch {}/{}: loss {:.4} ({}), validation PCK {:.2} %{}",
            report.epoch + 1,
            self.epochs,
            report.mean_loss,
            means.join(", "),
            report.validation_pck,
            if report.best { ", the best so far" } else { "" }
        ));
    }
}

/// A loss in few digits.
fn short(value: f64) -> String {
    if value.abs() < 0.1 { format!("{value:.5}") } else { format!("{value:.3}") }
}

/// What is to be said of a run that cannot learn.
fn too_short(reach: &Reach, steps: u64) -> String {
    let Reach { rates, size, random } = reach;
    let (kind, or) = match random {
        true => ("random", ", or weights to begin with (--init lite)"),
        false => ("trained", ""),
    };
    format!(
        "this run can hardly learn: the learning rates of its {} sum up to {rates:.1e}, and \
         its {kind} weights are of size {size:.1e}; it takes more steps (--steps), a higher --learning-rate{or}",
        counted(steps, "step"),
    )
}

fn parameters(group: Group, values: Parameters) -> String {
    let name = if group == Group::HEAD { "matcher" } else { group.0 };
    let millions = values.count as f64 / 1e6;
    match values.learning_rate {
        0.0 => format!("{name}: {millions:.2} M values, frozen"),
        rate => format!("{name}: {millions:.2} M values, learning rate {rate:e}"),
    }
}
