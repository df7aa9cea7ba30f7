//! A step does not depend on how its samples are spread over batches and processes.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::flow::Flow;
use crate::geometry::{BoundingBox, Point, Size};
use crate::inside::process::{ONE_THREAD, in_own_process};
use crate::model::backbone::efficientnet::EfficientNetConfig;
use crate::model::backbone::vit::VitConfig;
use crate::model::config::ModelConfig;
use crate::model::matcher::lpmflow::config::LpmFlowConfig;
use crate::model::part::Chosen;
use crate::model::weights::description::Provenance;
use crate::nn::parameters::VarBuilder;
use crate::processes::communicator::SingleProcess;
use crate::processes::threads::Threads;
use crate::train::folder::checkpoint::Tensors;
use crate::train::samples::planes::Planes;

/// How far sums of another order may be from each other.
const TOLERANCE: f64 = 1e-5;

const NOW: Progress = Progress { epoch: 0, epochs: 1, step: 0 };

/// The flow objective with its contrastive loss, and dropout.
fn flow_model() -> ModelConfig {
    let matcher = LpmFlowConfig { dropout: 0.1, feature_dropout: 0.5, ..LpmFlowConfig::tiny() };
    // A grid of 8 x 8, of which more than one token is masked.
    let backbone = VitConfig { image: 128, ..VitConfig::tiny() };
    ModelConfig {
        backbone: Chosen::of(Arc::new(backbone)),
        matcher: Chosen::of(Arc::new(matcher)),
        ..ModelConfig::tiny()
    }
}

/// The matching objective with distillation, on a small grid.
fn matching_model() -> ModelConfig {
    let backbone = EfficientNetConfig { image: 128, ..EfficientNetConfig::default() };
    ModelConfig { input_size: 128, backbone: Chosen::of(Arc::new(backbone)), ..ModelConfig::lite() }
}

/// Random photos whose flow is known at `valid` cells, with two matches more in each further sample.
fn sample(index: usize, config: &ModelConfig, valid: usize) -> Sample {
    let mut random = ChaCha8Rng::seed_from_u64(index as u64);
    let levels = config.levels().unwrap();
    let size = Size::square(config.input_size);
    let grid = Size::square(config.matcher.flow_side(&levels) as usize);
    let values = |random: &mut ChaCha8Rng| {
        (0..3 * size.area()).map(|_| random.random_range(-2.0..2.0)).collect()
    };
    let [source, target] = [(); 2].map(|()| Planes { size, values: values(&mut random) });
    let mut flow = Flow::zero(grid);
    for value in flow.dx.iter_mut().chain(&mut flow.dy) {
        *value = random.random_range(-4.0..4.0);
    }
    let mut point = || Point::new(random.random(), random.random());
    let matches = (0..1 + 2 * index).map(|_| (point(), point())).collect();
    let end = 0.3 + 0.15 * index as f64;
    let object = Some(BoundingBox { x1: 0.2, y1: 0.2, x2: end, y2: end });
    let valid = (0..grid.area()).map(|cell| cell < valid).collect();
    let name = format!("pair {index}");
    Sample { index, name, source, target, flow, valid, matches, objects: [object, None] }
}

fn samples(config: &ModelConfig) -> Vec<Sample> {
    [3, 40, 0, 7].iter().enumerate().map(|(index, &valid)| sample(index, config, valid)).collect()
}

/// Weights of a model that depend on nothing else; libtorch's generator is shared by all tests.
fn weights(config: &ModelConfig) -> Tensors {
    let path = VarBuilder::fresh(Device::Cpu);
    Model::new(&path, config).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut drawn = |Parameter { name, tensor, .. }: Parameter| {
        let shape = tensor.size();
        if shape.len() < 2 {
            return (name, tensor);
        }
        let bound = (shape[0] as f32 / tensor.numel() as f32).sqrt();
        let values = (0..tensor.numel()).map(|_| random.random_range(-bound..bound));
        (name, Tensor::from_slice(&values.collect::<Vec<f32>>()).view(shape.as_slice()))
    };
    path.finish().0.into_iter().map(&mut drawn).collect()
}

/// A trainer of these weights. The teacher of `matching` has others, so that features have moved from
/// its.
fn trainer(config: &ModelConfig, weights: Tensors, communicator: Rc<dyn Communicator>) -> Trainer {
    let moved = |tensor: &Tensor| tensor + (tensor * 100.0).sin() * 0.01;
    let before: Tensors = weights.iter().map(|(name, t)| (name.clone(), moved(t))).collect();
    let teacher = || Model::new(&VarBuilder::stored(copies(&before), Device::Cpu), config);
    let path = VarBuilder::stored(weights, Device::Cpu);
    let model = Model::new(&path, config).unwrap();
    let parameters = path.finish().0;
    let settings = TrainConfig { learning_rate: 1e-3, ..TrainConfig::default() };
    let optimizer = settings.optimizer.settings().build(&settings.trained(&parameters).unwrap());
    let start = Start { model: &model, ablations: &[], teacher: &teacher };
    let name = config.matcher.objective().unwrap();
    let objective = settings.objectives.get(name).unwrap().build(&start).unwrap();
    let device = Device::Cpu;
    let reduction = reduction(&communicator, &*optimizer, &settings);
    Trainer {
        model,
        parameters,
        optimizer,
        ema: None,
        config: settings,
        objective,
        communicator,
        reduction,
        device,
        reduction_time: Duration::ZERO,
    }
}

