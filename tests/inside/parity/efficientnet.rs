//! The converted EfficientNet-Lite0 against the published one (`pytorch/efficientnet_reference.py`).

use std::path::Path;

use tch::{Device, Kind};

use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::model::features::Role;
use crate::model::weights;

#[test]
fn features_of_zero_shot_equal_those_of_the_published_network() {
    in_own_process(&golden::ARITHMETIC, || {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let wanted = golden::tensors(&root.join("tests/golden/efficientnet.safetensors"));
        let file = root.join("weights/zero-shot.safetensors");
        let model = weights::read(&file).unwrap().load(Device::Cpu, Kind::Float).unwrap().model;
        // Twice as large as the network's own input, so its resizing is compared as well.
        let image = formula::image("source", 0);
        let tokens =
            tch::no_grad(|| model.features(&image, Role::Source).last().tokens.shallow_clone());
        let sample = tokens.slice(1, None, None, 5).slice(2, None, None, 5);
        let distance = golden::distance("tokens", &sample, &wanted["tokens"]);
        println!("tokens {distance:?}");
        // The weights are stored in 16 bits; in 32 the largest difference is about 1e-6.
        assert!(distance.maximum < 4e-3 && distance.mean < 6e-4, "{distance:?}");
    });
}
