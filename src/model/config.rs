//! What a model is made of, as it travels in a weight file's metadata.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::defaults::is_default;
use crate::model::backbone::BackboneConfig;
use crate::model::backbone::twins::TwinsConfig;
use crate::model::cost::StageCost;
use crate::model::features::{FeatureShape, LevelShape, deepest};
use crate::model::head::HeadConfig;
use crate::model::input::{ImageShape, InputRule};
use crate::model::matcher::{LARGEST_GRID, MatcherConfig};
use crate::model::part::{Chosen, Family};
use crate::model::quality::Quality;

/// Largest side of the square that photos are brought to, in pixels.
const LARGEST_INPUT: usize = 2048;

/// A complete description of a model: with it and the parameters, nothing else is needed to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(bound(
    deserialize = "dyn BackboneConfig: Family, dyn HeadConfig: Family, dyn MatcherConfig: Family"
))]
pub(crate) struct ModelConfig {
    /// Side of the square that photos are brought to before they reach the network, in pixels.
    pub input_size: usize,
    /// How they are brought to it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub input: InputRule,
    /// Describes each photo by features.
    pub backbone: Chosen<dyn BackboneConfig>,
    /// Changes the features before they are matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Chosen<dyn HeadConfig>>,
    /// Turns the features of two photos into a flow.
    pub matcher: Chosen<dyn MatcherConfig>,
}

impl ModelConfig {
    /// The levels of features that the matcher reads, as the backbone gives them.
    ///
    /// # Errors
    /// When the backbone does not offer what the matcher needs.
    pub(crate) fn backbone_levels(&self) -> Result<Vec<LevelShape>> {
        let levels = self.matcher.wanted(&self.backbone.levels())?;
        ensure!(!levels.is_empty(), "the matcher reads no features");
        Ok(levels)
    }

    /// The same as the matcher finds them, behind the head.
    ///
    /// # Errors
    /// As [`ModelConfig::backbone_levels`].
    pub(crate) fn levels(&self) -> Result<Vec<LevelShape>> {
        let mut levels = self.backbone_levels()?;
        let Some(head) = &self.head else { return Ok(levels) };
        if let Some(LevelShape { name, shape }) = levels.pop() {
            levels.extend(head.added(&shape));
            levels.push(LevelShape { name, shape: head.shape(&shape) });
        }
        Ok(levels)
    }

    /// Whether a model can be built from this, and run on a common computer; a weight file's configuration may
    /// say anything. Nothing is allocated.
    ///
    /// # Errors
    /// When a size or constant makes no sense or is beyond this program's limits.
    pub(crate) fn check(&self) -> Result<()> {
        ensure!(
            (16..=LARGEST_INPUT).contains(&self.input_size),
            "the input size must lie in 16 to {LARGEST_INPUT} pixels, not {}",
            self.input_size
        );
        self.backbone.check()?;
        let before = self.backbone_levels()?;
        // Behind a head there may be more, and some matchers take more.
        let largest = match &self.head {
            Some(_) => LARGEST_GRID,
            None => LARGEST_GRID.max(self.matcher.largest_grid()),
        };
        for FeatureShape { rows, columns, .. } in before.iter().map(|level| level.shape) {
            ensure!(
                [rows, columns].iter().all(|side| (1..=largest).contains(side)),
                "the features have {rows} x {columns} cells, beyond the limit of {largest} x {largest}: an image side \
                 or a patch side is not plausible, or --input-size is too large"
            );
        }
        if let (Some(head), Some(last)) = (&self.head, before.last()) {
            head.check(&last.shape)?;
        }
        let levels = self.levels()?;
        let largest = self.matcher.largest_grid();
        for FeatureShape { rows, columns, .. } in levels.iter().map(|level| level.shape) {
            ensure!(
                rows.max(columns) <= largest,
                "{} takes features of at most {largest} x {largest} cells, not {rows} x {columns}",
                self.matcher.kind()
            );
        }
        let shapes = [self.input.shape(), self.backbone.image_shape()];
        ensure!(
            shapes[0] == shapes[1] || shapes[1] == ImageShape::Own,
            "photos are brought to a frame that is {}, and the backbone takes one that is {}",
            shapes[0].name(),
            shapes[1].name()
        );
        ensure!(
            shapes[0] == ImageShape::Square
                || self.matcher.takes_any_shape() && self.head.is_none(),
            "{} takes photos in squares alone",
            self.matcher.kind()
        );
        self.matcher.check(&levels)
    }

