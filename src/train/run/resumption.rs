//! A run that goes on: what it was trained with until now, and what would be different from now on.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::nn::parameters::Group;
use crate::processes::communicator::Communicator;
use crate::train::config::TrainConfig;
use crate::train::folder::checkpoint::{Checkpoint, load_last};
use crate::train::folder::state::RunState;
use crate::train::folder::{lock, read_left_out};
use crate::train::optim::schedule::Progress;
use crate::train::samples::dataset::Parts;
use crate::visible::Shown;

/// Settings that change neither the weights nor what is said of them.
const FREE: [&str; 4] = ["log_every", "checkpoint_every", "prefetch", "checkpoint_activations"];

/// Settings that make the learning rates, which are compared by what they make of the steps that are done.
const SCHEDULE: [&str; 2] = ["epochs", "schedule."];

/// The recorded fingerprint of what is trained on.
const CONTENT: &str = "data.content";

/// A run that can go on, as soon as who resumes it agrees to the changes.
#[derive(Debug)]
pub(crate) struct Resumption {
    pub(super) folder: PathBuf,
    pub(super) config: TrainConfig,
    pub(super) checkpoint: Checkpoint,
    pub(super) parts: Parts,
    /// What is different from now on.
    pub changes: Changes,
    /// On the folder.
    pub(super) lock: Option<File>,
}

/// What is different from now on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Changes {
    /// Each setting that is, in words, and where learning rates change what they were and will be.
    pub lines: Vec<String>,
    /// Whether the steps that are done would have been others: the configuration of the run would no longer
    /// say how its weights came about.
    pub contradict_past: bool,
}

impl Resumption {
    /// Reads the newest checkpoint of the run in `folder`, whose configuration is `own`, to go on with `config`. Of
    /// several processes all do, and the first sees to the folder.
    ///
    /// # Errors
    /// When there is nothing to resume, the data cannot be used, or the run has done more epochs than `config`
    /// has.
    pub(crate) fn open(
        folder: &Path,
        own: &TrainConfig,
        config: TrainConfig,
        communicator: &dyn Communicator,
    ) -> Result<Self> {
        config.check()?;
        let first = communicator.rank() == 0;
        let lock = if first { lock(folder)? } else { None };
        let checkpoint = load_last(folder, first)?;
        let parts = config.data.open(config.seed, &read_left_out(folder)?)?;
        let context = || format!("resuming the run in `{}`", folder.shown());
        let now = recorded(&config, &parts)?;
        let before = match &checkpoint.settings {
            Some(settings) => settings.clone(),
            None => recorded(own, &parts)?,
        };
        let changes = Changes::between(&before, &now, &checkpoint.state).with_context(context)?;
        Ok(Self { folder: folder.to_owned(), config, checkpoint, parts, changes, lock })
    }
}

/// What a checkpoint records of the settings: all that the weights depend on. Where the data lie is not among
/// them, but what they are.
pub(super) fn recorded(config: &TrainConfig, parts: &Parts) -> Result<Value> {
    let mut config = config.clone();
    (config.model.init, config.model.backbone) = (None, None);
    let data = std::mem::take(&mut config.data);
    let mut settings = serde_json::to_value(&config).context("describing the settings")?;
    settings["data"] = serde_json::json!({
        "dataset": data.dataset,
        "exif": data.exif,
        "repeat": data.repeat,
        "validation_pairs": data.validation_pairs,
        "validated": parts.validation.len(),
        "content": parts.fingerprint(&data),
    });
    Ok(settings)
}

impl Changes {
    /// What becomes of a run that stands where `state` says, was trained with `before`, and goes on with `now`.
    fn between(before: &Value, now: &Value, state: &RunState) -> Result<Self> {
        let [older, newer] = [before, now].map(Settings::read);
        let (older, newer) = (older?, newer?);
        let begun = state.position.epoch + u64::from(state.position.batch > 0);
        ensure!(
            newer.config.epochs >= begun,
            "{begun} epochs are done or begun, and what is trained cannot be taken back to {}: leave --epochs \
             out to go on as before, or begin another run (--output)",
            newer.config.epochs
        );
        let settings = differences(before, now, "");
        let past = state.step > 0;
        let is_schedule = |name: &str| SCHEDULE.iter().any(|prefix| name.starts_with(prefix));
        let is_free = |name: &str| FREE.contains(&name);
        let rates = older.rates_changed(&newer, state);
        let mut lines: Vec<String> = settings
            .iter()
            .map(|(name, before, now)| match name.as_str() {
                CONTENT => "data: other photos, pairs or annotations than until now".to_owned(),
                name => format!("{name}: {before} until now, {now} from now on"),
            })
            .collect();
        lines.extend(settings.iter().any(|(name, ..)| is_schedule(name)).then(|| {
            let [last, next] = [&older, &newer].map(|settings| settings.rate_at(state));
            match last == next {
                true => format!("learning rate: {next:.3e} at the next step, as it would have been"),
                false => format!(
                    "learning rate: {last:.3e} had it gone on as before, {next:.3e} at the next step"
                ),
            }
        }));
        let others = settings.iter().any(|(name, ..)| !is_schedule(name) && !is_free(name));
        Ok(Self { lines, contradict_past: past && (others || rates) })
    }
}

