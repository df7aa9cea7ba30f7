//! How learning rates change over a run.

use serde::{Deserialize, Serialize};

use crate::train::rules::{Rule, not_negative};

/// How the learning rate falls from epoch to epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decay {
    /// Multiplied by a factor at each milestone.
    #[default]
    Step,
    /// Half a cosine from the base rate to the floor over the whole run.
    Cosine,
    /// Not at all.
    Constant,
}

/// How the learning rate changes; the defaults are the paper's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ScheduleConfig {
    /// `step`, `cosine` or `constant`.
    pub decay: Decay,
    /// For `step`: the epochs, counted from 0, whose beginning lowers the rate.
    pub milestones: Vec<u64>,
    /// For `step`: what the rate is multiplied by at each milestone.
    pub factor: f64,
    /// For `cosine`: the rate at the end.
    pub floor: f64,
    /// Optimizer steps over which the rate rises linearly at the beginning of the run; 0 for none.
    pub warmup_steps: u64,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self {
            decay: Decay::Step,
            milestones: vec![100, 150, 250],
            factor: 0.5,
            floor: 1e-6,
            warmup_steps: 0,
        }
    }
}

/// A place in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Epochs before this one.
    pub epoch: u64,
    /// Epochs of the whole run.
    pub epochs: u64,
    /// Optimizer steps before this one, since the beginning of the run.
    pub step: u64,
}

impl ScheduleConfig {
    /// What the settings must keep to.
    pub(crate) fn rules(&self) -> [Rule; 2] {
        [
            (not_negative(self.factor), "schedule.factor must not be negative or infinite"),
            (not_negative(self.floor), "schedule.floor must not be negative or infinite"),
        ]
    }

    /// The learning rate of a group whose base rate is `base`.
    ///
    /// Parity: the decay changes at epochs, as the reference's schedulers do, not within them.
    pub(crate) fn learning_rate(&self, base: f64, now: Progress) -> f64 {
        let decayed = match self.decay {
            Decay::Step => {
                let passed = self.milestones.iter().filter(|&&epoch| epoch <= now.epoch).count();
                base * self.factor.powi(passed as i32)
            }
            Decay::Cosine => {
                let angle = std::f64::consts::PI * now.epoch as f64 / now.epochs.max(1) as f64;
                self.floor + (base - self.floor) * (1.0 + angle.cos()) / 2.0
            }
            Decay::Constant => base,
        };
        let warm = (now.step + 1) as f64 / self.warmup_steps.max(1) as f64;
        decayed * warm.min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(schedule: &ScheduleConfig, epoch: u64, step: u64) -> f64 {
        schedule.learning_rate(4e-5, Progress { epoch, epochs: 10, step })
    }

    #[test]
    fn step_decay_halves_at_each_milestone() {
        let schedule = ScheduleConfig::default();
        let rates = [0, 99, 100, 149, 150, 250, 900].map(|epoch| rate(&schedule, epoch, 0));
        assert_eq!(rates, [4e-5, 4e-5, 2e-5, 2e-5, 1e-5, 5e-6, 5e-6]);
    }

    #[test]
    fn cosine_decay_falls_from_the_base_rate_to_the_floor() {
        let schedule = ScheduleConfig { decay: Decay::Cosine, ..ScheduleConfig::default() };
        assert_eq!(rate(&schedule, 0, 0), 4e-5);
        assert!((rate(&schedule, 5, 0) - (4e-5 + 1e-6) / 2.0).abs() < 1e-18);
        assert!((rate(&schedule, 10, 0) - 1e-6).abs() < 1e-18);
        // torch 2.13: CosineAnnealingLR(T_max=10, eta_min=1e-6) with base 4e-5, epoch 3.
        assert!((rate(&schedule, 3, 0) - 3.196181241970323e-05).abs() < 1e-18);
    }

    #[test]
    fn warm_up_rises_linearly_to_the_full_rate() {
        let decay = Decay::Constant;
        let schedule = ScheduleConfig { decay, warmup_steps: 4, ..ScheduleConfig::default() };
        let rates = [0, 1, 2, 3, 4, 100].map(|step| rate(&schedule, 0, step));
        for (rate, wanted) in rates.into_iter().zip([1e-5, 2e-5, 3e-5, 4e-5, 4e-5, 4e-5]) {
            assert!((rate - wanted).abs() < 1e-18);
        }
    }
}
