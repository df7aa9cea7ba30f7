//! Timing a model: the whole forward pass, its halves, the loader, and a training step.

mod products;
mod reduction;
pub(crate) mod spread;
mod synchronize;
mod training;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use image::{ImageFormat, Rgb, RgbImage};
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::bench::products::Products;
use crate::bench::synchronize::synchronize;
use crate::data::photo::decode_benchmark;
use crate::flow::Wanted;
use crate::geometry::Size;
use crate::inference::Engine;
use crate::inference::frame::FrameKey;
use crate::model::config::ModelConfig;
use crate::model::cost::StageCost;
use crate::nn::runtime::recompute::Recompute;
use crate::visible::Shown;
pub(crate) use reduction::{Reduction, run_reduction};

/// The photo that the loader is timed on: as large as those of the benchmarks.
const PHOTO: Size = Size::new(375, 500);

/// How to time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BenchConfig {
    /// Pairs per forward pass.
    pub batch_size: usize,
    /// Passes that count.
    pub iterations: usize,
    /// Passes before them that do not.
    pub warm_up: usize,
    /// The format in which the pass's matrix products are timed alone, if they are.
    pub products: Option<Kind>,
}

/// Training steps that count at most: each takes as long as several forward passes.
const MOST_TRAINING_STEPS: usize = 5;

impl BenchConfig {
    /// How often [`run`] calls `done`.
    pub(crate) fn rounds(&self) -> usize {
        let parts = 4 + usize::from(self.products.is_some());
        parts * (self.iterations + self.warm_up)
    }

    /// Training steps that count.
    pub(crate) fn training_steps(&self) -> usize {
        self.iterations.min(MOST_TRAINING_STEPS)
    }
}

/// Times of one part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Measurement {
    /// What was timed.
    pub name: &'static str,
    /// What one iteration works on (`pair`, `image`, `step`).
    pub unit: &'static str,
    /// Units per iteration.
    pub units: usize,
    /// Milliseconds per iteration.
    pub latency_ms: Latency,
    /// Units per second, at the median.
    pub per_second: f64,
    /// How far nine in ten iterations lie apart, as a share of the median.
    pub spread: f64,
    /// How many iterations there were.
    #[serde(skip)]
    pub iterations: usize,
}

/// Percentiles of the time an iteration takes, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Latency {
    /// The fastest.
    pub min: f64,
    /// Half are faster.
    pub p50: f64,
    /// Nine in ten are faster.
    pub p90: f64,
    /// Ninety-nine in a hundred are faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

/// Times the model's forward pass over pairs of random images, without confidences as `eval` runs it, the
/// backbone and the matcher apart, the products of these `stages` if they are asked for, and the loader. `done` is
/// called after every iteration.
///
/// # Errors
/// When the loader's photo cannot be written or read.
pub(crate) fn run(
    engine: &Engine,
    stages: &[StageCost],
    config: &BenchConfig,
    done: &mut dyn FnMut(),
) -> Result<Vec<Measurement>> {
    ensure!(
        config.iterations > 0 && config.batch_size > 0,
        "timing needs at least one pass over one pair"
    );
    // First, so that nothing timed is lost where it cannot be written.
    let folder = tempfile::tempdir().context("making a folder for the loader's photo")?;
    let photo = folder.path().join("photo.jpg");
    write_photo(&photo)?;
    let pairs = config.batch_size;
    let model = engine.model();
    let columns = model.config().input_size as i64;
    let rows = model.config().input.shape().rows(columns);
    let images = Tensor::rand([2 * pairs as i64, 3, rows, columns], (Kind::Float, engine.device()));
    let mut timed = |name, unit, units, work: &mut dyn FnMut() -> Result<()>| {
        measure(config, engine.device(), &mut *done, work)
            .map(|times| summarise(name, unit, units, times))
    };
    tch::no_grad(|| {
        let features = model.features_of_pairs(&images, &Recompute::plain());
        let mut found = vec![
            timed("forward", "pair", pairs, &mut || {
                engine.match_images(&images, Wanted::Matches).map(drop)
            })?,
            timed("backbone", "image", 2 * pairs, &mut || {
                drop(model.features_of_pairs(&images, &Recompute::plain()));
                Ok(())
            })?,
            timed("matcher", "pair", pairs, &mut || {
                let [source, target] = features.halves();
                engine.match_features(&source, &target, Wanted::Matches).map(drop)
            })?,
        ];
        if let Some(kind) = config.products {
            let products = Products::new(stages, pairs, (kind, engine.device()));
            found.push(timed("products", "pair", pairs, &mut || {
                products.run();
                Ok(())
            })?);
        }
        found.push(timed("loader", "image", 1, &mut || {
            let key = FrameKey::of(&photo);
            drop(engine.input().frame(key, &decode_benchmark(&photo)?));
            Ok(())
        })?);
        Ok(found)
    })
}

