//! What a GPU computes, against the CPU and against libtorch's own kernels. Skipped where none is visible, unless
//! `LPMFLOW_REQUIRE_GPU=1` says that one must be.

use std::collections::BTreeMap;
use std::path::Path;

use image::{Rgb, RgbImage};
use tch::{Device, Kind, Tensor, no_grad_guard};

use crate::flow::{Matched, Wanted};
use crate::inference::device::choose;
use crate::inference::frame::FrameKey;
use crate::inference::precision::Precision;
use crate::inference::{Engine, EngineOptions, Kernels};
use crate::inside::kernels::error;
use crate::inside::parity::formula;
use crate::inside::process::in_own_process;
use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::model::features::Role;
use crate::model::weights::choice::Choice;
use crate::nn::native::kernels::serving;
use crate::nn::ops::Operation;
use crate::nn::ops::agreement::{Agreement, Rounds};
use crate::nn::ops::attention::{CrossAttention, SelfAttention};
use crate::nn::ops::neighbours::{Disc, NeighbourSum};
use crate::nn::ops::soft_argmax::ExpectedPositions;
use crate::nn::parameters::VarBuilder;

fn gpu() -> Option<Device> {
    match choose("cuda") {
        Ok(device) => Some(device),
        Err(problem) => {
            let required = std::env::var("LPMFLOW_REQUIRE_GPU").is_ok_and(|value| value == "1");
            assert!(!required, "{problem:#}");
            println!("skipped: {problem:#}");
            None
        }
    }
}

#[test]
fn our_kernels_give_on_a_gpu_what_float64_gives_on_the_cpu() {
    in_own_process(&[], || {
        let Some(device @ Device::Cuda(index)) = gpu() else { return };
        let _guard = no_grad_guard();
        serving::enable(index).unwrap();
        tch::manual_seed(1);
        let random = |shape: &[i64]| Tensor::randn(shape, (Kind::Float, Device::Cpu));
        for (kind, allowed) in [(Kind::Float, 2e-5), (Kind::Half, 2e-3), (Kind::BFloat16, 1.6e-2)] {
            let given = |xs: &Tensor| xs.to_kind(kind).to_device(device);
            let exact = |xs: &Tensor| xs.to_device(Device::Cpu).to_kind(Kind::Double);
            let check = |name: &str, found: Option<Tensor>, wanted: &Tensor, allowed: f64| {
                let found = found.unwrap_or_else(|| panic!("{name} does not serve {kind:?}"));
                let error = error(&found, wanted);
                println!("KERNEL {name} {kind:?}: {error:.2e} of the largest value");
                assert!(error < allowed, "{name} {kind:?}: {error}");
            };

            let (qkv, bias) =
                (given(&random(&[2, 514, 3, 8, 96])), given(&random(&[1, 8, 514, 514])));
            let wanted = SelfAttention { qkv: &exact(&qkv), bias: Some(&exact(&bias)) }.composite();
            let found = SelfAttention { qkv: &qkv, bias: Some(&bias) }.cuda();
            check("self-attention", found, &wanted, allowed);

            let query = given(&random(&[1, 1025, 8, 96]));
            let key_value = given(&random(&[1, 1025, 2, 8, 96]));
            let (gathered, weights) =
                CrossAttention { query: &exact(&query), key_value: &exact(&key_value) }.composite();
            let found = CrossAttention { query: &query, key_value: &key_value }.cuda();
            let (found, found_weights) = found.map_or((None, None), |(a, b)| (Some(a), Some(b)));
            check("cross-attention", found, &gathered, allowed);
            check("cross-attention's weights", found_weights, &weights, allowed);

            let scores = given(&random(&[1, 1024, 1024]));
            let [x, y] = [0, 1].map(|_| Tensor::linspace(-1.0, 1.0, 32, (Kind::Float, device)));
            let (temperature, [of_scores, of_x, of_y]) = (0.02, [&scores, &x, &y].map(exact));
            let wanted = ExpectedPositions { scores: &of_scores, x: &of_x, y: &of_y, temperature };
            let found = ExpectedPositions { scores: &scores, x: &x, y: &y, temperature }.cuda();
            // Temperatures make much of the scores' last digits.
            check("soft-argmax", found, &wanted.composite(), 2e-4);

            let disc = Disc::gaussian(10, 1.5);
            let probabilities = given(&random(&[1, 24, 24, 24, 24]).abs());
            let wanted =
                NeighbourSum { disc: &disc, probabilities: &exact(&probabilities) }.composite();
            let found = NeighbourSum { disc: &disc, probabilities: &probabilities }.cuda();
            check("sum over neighbours", found, &wanted, allowed);

            let similarities = given(&(random(&[1, 576, 576]).abs() * -5.0));
            let rounds = Rounds { count: 5, power: 2.0, prior: 0.4, floor: 1e-8, tiny: 1e-30 };
            let (sides, disc, in_full) = ([24, 24], &disc, exact(&similarities));
            let wanted = Agreement { similarities: &in_full, sides, disc, rounds }.composite();
            let found = Agreement { similarities: &similarities, sides, disc, rounds }.cuda();
            // Each round rounds twice, and the next one squares that.
            check("consensus", found, &wanted, 50.0 * allowed);
        }
    });
}