/// What a step over these batches comes to.
fn step(mut trainer: Trainer, batches: &[Vec<Sample>]) -> (Losses, Tensors) {
    let losses = trainer.step(batches, NOW).unwrap();
    let gradient = |parameter: &Parameter| (parameter.name.clone(), parameter.tensor.grad());
    let gradients = trainer.parameters().iter().map(gradient).filter(|(_, g)| g.defined());
    (losses, gradients.map(|(name, gradient)| (name, gradient.copy())).collect())
}

fn copies(tensors: &Tensors) -> Tensors {
    tensors.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect()
}

#[track_caller]
fn assert_equal((losses, gradients): &(Losses, Tensors), wanted: &(Losses, Tensors)) {
    assert_eq!(losses.means.len(), wanted.0.means.len());
    for (found, wanted) in losses.means.iter().zip(&wanted.0.means) {
        assert_eq!((found.name, found.weight), (wanted.name, wanted.weight));
        assert!(wanted.value > 0.0, "{wanted:?} says nothing");
        let off = (found.value - wanted.value).abs();
        assert!(off <= TOLERANCE * wanted.value, "{found:?} is not {wanted:?}");
    }
    assert!((losses.total() - wanted.0.total()).abs() <= TOLERANCE * wanted.0.total());
    let norm = wanted.0.gradient_norm;
    assert!((losses.gradient_norm - norm).abs() <= TOLERANCE * norm);
    assert_eq!(gradients.len(), wanted.1.len());
    let mut squares = 0.0;
    for (name, wanted) in &wanted.1 {
        let off = (&gradients[name] - wanted).norm().double_value(&[]);
        squares += off * off;
        // One tensor alone may be a sum of many numbers that nearly cancel, which dropout makes larger.
        let size = wanted.norm().double_value(&[]).max(1e-3 * norm);
        assert!(off <= 30.0 * TOLERANCE * size, "{name}: {off:e} of {size:e}");
    }
    assert!(squares.sqrt() <= TOLERANCE * norm, "{:e} of {norm:e}", squares.sqrt());
}

fn assert_batches_add_up(config: &ModelConfig) {
    let (weights, samples) = (weights(config), samples(config));
    let of = |batches: &[Vec<Sample>]| {
        step(trainer(config, copies(&weights), Rc::new(SingleProcess)), batches)
    };
    let whole = of(std::slice::from_ref(&samples));
    let one_by_one: Vec<Vec<Sample>> = samples.iter().map(|sample| vec![sample.clone()]).collect();
    assert_equal(&of(&one_by_one), &whole);
    assert_equal(&of(&[samples[..3].to_vec(), samples[3..].to_vec()]), &whole);
}

#[test]
fn four_batches_of_one_are_one_batch_of_four_for_the_flow() {
    in_own_process(&ONE_THREAD, || assert_batches_add_up(&flow_model()));
}

#[test]
fn four_batches_of_one_are_one_batch_of_four_for_matching_with_distillation() {
    in_own_process(&ONE_THREAD, || assert_batches_add_up(&matching_model()));
}

fn assert_processes_add_up(config: &ModelConfig) {
    let (weights, samples) = (weights(config), samples(config));
    let alone = trainer(config, copies(&weights), Rc::new(SingleProcess));
    let alone = step(alone, std::slice::from_ref(&samples));
    let halves = [samples[..1].to_vec(), samples[1..].to_vec()];
    let results: Vec<(Losses, Tensors)> = std::thread::scope(|scope| {
        let threads = Threads::new(2).into_iter().zip(halves).map(|(communicator, half)| {
            let weights = copies(&weights);
            scope.spawn(move || step(trainer(config, weights, Rc::new(communicator)), &[half]))
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    results.iter().for_each(|result| assert_equal(result, &alone));
}

#[test]
fn two_processes_with_a_part_each_are_one_with_all_samples_for_the_flow() {
    in_own_process(&ONE_THREAD, || assert_processes_add_up(&flow_model()));
}

#[test]
fn two_processes_with_a_part_each_are_one_with_all_samples_for_matching() {
    in_own_process(&ONE_THREAD, || assert_processes_add_up(&matching_model()));
}

#[test]
fn a_teacher_that_is_another_file_by_now_is_refused() {
    use crate::model::weights::description::SourceFile;
    let provenance = |sha256: &str| {
        let name = "zero-shot.safetensors".to_owned();
        let file = SourceFile { name, sha256: sha256.to_owned(), taken_by: String::new() };
        Provenance { derived_from: vec![file], ..Provenance::default() }
    };
    assert!(ensure_same_start(&provenance("ab"), &provenance("ab")).is_ok());
    assert!(ensure_same_start(&Provenance::default(), &Provenance::default()).is_ok());
    let error = ensure_same_start(&provenance("cd"), &provenance("ab")).unwrap_err().to_string();
    assert!(error.contains("`zero-shot.safetensors`") && error.contains("was ab and is cd"));
}
