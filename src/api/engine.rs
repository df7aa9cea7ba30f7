//! From two photos to what corresponds between them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use crate::api::error::{Classify, Error};
use crate::data::photo::orientation::Exif;
use crate::flow::Flow;
use crate::geometry::{Point, Size, Turn};
use crate::inference;
use crate::inference::precision::Precision;
use crate::inference::{EngineOptions, Kernels, prepare_device};
use crate::model::weights::choice::Choice;
use crate::predict::correspondence::{self, Needs, Resolution};
use crate::predict::pair::{Seen, correspond};
use crate::predict::photo::Photo;

/// Features kept of photos that come up again, in bytes.
const CACHE_BYTES: usize = 256 << 20;

/// Which weights to run, where and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// A name (`lite`, `zero-shot`) or a file.
    pub weights: PathBuf,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// `float32`, `tf32`, `bfloat16` or `float16`.
    pub precision: String,
}

impl Default for Options {
    /// The small model of this project, where it runs best.
    fn default() -> Self {
        Self { weights: "lite".into(), device: "auto".into(), precision: "float32".into() }
    }
}

/// A model ready to match photos.
#[derive(Debug)]
pub struct Engine(pub(super) inference::Engine);

impl Engine {
    /// Finds, reads and checks the weights, and places the model on its device.
    ///
    /// # Errors
    /// [`Error::Device`] or [`Error::Weights`].
    pub fn load(options: &Options) -> Result<Self, Error> {
        let Options { weights, device, precision } = options;
        let precision = Precision::from_str(precision, true)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("choosing the precision `{precision}`"))
            .classed(Error::Device)?;
        prepare_device(device, precision, Kernels::default()).classed(Error::Device)?;
        let engine = inference::Engine::load(&EngineOptions {
            weights: Choice::plain(weights),
            device: device.clone(),
            precision,
            kernels: Kernels::default(),
            cache_bytes: CACHE_BYTES,
            cuda_graph: false,
            side_by_side: false,
        });
        engine.map(Self).classed(Error::Weights)
    }

    /// Finds what corresponds between two photo files, both ways. Features of a photo are kept for the next
    /// pair.
    ///
    /// # Errors
    /// [`Error::Photo`] or [`Error::Network`].
    pub fn correspond(&mut self, source: &Path, target: &Path) -> Result<Correspondence, Error> {
        let input = self.0.input();
        let read =
            |path: &Path| Photo::read(path, Exif::Apply, input, false, &[]).classed(Error::Photo);
        let (source, target) = (read(source)?, read(target)?);
        let seen = Seen { source: &source, target: &target, turn: Turn::NONE };
        let mut pairs =
            correspond(&mut self.0, &[seen], Needs::Confidence).classed(Error::Network)?;
        Ok(Correspondence(pairs.remove(0)))
    }
}

/// What corresponds between two photos, in their own pixels (as viewers show them, EXIF orientation applied).
#[derive(Clone, Debug)]
pub struct Correspondence(correspondence::Correspondence);

impl Correspondence {
    /// The source photo's size.
    pub fn source_size(&self) -> Size {
        self.0.source
    }

    /// The target photo's size.
    pub fn target_size(&self) -> Size {
        self.0.target
    }

    /// Where a position of the source photo lies in the target photo.
    pub fn transfer(&self, position: Point) -> Point {
        self.0.transfer(position)
    }

    /// How far that can be trusted, 0 to 1: how likely it is right, of calibrated weights; of others, whether
    /// the way there and back ends where it began.
    pub fn confidence(&self, position: Point) -> f64 {
        self.0.confidence(position)
    }

    /// The flow at every pixel of the source photo, in target pixels.
    pub fn flow(&self) -> Flow {
        self.0.flow(Resolution::Original)
    }
}
