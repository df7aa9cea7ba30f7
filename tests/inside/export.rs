//! Exported files: equal to the original, and noticed when damaged.

use std::fs;
use std::path::Path;

use tch::{Device, Kind, Tensor};

use crate::commands::testing::lpmflow;
use crate::export::torchscript::{self, Network};
use crate::inside::parity::formula;
use crate::inside::support::{ZERO_SHOT, export};
use crate::model::Model;
use crate::model::architecture::{preset, presets};
use crate::model::weights::description::{Description, Provenance};
use crate::model::weights::read;
use crate::nn::parameters::VarBuilder;

#[test]
fn safetensors_in_single_precision_hold_every_value_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.safetensors");
    lpmflow(export(&file)).succeeded();
    let [original, copy] = [Path::new(ZERO_SHOT), &file].map(|path| read(path).unwrap());
    assert_eq!(original.config().unwrap(), copy.config().unwrap());
    assert_eq!(original.tensors.len(), copy.tensors.len());
    for (name, tensor) in &original.tensors {
        assert_eq!(copy.tensors[name].kind(), Kind::Float);
        assert_eq!(tensor.to_kind(Kind::Float), copy.tensors[name], "{name}");
    }
}

#[test]
fn torchscript_gives_our_flow_at_any_batch_size() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("network.pt");
    lpmflow(export(&file)).succeeded();
    let module = torchscript::load(&file).unwrap();
    let loaded = read(Path::new(ZERO_SHOT)).unwrap().load(Device::Cpu, Kind::Float).unwrap();
    for batch in [1, 3] {
        let images =
            [(); 2].map(|()| Tensor::rand([batch, 3, 256, 256], (Kind::Float, Device::Cpu)));
        let [theirs, ours] = tch::no_grad(|| {
            [
                module.forward_ts(&images).unwrap(),
                Network::new(&loaded.model).forward(&images[0], &images[1]),
            ]
        });
        assert_eq!(theirs.size(), [batch, 2, 16, 16]);
        let difference = (theirs - &ours).abs().max() / ours.abs().max();
        assert!(difference.double_value(&[]) < 1e-4, "batch {batch}: {difference:?}");
    }
}

/// What a trace reads of a batch becomes a constant: no matcher may read its size.
#[test]
fn every_matcher_that_can_be_traced_takes_any_batch_size() {
    let folder = tempfile::tempdir().unwrap();
    for name in presets().filter(|name| name.ends_with("tiny")) {
        let config = preset(name).unwrap();
        // By the formula single matches stand out.
        let weights = formula::all_published_weights(&config, 0);
        let mut model = Model::new(&VarBuilder::stored(weights, Device::Cpu), &config).unwrap();
        model.settle();
        let file = folder.path().join("network.pt");
        let description = Description::new(config.clone(), Provenance::default());
        torchscript::save(&model, &description, &file).unwrap();
        let module = torchscript::load(&file).unwrap();
        let side = config.input_size as i64;
        for batch in [1, 3] {
            let images =
                [(); 2].map(|()| Tensor::rand([batch, 3, side, side], (Kind::Float, Device::Cpu)));
            let [theirs, ours] = tch::no_grad(|| {
                [
                    module.forward_ts(&images).unwrap(),
                    Network::new(&model).forward(&images[0], &images[1]),
                ]
            });
            // Where two matches score alike, rounding decides between them. A wrong size moves most of the flow.
            let moved = (theirs - &ours).abs().gt_tensor(&(ours.abs().max() * 1e-3));
            let share = moved.to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
            println!("{name}, batch {batch}: {share} of {:?} moved", ours.size());
            assert!(share < 0.05, "{name}, batch {batch}: {share} of the flow moved");
        }
    }
}

#[test]
fn input_that_is_not_what_the_network_wants_is_refused_with_what_it_wants() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("network.pt");
    lpmflow(export(&file)).succeeded();
    let module = torchscript::load(&file).unwrap();
    let photo = || Tensor::rand([1, 3, 64, 64], (Kind::Float, Device::Cpu));
    let slightly_beyond: Tensor = photo() * 1.15 - 0.07;
    assert!(module.forward_ts(&[photo(), slightly_beyond]).is_ok());
    for (wrong, wanted) in [
        (
            (photo() * 255.0).to_kind(Kind::Uint8),
            "`source` must be float32 from 0 to 1 (bytes divided by 255)",
        ),
        (photo().to_kind(Kind::Double), "must be float32"),
        (photo() * 255.0, "must have values from 0 to 1, not 0 to 255, and not normalised"),
        ((photo() - 0.45) / 0.225, "not normalised"),
        (photo() * f64::NAN, "must have values from 0 to 1"),
        (photo().narrow(1, 0, 1), "must have the shape [batch, 3, height, width]"),
        (photo().get(0), "must have the shape"),
        (photo().permute([0, 2, 3, 1]), "must have the shape"),
        (photo().repeat([2, 1, 1, 1]), "must hold as many photos"),
    ] {
        let error = module.forward_ts(&[wrong, photo()]).unwrap_err().to_string();
        assert!(error.contains(wanted), "`{wanted}` is not in: {error}");
    }
    let error = module.forward_ts(&[photo(), photo() * 255.0]).unwrap_err().to_string();
    assert!(error.contains("the photos `target` must have values from 0 to 1"), "{error}");
}

#[test]
fn damaged_files_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["weights.safetensors", "network.pt"] {
        let file = folder.path().join(name);
        lpmflow(export(&file)).succeeded();
        let sound = fs::read(&file).unwrap();
        let opens = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            if name.ends_with(".pt") {
                torchscript::load(&file).is_ok()
            } else {
                read(&file).is_ok()
            }
        };
        assert!(opens(&sound));
        assert!(!opens(&sound[..sound.len() / 2]), "{name} cut in half");
        assert!(!opens(&sound[..sound.len() - 1]), "{name} without its last byte");
        let mut altered = sound.clone();
        altered[sound.len() / 2] ^= 1;
        assert!(!opens(&altered), "{name} with one bit turned");
    }
}

#[test]
fn half_precision_storage_halves_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let [single, half] =
        ["single", "half"].map(|name| folder.path().join(name).with_extension("safetensors"));
    lpmflow(export(&single)).succeeded();
    lpmflow([&export(&half)[..], &["--precision", "float16"]].concat()).succeeded();
    let size = |path| fs::metadata(path).unwrap().len() as f64;
    assert!((size(&half) / size(&single) - 0.5).abs() < 0.01);
}

#[test]
fn unknown_endings_are_answered_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let error = lpmflow(export(&folder.path().join("network.bin"))).failed_with(2);
    assert!(error.contains("safetensors") && error.contains(".pt"), "{error}");
    let error = lpmflow(export(&folder.path().join("network.onnx"))).failed_with(2);
    assert!(error.contains("scripts/export_onnx.py"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
