//! The earlier report that an evaluation is compared with.

use anyhow::{Context, Result, ensure};

use crate::cli::eval::EvalArguments;
use crate::cli::gate::GateArguments;
use crate::commands::compare::options;
use crate::commands::usage_error;
use crate::eval::column::Column;
use crate::eval::compare::{
    Alphas, CompareOptions, Comparison, Foreseen, compare, ensure_comparable, ensure_same_pairs,
};
use crate::eval::report::Report;
use crate::eval::task::Task;
use crate::failure::{Blame, Fault};

/// A baseline.
pub(super) struct Against<'a> {
    report: Report,
    /// Whether it is of all pairs of the task.
    covers: bool,
    gate: &'a GateArguments,
}

impl<'a> Against<'a> {
    /// The baseline that the flags name, if they do.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(arguments: &'a EvalArguments) -> Result<Option<Self>> {
        let report = arguments.outputs.baseline.as_deref().map(Report::read).transpose();
        let against = |report| Self { report, covers: false, gate: &arguments.gate };
        Ok(report.blame(Fault::Baseline)?.map(against))
    }

    /// Ensures that a comparison with what the task will give finds all that it is to judge: better known now than after
    /// an hour. Stored predictions may be of `some` of the pairs, and the baseline of the same.
    ///
    /// # Errors
    /// When it lacks something, or the flags want what the task does not give.
    pub(super) fn foresee(&mut self, task: &Task, some: bool) -> Result<()> {
        self.check_judged(task)?;
        let same = ensure_same_pairs(&self.report.dataset, &task.dataset());
        self.covers = same.is_ok();
        let headline = &task.headline().key();
        let foreseen = Foreseen { protocols: &task.protocols, headline };
        let comparable = if some { Ok(()) } else { same }
            .and_then(|()| ensure_comparable(&self.report, foreseen, &options(self.gate)));
        comparable.context("comparing with --baseline").otherwise_blame(Fault::Baseline)
    }

    /// Ensures that the alphas that are judged are among those that are scored.
    fn check_judged(&self, task: &Task) -> Result<()> {
        let Alphas::These(these) = self.gate.judged() else { return Ok(()) };
        let columns = Column::all(&task.protocols, &task.alphas);
        let own: Vec<String> = columns.into_iter().map(Column::key).collect();
        let missing = these.iter().find(|alpha| !own.contains(alpha));
        missing.map_or(Ok(()), |alpha| {
            let scored = own.join(", ");
            let message = format!("--alphas {alpha}: scores are at {scored} (see --alpha)");
            Err(usage_error("eval", &message))
        })
    }

    /// The comparison with what was evaluated, judged by its headline.
    ///
    /// # Errors
    /// When the two do not measure the same thing, or one lacks what the other has.
    pub(super) fn compare(&self, now: &Report) -> Result<Comparison> {
        self.ensure_complete(now).context("comparing with --baseline").blame(Fault::Data)?;
        let options = CompareOptions {
            protocol: Some(now.headline.protocol),
            alpha: Some(now.headline.alpha.clone()),
            ..options(self.gate)
        };
        compare(&self.report, now, &options)
    }

    /// Ensures that what was evaluated lacks nothing of a baseline of the whole task.
    fn ensure_complete(&self, now: &Report) -> Result<()> {
        let (before, now) = (&self.report.dataset, &now.dataset);
        ensure!(
            !self.covers || now.fingerprint == before.fingerprint,
            "the baseline has all {} pairs, and of these {} have no prediction and {} were left out",
            before.pairs,
            now.missing,
            now.skipped
        );
        Ok(())
    }
}