/// Settings, as far as they make learning rates.
struct Settings {
    config: TrainConfig,
}

impl Settings {
    fn read(settings: &Value) -> Result<Self> {
        let mut settings = settings.clone();
        // What is recorded of data is not what a configuration says of them.
        settings.as_object_mut().context("they are no table")?.remove("data");
        let config = serde_json::from_value(settings);
        Ok(Self {
            config: config.context("what its checkpoint records of the settings is damaged")?,
        })
    }

    fn rate(&self, epoch: u64, step: u64) -> f64 {
        let now = Progress { epoch, epochs: self.config.epochs, step };
        self.config.schedule.learning_rate(self.config.base_rate(Group::HEAD), now)
    }

    /// The rate of the next step.
    fn rate_at(&self, state: &RunState) -> f64 {
        self.rate(state.position.epoch, state.step)
    }

    /// Whether a step that is done would have had another rate.
    fn rates_changed(&self, newer: &Self, state: &RunState) -> bool {
        let epochs = 0..state.position.epoch + u64::from(state.position.batch > 0);
        // Warming up shows in the first step, or in the last.
        let steps = [0, state.step.saturating_sub(1)];
        epochs
            .flat_map(|epoch| steps.map(|step| (epoch, step)))
            .any(|(epoch, step)| self.rate(epoch, step) != newer.rate(epoch, step))
    }
}

/// The values that both tables have and that differ: full name, before, now.
fn differences(before: &Value, now: &Value, prefix: &str) -> Vec<(String, Value, Value)> {
    let (Some(older), Some(newer)) = (before.as_object(), now.as_object()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, before) in older {
        let Some(now) = newer.get(key).filter(|now| *now != before) else { continue };
        let name = format!("{prefix}{key}");
        if before.is_object() && now.is_object() {
            found.extend(differences(before, now, &format!("{name}.")));
        } else {
            found.push((name, before.clone(), now.clone()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::optim::schedule::{Decay, ScheduleConfig};
    use crate::train::samples::sampler::Position;

    fn changes(
        change: impl Fn(&mut TrainConfig),
        schedule: ScheduleConfig,
        batch: u64,
    ) -> Result<Changes> {
        let before = TrainConfig { schedule, ..TrainConfig::default() };
        let mut now = before.clone();
        change(&mut now);
        let value = |config: &TrainConfig| {
            let mut value = serde_json::to_value(config).unwrap();
            value["data"] = serde_json::json!({"content": config.data.validation_pairs});
            value
        };
        let position = Position { epoch: 4, batch };
        let state = RunState { step: 40 + batch, position, ..RunState::default() };
        Changes::between(&value(&before), &value(&now), &state)
    }

    fn cosine() -> ScheduleConfig {
        ScheduleConfig { decay: Decay::Cosine, ..ScheduleConfig::default() }
    }

    #[test]
    fn more_epochs_change_the_past_of_a_cosine_and_of_no_step_decay() {
        let more = |config: &mut TrainConfig| config.epochs = 20;
        let found = changes(more, cosine(), 0).unwrap();
        assert!(found.contradict_past);
        assert_eq!(found.lines[0], "epochs: 10 until now, 20 from now on");
        assert!(
            found.lines[1].contains("2.653e-5 had it gone on as before, 3.628e-5"),
            "{found:?}"
        );
        let found = changes(more, ScheduleConfig::default(), 0).unwrap();
        assert!(!found.contradict_past && found.lines[1].contains("4.000e-5"), "{found:?}");
    }

    #[test]
    fn a_milestone_to_come_may_be_moved_and_one_that_is_passed_may_not() {
        let steps =
            |milestone| ScheduleConfig { milestones: vec![milestone], ..Default::default() };
        let moved = |from, to| {
            changes(|config: &mut TrainConfig| config.schedule = steps(to), steps(from), 1).unwrap()
        };
        assert!(!moved(7, 9).contradict_past && !moved(7, 5).contradict_past);
        assert!(moved(2, 3).contradict_past && moved(9, 4).contradict_past);
    }

    #[test]
    fn other_settings_and_other_data_change_the_past_and_checkpoints_do_not() {
        let change = |change: &dyn Fn(&mut TrainConfig)| {
            let found = changes(change, ScheduleConfig::default(), 0).unwrap();
            (found.lines.concat(), found.contradict_past)
        };
        let (lines, past) = change(&|config| config.checkpoint_every = 7);
        assert!(
            !past && lines.contains("checkpoint_every: 500 until now, 7 from now on"),
            "{lines}"
        );
        assert!(change(&|config| config.learning_rate = 1e-3).1);
        assert!(change(&|config| config.batch_size = 4).1);
        assert!(change(&|config| config.data.validation_pairs = 4).1);
        assert_eq!(change(&|_| ()), (String::new(), false));
    }

    #[test]
    fn what_is_trained_is_not_taken_back() {
        let fewer = |epochs: u64, batch| {
            changes(|config: &mut TrainConfig| config.epochs = epochs, cosine(), batch)
        };
        let error = fewer(3, 0).unwrap_err().to_string();
        assert!(error.contains("4 epochs are done or begun"), "{error}");
        assert!(fewer(4, 0).is_ok() && fewer(4, 1).is_err());
    }
}