/// Times a training step on batches as `config` has them, of a model like the engine's that starts from
/// random values. `done` is called after every step.
///
/// # Errors
/// When the model cannot be trained.
pub(crate) fn run_training(
    engine: &Engine,
    config: &BenchConfig,
    done: &mut dyn FnMut(),
) -> Result<Measurement> {
    let steps = config.training_steps();
    let model = engine.model().config();
    // As training takes it: of matches that are looked for several times, the first look.
    let model = ModelConfig { matcher: model.matcher.to_train(&[])?, ..model.clone() };
    let times = training::time(&model, engine.device(), config.batch_size, steps, done)?;
    Ok(summarise("training", "pair", config.batch_size, times))
}

fn measure(
    config: &BenchConfig,
    device: Device,
    done: &mut dyn FnMut(),
    work: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(config.iterations);
    for iteration in 0..config.warm_up + config.iterations {
        synchronize(device);
        let start = Instant::now();
        work()?;
        synchronize(device);
        if iteration >= config.warm_up {
            times.push(start.elapsed());
        }
        done();
    }
    Ok(times)
}

fn summarise(
    name: &'static str,
    unit: &'static str,
    units: usize,
    times: Vec<Duration>,
) -> Measurement {
    let mut sorted: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    sorted.sort_by(f64::total_cmp);
    // The nearest rank: the smallest time that at least this share of all does not exceed.
    let percentile =
        |share: f64| sorted[((share * sorted.len() as f64).ceil() as usize).max(1) - 1];
    let latency_ms = Latency {
        min: percentile(0.0),
        p50: percentile(0.5),
        p90: percentile(0.9),
        p99: percentile(0.99),
        max: percentile(1.0),
        mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
    };
    Measurement {
        name,
        unit,
        units,
        latency_ms,
        per_second: units as f64 * 1e3 / latency_ms.p50,
        spread: (latency_ms.p90 - latency_ms.min) / latency_ms.p50,
        iterations: sorted.len(),
    }
}

/// A photo-like JPEG: smooth shapes and grain, so that it compresses as photos do.
fn write_photo(path: &Path) -> Result<()> {
    let photo = RgbImage::from_fn(PHOTO.width as u32, PHOTO.height as u32, |x, y| {
        let grain =
            ((x.wrapping_mul(73) ^ y.wrapping_mul(151)).wrapping_mul(2_654_435_761) >> 28) as f32;
        let wave = |scale: f32| {
            110.0 + 90.0 * ((x as f32 / scale).sin() * (y as f32 / (scale * 1.7)).cos())
        };
        Rgb([wave(31.0), wave(47.0), wave(83.0)].map(|value| (value + grain) as u8))
    });
    photo
        .save_with_format(path, ImageFormat::Jpeg)
        .with_context(|| format!("writing the loader's photo `{}`", path.shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times = (1..=10).rev().map(Duration::from_millis).collect();
        let found = summarise("x", "pair", 2, times);
        let Latency { min, p50, p90, p99, max, mean } = found.latency_ms;
        assert_eq!([min, p50, p90, p99, max], [1.0, 5.0, 9.0, 10.0, 10.0]);
        assert!((mean - 5.5).abs() < 1e-9);
        assert!((found.per_second - 400.0).abs() < 1e-9);
        assert!((found.spread - 8.0 / 5.0).abs() < 1e-9);
    }
}