    /// The same for photos brought to `side` pixels a side, if any is given.
    ///
    /// # Errors
    /// When the backbone or the matcher is for one size alone.
    pub(crate) fn with_input_size(&self, side: Option<usize>) -> Result<Self> {
        let Some(side) = side else { return Ok(self.clone()) };
        let resized = || -> Result<Self> {
            let backbone = self.backbone.with_image(i64::try_from(side)?)?;
            let config = Self { input_size: side, backbone, ..self.clone() };
            config.check()?;
            Ok(config)
        };
        resized().with_context(|| format!("bringing photos to {side} pixels a side"))
    }

    /// The same with more or less work for each pair, if any is asked for.
    ///
    /// # Errors
    /// When its matcher has but one quality, or not this one.
    pub(crate) fn with_quality(&self, quality: Option<Quality>) -> Result<Self> {
        let Some(quality) = quality else { return Ok(self.clone()) };
        let config = Self { matcher: self.matcher.with_quality(quality)?, ..self.clone() };
        config.check()?;
        Ok(config)
    }

    /// The same on the backbone of another model, which is brought to photos of such a size that the grid of its
    /// features keeps its side; widths follow, and levels where the matcher can tell which. Where each role has a
    /// network of its own, both become that backbone, for photos of the usual size.
    ///
    /// # Errors
    /// When head or matcher cannot work on the features of that backbone.
    pub(crate) fn on_backbone_of(&self, other: &Self) -> Result<Self> {
        let matcher = self.matcher.on_levels(&other.backbone.levels());
        let matcher = matcher.unwrap_or_else(|| self.matcher.clone());
        if self.backbone.tells_roles() {
            let each = other.backbone.with_image(self.backbone.image())?;
            let backbone = Chosen::of(Arc::new(TwinsConfig { each }) as Arc<_>);
            let config = Self { backbone, matcher, ..self.clone() };
            config.check().context("its features do not suit the model")?;
            return Ok(config);
        }
        let [own, theirs] = [self, other].map(Self::backbone_grid);
        let (grid, usual) = (own?, other.backbone.image());
        let image = grid * (usual / theirs?.max(1));
        // The paper brings photos to twice the side that its backbone then resizes them to.
        let input_size =
            other.input_size * usize::try_from(image)? / usize::try_from(usual)?.max(1);
        let backbone = other.backbone.with_image(image)?;
        let config = Self { input_size, backbone, matcher, ..self.clone() };
        config.check().context("its features do not suit the model")?;
        Ok(config)
    }

    /// Rows and columns of the backbone's deepest features.
    fn backbone_grid(&self) -> Result<i64> {
        Ok(deepest(&self.backbone_levels()?).side())
    }

    /// In a line what the model is made of and how it takes photos, for users.
    pub(crate) fn describe(&self) -> String {
        let head = self.head.as_ref().map(|head| format!("{}, ", head.kind())).unwrap_or_default();
        format!(
            "{}, {head}{}; photos {}, {}",
            self.backbone.describe(),
            self.matcher.kind(),
            self.input.shape().describe(self.input_size),
            self.input.name()
        )
    }

    /// Whether something but the backbone has learned what it holds.
    pub(crate) fn is_learned(&self) -> bool {
        self.matcher.objective().is_some() && (self.head.is_some() || self.matcher.has_parameters())
    }

    /// Operations per pair of photos, part by part in the order of the forward pass; both photos pass the
    /// backbone, once for each look.
    ///
    /// # Errors
    /// As [`ModelConfig::backbone_levels`].
    pub(crate) fn work(&self) -> Result<Vec<StageCost>> {
        let both = 2 * self.matcher.looks();
        let work = self.backbone.work().at_once(both);
        let mut stages = vec![StageCost { name: "backbone", work }];
        if let (Some(head), Some(last)) = (&self.head, self.backbone_levels()?.last()) {
            stages
                .push(StageCost { name: head.kind(), work: head.work(&last.shape).at_once(both) });
        }
        stages.extend(self.matcher.work(&self.levels()?));
        Ok(stages)
    }

    /// Whether published files hold a tensor of this name, though the network never reads it.
    pub(crate) fn is_unused(&self, name: &str) -> bool {
        match name.strip_prefix(BACKBONE) {
            Some(name) => self.backbone.is_unused(name),
            None => self.matcher.is_unused(name),
        }
    }
}

/// Where the backbone's parameters stand in every model.
pub(crate) const BACKBONE: &str = "feature_extraction.backbone.";
