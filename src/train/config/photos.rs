//! The recipe for plain photos, which are mostly few: it begins with weights that know what to look at.

use crate::data::photo::orientation::Exif;
use crate::train::config::TrainConfig;
use crate::train::objective::distillation::Area;
use crate::train::objective::matching::MatchingSettings;
use crate::train::optim::schedule::{Decay, ScheduleConfig};

/// Weights to begin with.
const INIT: &str = "lite";

/// Steps of a run: some minutes on two cores.
const STEPS: u64 = 100;

/// The layers that see edges, which stay edges, and would take most of the time.
const FROZEN: [&str; 9] = [
    "feature_extraction.backbone.stem.",
    "feature_extraction.backbone.blocks.0.",
    "feature_extraction.backbone.blocks.1.",
    "feature_extraction.backbone.blocks.2.",
    "feature_extraction.backbone.blocks.3.",
    "feature_extraction.backbone.blocks.4.",
    "feature_extraction.backbone.blocks.5.",
    "feature_extraction.backbone.blocks.6.",
    "feature_extraction.backbone.blocks.7.",
];

impl TrainConfig {
    /// The defaults where plain photos are trained on, with the model and the first weights that the user
    /// chose: `lite` trained further, unless they chose others. Whichever they chose, as many steps as take
    /// effect rather than as many epochs as are usual with thousands of pairs.
    pub(crate) fn for_photos(model: Option<&str>, init: Option<&str>) -> Self {
        let mut config = Self { steps: Some(STEPS), ..Self::default() };
        // Upright, as `predict` will see them.
        config.data.exif = Exif::Apply;
        let chosen = [model, init].into_iter().flatten();
        if chosen.clone().all(|name| name == INIT) {
            config.batch_size = 8;
            config.learning_rate = 1e-4;
            config.backbone_learning_rate = 3e-4;
            config.gradient_clip = 5.0;
            config.ema_decay = 0.9;
            config.frozen = FROZEN.map(str::to_owned).to_vec();
            config.schedule =
                ScheduleConfig { decay: Decay::Cosine, warmup_steps: 4, ..config.schedule };
            // Warps teach where parts are, and nothing of what they are: that must not be lost.
            let distillation_area = Area::Everywhere;
            let matching = MatchingSettings { distillation_area, ..MatchingSettings::default() };
            config.objectives = config.objectives.with(matching);
        }
        if chosen.count() == 0 {
            config.model.init = Some(INIT.into());
        }
        config
    }
}
