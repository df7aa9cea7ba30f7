//! ResNets against torchvision, on formula weights under its names (`golden/resnet50-seedN.safetensors`): features of
//! blocks before their last ReLU.

use std::collections::BTreeSet;

use tch::{Device, Tensor, no_grad};

use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::weights::arguments::Arguments;
use crate::model::weights::published::Tensors;
use crate::model::weights::resnet::RESNET;
use crate::nn::parameters::VarBuilder;
use crate::nn::runtime::recompute::Recompute;

/// The network as it stands in a file.
fn published(stages: [i64; 4], seed: u64) -> Tensors {
    let mut shapes = shapes(stages, &[("conv1", "bn1", [64, 3, 7, 7])]);
    let inputs = 512 << 2;
    shapes.push(("fc.weight".into(), vec![10, inputs]));
    shapes.push(("fc.bias".into(), vec![10]));
    let values = |(name, shape): (String, Vec<i64>)| {
        let values = formula::weight(&name, &shape, seed);
        (name, values)
    };
    shapes.into_iter().map(values).collect()
}

/// The shapes of a network's tensors behind this stem: convolutions and their batch norms.
pub fn shapes(stages: [i64; 4], stem: &[(&str, &str, [i64; 4])]) -> Vec<(String, Vec<i64>)> {
    let mut shapes: Vec<(String, Vec<i64>)> = Vec::new();
    let mut layer = |convolution: String, norm: String, shape: [i64; 4]| {
        shapes.push((format!("{convolution}.weight"), shape.to_vec()));
        for part in ["weight", "bias", "running_mean", "running_var"] {
            shapes.push((format!("{norm}.{part}"), vec![shape[0]]));
        }
    };
    let mut inputs = 0;
    for &(convolution, norm, shape) in stem {
        layer(convolution.into(), norm.into(), shape);
        inputs = shape[0];
    }
    for (stage, blocks) in (0..).zip(stages) {
        let width = 64 << stage;
        for index in 0..blocks {
            let name = format!("layer{}.{index}", stage + 1);
            let mut convolution = |number: i64, shape: [i64; 4]| {
                layer(format!("{name}.conv{number}"), format!("{name}.bn{number}"), shape);
            };
            convolution(1, [width, inputs, 1, 1]);
            convolution(2, [width, width, 3, 3]);
            convolution(3, [4 * width, width, 1, 1]);
            if index == 0 {
                let names = [0, 1].map(|part| format!("{name}.downsample.{part}"));
                let [convolution, norm] = names;
                layer(convolution, norm, [4 * width, inputs, 1, 1]);
            }
            inputs = 4 * width;
        }
    }
    shapes
}

fn compare(stages: [i64; 4], seed: u64, wanted: &Tensors) {
    let tensors = (RESNET.adapt)(published(stages, seed)).unwrap();
    let config: ModelConfig = (RESNET.config)(&tensors, &Arguments::default()).unwrap();
    let side_of = |name: &String| name.split('.').next().unwrap().parse::<usize>().unwrap();
    let sides: BTreeSet<usize> = wanted.keys().map(side_of).collect();
    for side in sides {
        let backbone = config.with_input_size(Some(side)).unwrap().backbone;
        let levels: Vec<_> = backbone
            .levels()
            .into_iter()
            .filter(|level| wanted.contains_key(&format!("{side}.{}", level.name)))
            .collect();
        assert_eq!(
            levels.len(),
            wanted.keys().filter(|name| side_of(name) == side).count(),
            "every block of the file is offered"
        );
        let below = tensors.iter().map(|(name, tensor)| {
            (name.strip_prefix(BACKBONE).unwrap().to_owned(), tensor.shallow_clone())
        });
        let path = VarBuilder::stored(below.collect(), Device::Cpu);
        let network = backbone.build(&path, &levels);
        let (_, outcome) = path.finish();
        assert!(outcome.missing.is_empty() && outcome.mismatched.is_empty(), "{outcome:?}");
        assert!(outcome.unexpected.iter().all(|name| backbone.is_unused(name)), "{outcome:?}");
        let pixels = formula::values("image.resnet", 3 * side * side, seed);
        let image = Tensor::from_slice(&pixels).view([1, 3, side as i64, side as i64]);
        let features = no_grad(|| network.forward(&image, &Recompute::plain()));
        for level in &levels {
            let name = format!("{side}.{}", level.name);
            let tokens = features.level(&level.name).tokens.get(0);
            let step = |axis: usize| (tokens.size()[axis] / 64).max(1);
            let sample = tokens.slice(0, None, None, step(0)).slice(1, None, None, step(1));
            let distance = golden::distance(&name, &sample, &wanted[&name]);
            let length = |xs: &Tensor| xs.norm().double_value(&[]);
            let relative = length(&(sample - &wanted[&name])) / length(&wanted[&name]);
            println!("{name:14} {:.1e}, relative {relative:.1e}", distance.maximum);
            assert!(distance.relative <= 1e-4 && relative <= 5e-6, "{name} {distance:?}");
        }
    }
}

#[test]
fn every_tapped_block_equals_torchvision() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("resnet50") {
            compare([3, 4, 6, 3], seed, &golden::tensors(&file));
        }
        for (seed, file) in golden::further_seeds("resnet101") {
            compare([3, 4, 23, 3], seed, &golden::tensors(&file));
        }
    });
}
