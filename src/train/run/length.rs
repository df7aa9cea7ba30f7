//! How long a run is to be: steps become epochs.

use crate::train::config::TrainConfig;

/// Epochs that a number of steps is divided into, as far as it fills so many.
const EPOCHS: u64 = 10;

/// Most samples of an epoch that come about by repeating them.
const MOST_SAMPLES: u64 = 1_000_000;

/// Where `config` asks for steps: as many epochs of `samples` samples as come to at least so many, and
/// how often each sample occurs in them.
pub(super) fn settle(config: &mut TrainConfig, samples: usize) {
    let Some(steps) = config.steps.take() else { return };
    let pairs = steps.saturating_mul((config.whole_batch() * config.accumulate) as u64);
    let passes = pairs.div_ceil(samples.max(1) as u64).max(1);
    let most = (MOST_SAMPLES / samples.max(1) as u64).max(1);
    let repeat = passes.div_ceil(EPOCHS).min(most);
    config.epochs = passes.div_ceil(repeat);
    config.data.repeat *= repeat as usize;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_sets_are_repeated_and_large_ones_seen_once() {
        let settled = |steps, samples| {
            let mut config = TrainConfig { steps, batch_size: 8, ..TrainConfig::default() };
            settle(&mut config, samples);
            assert_eq!(config.steps, None);
            (config.epochs, config.data.repeat)
        };
        // 37 passes over 22 samples are the 800 pairs of 100 steps.
        assert_eq!(settled(Some(100), 22), (10, 4));
        assert_eq!(
            settled(Some(33), 22),
            (6, 2),
            "twelve passes, where twenty would be ten epochs"
        );
        assert_eq!(settled(Some(100), 300), (3, 1));
        assert_eq!(settled(Some(100), 5000), (1, 1));
        assert_eq!(settled(Some(1), 1), (8, 1));
        assert_eq!(settled(None, 22), (10, 1), "epochs stay as they are");
        assert_eq!(settled(Some(1_000_000_000), 2), (8000, 500_000), "a million samples an epoch");
    }
}
