//! Which weights to take, as users say it.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::model::architecture::preset;
use crate::model::config::ModelConfig;
use crate::model::input::InputRule;
use crate::model::quality::Quality;
use crate::model::settings::{Setting, changed};
use crate::model::weights::{StoredWeights, open};
use crate::visible::Shown;

/// Which weights to take, as users say it.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// A name, a file or a folder (see [`crate::model::weights::find::find()`]).
    pub weights: PathBuf,
    /// Of a checkpoint, the dictionary to take.
    pub dictionary: Option<String>,
    /// A head for them, from a file of its own.
    pub head: Option<PathBuf>,
    /// The name of the model to make of them, where not the usual one.
    pub model: Option<String>,
    /// Side of the square that photos are brought to; the weights' usual one if `None`.
    pub input_size: Option<usize>,
    /// How photos are brought to it; as usual if `None`.
    pub input_rule: Option<InputRule>,
    /// How much work it puts into a pair; as usual if `None`.
    pub quality: Option<Quality>,
    /// Other settings of the model than the usual ones.
    pub settings: Vec<Setting>,
}

impl Choice {
    /// Weights as they are.
    pub(crate) fn plain(weights: &Path) -> Self {
        Self {
            weights: weights.to_owned(),
            dictionary: None,
            head: None,
            model: None,
            input_size: None,
            input_rule: None,
            quality: None,
            settings: Vec::new(),
        }
    }

    /// Reads the weights.
    ///
    /// # Errors
    /// When there are none, they cannot be read, or are none of what is asked.
    pub(crate) fn open(&self) -> Result<StoredWeights> {
        let stored = open(&self.weights, self.dictionary.as_deref())?;
        match &self.head {
            Some(head) => stored.with_head(open(head, None)?),
            None => Ok(stored),
        }
    }

    /// The model to make of the weights.
    ///
    /// # Errors
    /// When they belong to none, or to none of that size.
    pub(crate) fn config(&self, stored: &StoredWeights) -> Result<ModelConfig> {
        match &self.model {
            Some(name) => {
                let (model, own) = (preset(name)?, stored.config()?);
                ensure!(
                    model.backbone.kind() == own.backbone.kind(),
                    "`{name}` is made of the weights of {}, and {} are of another network: {}",
                    model.backbone.describe(),
                    stored.place,
                    own.backbone.describe()
                );
                self.adjusted(&model)
            }
            None => self.adjusted(&stored.config()?),
        }
    }

    /// A model with the chosen settings and quality, for photos of the chosen size, brought to it by the chosen rule.
    ///
    /// # Errors
    /// When there is none such.
    pub(crate) fn adjusted(&self, config: &ModelConfig) -> Result<ModelConfig> {
        let config = changed(config, &self.settings)?;
        let config = config.with_input_size(self.input_size)?.with_quality(self.quality)?;
        Ok(ModelConfig { input: self.input_rule.unwrap_or(config.input), ..config })
    }
}

impl Display for Choice {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { weights, dictionary, head, model, .. } = self;
        write!(formatter, "{}", weights.shown())?;
        if let Some(name) = dictionary {
            write!(formatter, " ({name})")?;
        }
        if let Some(head) = head {
            write!(formatter, " with {}", head.shown())?;
        }
        if let Some(model) = model {
            write!(formatter, " as {model}")?;
        }
        Ok(())
    }
}