/// The paper's model with formula weights, in a precision.
fn model(weights: &BTreeMap<String, Tensor>, device: Device, kind: Kind) -> Model {
    let weights = weights.iter().map(|(name, xs)| (name.clone(), xs.shallow_clone())).collect();
    Model::new(&VarBuilder::stored(weights, device).in_kind(kind), &ModelConfig::base()).unwrap()
}

fn flow(model: &Model, device: Device, kind: Kind) -> Tensor {
    let images = ["source", "target"].map(|name| formula::image(name, 0));
    let images = Tensor::cat(&images, 0).to_device(device).to_kind(kind);
    let features = model.features(&images, Role::Source);
    let [source, target] = [0, 1].map(|photo| features.narrow(photo, 1));
    model.matcher().forward(&source, &target).flow.to_device(Device::Cpu).to_kind(Kind::Double)
}

#[test]
fn the_papers_network_finds_on_a_gpu_what_it_finds_on_the_cpu() {
    in_own_process(&[], || {
        let Some(device @ Device::Cuda(index)) = gpu() else { return };
        let _guard = no_grad_guard();
        let weights = formula::all_weights(&ModelConfig::base(), 0);
        let wanted = flow(&model(&weights, Device::Cpu, Kind::Float), Device::Cpu, Kind::Float);
        for own in [false, true] {
            if own {
                serving::enable(index).unwrap();
            }
            for precision in
                [Precision::Float32, Precision::Tf32, Precision::Bfloat16, Precision::Float16]
            {
                precision.tf32().apply();
                let kind = precision.kind();
                let found = flow(&model(&weights, device, kind), device, kind);
                let distance = (found - &wanted).abs();
                let [most, mean] =
                    [distance.max(), distance.mean(None::<Kind>)].map(|xs| xs.double_value(&[]));
                let kernels = if own { "own" } else { "libtorch" };
                println!("PARITY base {precision:?} {kernels}: max {most:.5} mean {mean:.6} cells");
                // As the golden flow allows; of the others it is told how far they are off.
                if precision == Precision::Float32 {
                    assert!(most < 5e-2 && mean < 2e-3, "{kernels}: {most} {mean}");
                }
                assert!(most.is_finite());
            }
        }
    });
}

#[test]
fn one_cuda_graph_gives_what_its_steps_give() {
    in_own_process(&[], || {
        if gpu().is_none() {
            return;
        }
        let engine = |cuda_graph| {
            let options = EngineOptions {
                weights: Choice::plain(Path::new("lite")),
                device: "cuda".into(),
                precision: Precision::Float32,
                kernels: Kernels::Libtorch,
                cache_bytes: 64 << 20,
                cuda_graph,
                side_by_side: false,
            };
            Engine::load(&options).unwrap()
        };
        let (mut steps, mut graph) = (engine(false), engine(true));
        let input = steps.input();
        let photo = |number: u8| {
            let colour = |x: u32, y: u32| Rgb([(x * y) as u8, (x + y) as u8 ^ number, number]);
            let pixels = RgbImage::from_fn(300, 200, colour);
            input.frame(FrameKey::of(format!("{number}.png")), &pixels)
        };
        // The second pair knows a photo of the first, so that its matcher alone is a graph; the third knows none.
        for (source, target) in [(1, 2), (2, 3), (4, 5), (5, 4)] {
            let pair = [(photo(source), photo(target))];
            for wanted in [Wanted::Matches, Wanted::Confidence] {
                let [one, other] =
                    [&mut steps, &mut graph].map(|engine| engine.matched(&pair, wanted).unwrap());
                let values = |found: &[Matched]| {
                    found[0].flow.dx.iter().chain(&found[0].flow.dy).copied().collect::<Vec<_>>()
                };
                let (one, other) = (values(&one), values(&other));
                let most = one.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                println!("GRAPH lite {source} {target} {wanted:?}: max {most:.6} pixels");
                assert!(most < 1e-2, "{most}");
            }
        }
    });
}
