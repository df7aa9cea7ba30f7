//! The constants of consensus.

use std::fmt::Display;
use std::ops::RangeInclusive;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::defaults::is_default;
use crate::model::features::FeatureShape;
use crate::model::matcher::consensus::calibration::Calibration;
use crate::model::part::Tagged;
use crate::model::quality::Quality;

/// Most rounds. Matches settle within ten.
const MOST_ROUNDS: u32 = 50;

/// Most steps that the rounds may take for a pair: some seconds on one core, sixty times those of `lite`.
const MOST_STEPS: f64 = 5e9;

/// The matcher's constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConsensusConfig {
    /// What cosines are divided by.
    pub temperature: f64,
    /// Rounds of agreement, at least one.
    pub iterations: u32,
    /// Square of the radius, in cells, within which neighbours are asked.
    pub radius_squared: i64,
    /// Deviation, in cells, of the weight that neighbours have by their distance.
    pub sigma: f64,
    /// Power of the neighbours' agreement.
    pub agreement: f64,
    /// Power of a match's own similarity, beside that of its neighbours.
    pub prior: f64,
    /// Deviation, in cells, of the window around the best match over which positions are averaged.
    pub window: f64,
    /// How much is done beyond one pass.
    #[serde(skip_serializing_if = "is_default")]
    pub quality: Quality,
    /// How a mirrored photo guides, from `standard` on.
    #[serde(skip_serializing_if = "is_default")]
    pub mirror: MirrorConfig,
    /// How the closer look is taken, in `fine`.
    #[serde(skip_serializing_if = "is_default")]
    pub closer: CloserConfig,
    /// How likely matches are right; fitted to the features that the matcher is used with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

/// When and how the matches of a mirrored photo guide those of the photo as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MirrorConfig {
    /// Deviation, in cells, around the mirrored match.
    pub sigma: f64,
    /// Square of the radius, in cells, within which neighbours are asked.
    pub radius_squared: i64,
    /// What the most changed tenth of both photos' features must exceed: of animals it does, of objects it does not.
    pub foreground: f64,
}

/// How the part of both photos that corresponds is chosen and looked at once more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CloserConfig {
    /// Deviation, in cells of the closer look, around the first look's match.
    pub sigma: f64,
    /// Rounds of agreement.
    pub iterations: u32,
    /// Square of the radius, in cells, within which neighbours are asked.
    pub radius_squared: i64,
    /// What is added to either side of the part, as a share of its width and height.
    pub margin: f64,
    /// The least share of a photo's width and height that the part has.
    pub least: f64,
    /// How much larger the part of at least one photo must be seen for a closer look to be taken at all.
    pub zoom: f64,
}

impl Default for ConsensusConfig {
    fn default() -> Self {
        Self {
            temperature: 0.03,
            iterations: 5,
            radius_squared: 10,
            sigma: 2.0,
            agreement: 2.0,
            prior: 0.5,
            window: 2.5,
            quality: Quality::default(),
            mirror: MirrorConfig::default(),
            closer: CloserConfig::default(),
            calibration: None,
        }
    }
}

impl Default for MirrorConfig {
    fn default() -> Self {
        Self { sigma: 3.0, radius_squared: 10, foreground: 0.08 }
    }
}

impl Default for CloserConfig {
    fn default() -> Self {
        Self { sigma: 2.5, iterations: 3, radius_squared: 10, margin: 0.1, least: 0.35, zoom: 1.4 }
    }
}

impl Tagged for ConsensusConfig {
    const KIND: &'static str = "consensus";
}

impl ConsensusConfig {
    /// Whether the constants make sense, whatever the features are.
    ///
    /// # Errors
    /// When one does not, by its name.
    pub(crate) fn check_constants(&self) -> Result<()> {
        let Self { mirror, closer, .. } = self;
        let positive = [
            ("temperature", self.temperature),
            ("sigma", self.sigma),
            ("agreement", self.agreement),
            ("prior", self.prior),
            ("window", self.window),
            ("mirror.sigma", mirror.sigma),
            ("closer.sigma", closer.sigma),
            ("closer.zoom", closer.zoom),
        ];
        for (name, value) in positive {
            ensure!(
                value.is_finite() && value > 0.0,
                "consensus: `{name}` must be above 0, not {value}"
            );
        }
        for (name, value) in
            [("iterations", self.iterations), ("closer.iterations", closer.iterations)]
        {
            ensure_within(name, value, 1..=MOST_ROUNDS)?;
        }
        let radii = [
            ("radius_squared", self.radius_squared),
            ("mirror.radius_squared", mirror.radius_squared),
            ("closer.radius_squared", closer.radius_squared),
        ];
        for (name, value) in radii {
            ensure_within(name, value, 0..=1000)?;
        }
        let shares = [
            ("mirror.foreground", mirror.foreground),
            ("closer.margin", closer.margin),
            ("closer.least", closer.least),
        ];
        for (name, value) in shares {
            ensure_within(name, value, 0.0..=1.0)?;
        }
        self.calibration.as_ref().map_or(Ok(()), Calibration::check)
    }

    /// Whether all rounds can be done over grids of this form in reasonable time.
    ///
    /// # Errors
    /// When they cannot.
    pub(crate) fn check_steps(&self, shape: &FeatureShape) -> Result<()> {
        for (rounds, radius_squared) in self.passes() {
            let steps = steps(rounds, radius_squared, shape);
            ensure!(
                steps <= MOST_STEPS,
                "consensus: {rounds} rounds over {0} x {0} cells, with neighbours up to {1:.1} cells away, take {2:.1} \
                 billion steps a pair, beyond the limit of {3}",
                shape.side(),
                (radius_squared as f64).sqrt(),
                steps / 1e9,
                MOST_STEPS / 1e9
            );
        }
        Ok(())
    }

    /// Rounds and squared radius of each of the passes that a pair may take.
    pub(crate) fn passes(&self) -> Vec<(u32, i64)> {
        let Self { iterations, radius_squared, mirror, closer, .. } = self;
        let mut passes = vec![(*iterations, *radius_squared)];
        if self.is_guided() {
            passes.push((*iterations, *radius_squared));
            passes.push((*iterations, mirror.radius_squared));
        }
        if self.looks_closer() {
            passes.push((closer.iterations, closer.radius_squared));
        }
        passes
    }

    /// Whether a mirrored photo may guide.
    pub(crate) fn is_guided(&self) -> bool {
        self.quality >= Quality::Standard
    }

    /// Whether both photos are looked at once more.
    pub(crate) fn looks_closer(&self) -> bool {
        self.quality >= Quality::Fine
    }
}

/// Steps of some rounds for a pair: neighbours' sums, row by row and column by column, and what else passes over each
/// pair of cells.
fn steps(rounds: u32, radius_squared: i64, shape: &FeatureShape) -> f64 {
    let cells = (shape.side() * shape.side()) as f64;
    let per_round = 8.0 * radius_squared.isqrt() as f64 + 16.0;
    f64::from(rounds) * per_round * cells * cells
}

/// Ensures that the constant of a name lies in a range.
fn ensure_within<T: PartialOrd + Display>(
    name: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<()> {
    let (least, most) = (range.start(), range.end());
    ensure!(
        range.contains(&value),
        "consensus: `{name}` must lie in {least} to {most}, not {value}"
    );
    Ok(())
}
