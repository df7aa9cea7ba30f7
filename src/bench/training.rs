//! Timing a training step: forward, backward, and the optimizer's update, on random photos.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Device;

use crate::bench::synchronize::synchronize;
use crate::flow::Flow;
use crate::geometry::{BoundingBox, Point, Size};
use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::model::weights::description::Provenance;
use crate::nn::parameters::VarBuilder;
use crate::processes::communicator::SingleProcess;
use crate::train::config::TrainConfig;
use crate::train::init::InitialModel;
use crate::train::objective::matching::MatchingSettings;
use crate::train::objective::tables::ObjectiveTables;
use crate::train::optim::schedule::Progress;
use crate::train::optim::step::Trainer;
use crate::train::samples::planes::Planes;
use crate::train::samples::sample::Sample;

/// Matches of each random pair.
const MATCHES: usize = 12;

/// The times of `steps` training steps on batches of `pairs`, after one that does not count, of a model
/// of `config` that starts from random values. `done` is called after every step.
///
/// # Errors
/// When the model cannot be trained.
pub(super) fn time(
    config: &ModelConfig,
    device: Device,
    pairs: usize,
    steps: usize,
    done: &mut dyn FnMut(),
) -> Result<Vec<Duration>> {
    let path = VarBuilder::fresh(device);
    let model = Model::new(&path, config)?;
    let initial = InitialModel {
        model,
        parameters: path.finish().0,
        provenance: Provenance::default(),
        notes: Vec::new(),
    };
    // Random values are near nothing that is worth keeping.
    let matching = MatchingSettings { distillation_weight: 0.0, ..MatchingSettings::default() };
    let objectives = ObjectiveTables::default().with(matching);
    let settings = TrainConfig { batch_size: pairs, objectives, ..TrainConfig::default() };
    let mut trainer = Trainer::new(initial, &settings, device, Rc::new(SingleProcess))?;
    let grid = trainer.grid();
    let batch: Vec<Sample> =
        (0..pairs).map(|index| random_sample(index, grid.frame, grid.size())).collect();
    let mut times = Vec::with_capacity(steps);
    for step in 0..=steps as u64 {
        synchronize(device);
        let start = Instant::now();
        trainer.step(std::slice::from_ref(&batch), Progress { epoch: 0, epochs: 1, step })?;
        synchronize(device);
        if step > 0 {
            times.push(start.elapsed());
        }
        done();
    }
    Ok(times)
}

fn random_sample(index: usize, frame: usize, grid: Size) -> Sample {
    let mut random = ChaCha8Rng::seed_from_u64(index as u64);
    let size = Size::square(frame);
    let mut planes = || Planes {
        size,
        values: (0..3 * size.area()).map(|_| random.random_range(-2.0..2.0)).collect(),
    };
    let [source, target] = [planes(), planes()];
    let mut flow = Flow::zero(grid);
    for value in flow.dx.iter_mut().chain(&mut flow.dy) {
        *value = random.random_range(-4.0..4.0);
    }
    let mut point = || Point::new(random.random(), random.random());
    let matches = (0..MATCHES).map(|_| (point(), point())).collect();
    let object = Some(BoundingBox { x1: 0.2, y1: 0.2, x2: 0.8, y2: 0.8 });
    let valid = vec![true; grid.area()];
    let name = format!("random pair {index}");
    Sample { index, name, source, target, flow, valid, matches, objects: [object; 2] }
}
