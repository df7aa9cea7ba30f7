//! Weight files: what is read from those PyTorch writes, what is written and read back, and what is said
//! of files that do not fit. `pytorch/make_files.py` made the PyTorch files.

mod damaged;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::model::features::Role;
use crate::model::weights::arguments::Arguments;
use crate::model::weights::description::{Description, Provenance};
use crate::model::weights::place::Place;
use crate::model::weights::published::{Holds, LPMFLOW};
use crate::model::weights::pytorch::Checkpoint;
use crate::model::weights::save::{Storage, save};
use crate::model::weights::vision_transformers::DINO;
use crate::model::weights::{self, LoadedModel, Source, StoredWeights};
use crate::nn::parameters;

type Tensors = BTreeMap<String, Tensor>;

fn pytorch_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pytorch").join(name)
}

/// Every tensor of a PyTorch file, under its own name.
fn all_of(path: &Path) -> anyhow::Result<Tensors> {
    Checkpoint::open(path)?.read(|name| Some(name.to_owned()))
}

fn ramp(shape: &[i64], scale: f64) -> Tensor {
    let count: i64 = shape.iter().product();
    (Tensor::arange(count, (Kind::Float, Device::Cpu)) * scale).view(shape)
}

fn assert_equal(found: &Tensor, wanted: &Tensor) {
    assert_eq!(found.kind(), wanted.kind());
    assert_eq!(found.size(), wanted.size());
    assert!(found.equal(wanted), "{found:?} is not {wanted:?}");
}

fn error_of<T>(result: anyhow::Result<T>) -> String {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => format!("{error:#}"),
    }
}

/// The variables of a freshly initialised model of the size for tests.
fn tiny() -> Tensors {
    let path = parameters::VarBuilder::fresh(Device::Cpu);
    let _ = Model::new(&path, &ModelConfig::tiny()).unwrap();
    path.finish().0.into_iter().map(|variable| (variable.name, variable.tensor)).collect()
}

fn description() -> Description {
    Description::new(ModelConfig::tiny(), Provenance::default())
}

fn load(path: &Path) -> anyhow::Result<LoadedModel> {
    weights::read(path)?.load(Device::Cpu, Kind::Float)
}

#[test]
fn every_form_of_tensor_is_read_as_pytorch_saved_it() {
    let table = ramp(&[4, 6], 1.0);
    let halves = ramp(&[3], 0.5);
    let wanted = [
        ("transposed", table.tr()),
        ("every_second_column", table.narrow(0, 1, 3).slice(1, 0, 6, 2)),
        ("first_rows", table.narrow(0, 0, 2)),
        ("repeated", Tensor::from_slice(&[1.5f32, 1.5, 1.5, 2.5, 2.5, 2.5]).view([2, 3])),
        ("half", halves.to_kind(Kind::Half)),
        ("bfloat16", halves.to_kind(Kind::BFloat16)),
        ("double", halves.to_kind(Kind::Double)),
        ("int64", Tensor::from_slice(&[1i64 << 40, -1])),
        ("int32", Tensor::from_slice(&[7i32])),
        ("bool", Tensor::from_slice(&[true, false])),
        ("scalar", Tensor::from(3.25f32)),
        ("empty", Tensor::zeros([0, 3], (Kind::Float, Device::Cpu))),
        ("parameter", ramp(&[2], 1.0)),
    ];
    for file in ["forms.pth", "forms_older_form.pth"] {
        let tensors = all_of(&pytorch_file(file)).unwrap();
        assert_eq!(tensors.len(), wanted.len());
        for (name, wanted) in &wanted {
            assert_equal(&tensors[*name], wanted);
        }
    }
}

#[test]
fn the_authors_checkpoints_give_their_network_alone_in_every_form() {
    for file in ["authors", "authors/model_best.pth", "older_form.pth", "bare.pth"] {
        let stored = weights::open(&pytorch_file(file), None).unwrap();
        assert!(
            matches!(stored.source, Source::Published(form) if matches!(form.holds, Holds::Model)),
            "{file}"
        );
        assert_eq!(stored.config().unwrap(), ModelConfig::base());
        let names: Vec<&str> = stored.tensors.keys().map(String::as_str).collect();
        let wanted = [
            "encoder.blocks.0.attn.relative_position_bias_table",
            "encoder.blocks.0.attn.relative_position_index",
            "feature_extraction.backbone.cls_token",
            "feature_extraction.backbone.patch_embed.proj.bias",
            "feature_extraction.backbone.patch_embed.proj.weight",
            "masked_tokens",
            "x_normal",
        ];
        assert_eq!(names, wanted, "{file}");
        let of = |name: &str| &stored.tensors[name];
        assert_equal(of(wanted[0]), &ramp(&[2, 3], 0.25));
        assert_equal(of(wanted[1]), &Tensor::from_slice(&[0i64, 1, 2, 3]).view([2, 2]));
        assert_equal(of(wanted[4]), &ramp(&[2, 3, 2, 2], 0.5));
        assert_equal(of("x_normal"), &Tensor::from_slice(&[-1.0f32, 0.0, 1.0]));
    }
}

#[test]
fn ibot_checkpoints_give_the_teachers_backbone() {
    for file in ["ibot.pth", "ibot_teacher.pth"] {
        let stored = weights::read(&pytorch_file(file)).unwrap();
        assert!(
            matches!(stored.source, Source::Published(form) if matches!(form.holds, Holds::Backbone)),
            "{file}"
        );
        let of = |name: &str| &stored.tensors[&format!("feature_extraction.backbone.{name}")];
        assert_equal(of("cls_token"), &ramp(&[1, 1, 2], 1.0));
        assert_equal(of("patch_embed.proj.weight"), &ramp(&[2, 3, 2, 2], 0.5));
    }
}

#[test]
fn what_lies_beside_the_weights_does_not_matter() {
    for file in ["beside.pth", "beside_older_form.pth", "module.pth"] {
        let stored = weights::read(&pytorch_file(file)).unwrap();
        assert_eq!(stored.config().unwrap(), ModelConfig::base(), "{file}");
        assert_eq!(stored.tensors.len(), 7, "{file}: {:?}", stored.tensors.keys());
        let token = "feature_extraction.backbone.cls_token";
        assert_equal(&stored.tensors[token], &ramp(&[1, 1, 2], 1.0));
        assert_eq!(stored.notes(), Vec::<String>::new());
    }
}

#[test]
fn of_several_dictionaries_the_user_chooses() {
    let file = pytorch_file("several.pth");
    let error = error_of(weights::read(&file));
    assert!(
        error.contains("weights of LPMFlow: `ema`, `model`; choose one with --dictionary"),
        "{error}"
    );
    assert!(error.contains("`ema` (7 tensors, "), "{error}");
    let line = |dictionary| -> Tensor {
        let stored = weights::open(&file, Some(dictionary)).unwrap();
        stored.tensors["x_normal"].shallow_clone()
    };
    assert_equal(&line("model"), &Tensor::from_slice(&[-1.0f32, 0.0, 1.0]));
    assert_equal(&line("ema"), &Tensor::from_slice(&[0.0f32, 1.0, 2.0]));
    let error = error_of(weights::open(&file, Some("student")));
    for wanted in
        ["nothing known", "in its dictionary `student`", "`ema` (7 tensors, ", "`optimizer` ("]
    {
        assert!(error.contains(wanted), "`{wanted}` is not in: {error}");
    }
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/zero-shot.safetensors");
    for whole in [&*ours, Path::new("lite")] {
        let error = error_of(weights::open(whole, Some("ema")));
        assert!(error.contains("--dictionary chooses within a PyTorch checkpoint"), "{error}");
    }
    let stored = weights::read(&pytorch_file("ibot.pth")).unwrap();
    assert!(stored.notes()[0].contains("`teacher`") && stored.notes()[0].contains("`student`"));
}

#[test]
fn saved_weights_are_read_back_and_equal_input_makes_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let tensors = tiny();
    for (storage, kind) in [(Storage::Float32, Kind::Float), (Storage::Float16, Kind::Half)] {
        let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
        save(&first, &tensors, &description(), storage).unwrap();
        save(&second, &tensors, &description(), storage).unwrap();
        assert_eq!(
            weights::digest::sha256(&first).unwrap(),
            weights::digest::sha256(&second).unwrap()
        );
        let loaded = load(&first).unwrap();
        assert_eq!(loaded.model.config(), &ModelConfig::tiny());
        assert_eq!(loaded.report.loaded.len(), tensors.len());
        for variable in &loaded.parameters {
            let wanted = tensors[&variable.name].to_kind(kind).to_kind(Kind::Float);
            assert_equal(&variable.tensor, &wanted);
        }
    }
}

#[test]
fn changing_loaded_weights_does_not_change_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.safetensors");
    save(&path, &tiny(), &description(), Storage::Float32).unwrap();
    let digest = weights::digest::sha256(&path).unwrap();
    for variable in &mut load(&path).unwrap().parameters {
        let _ = variable.tensor.fill_(7.0);
    }
    assert_eq!(weights::digest::sha256(&path).unwrap(), digest);
}

#[test]
fn data_at_odd_places_of_a_file_are_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.safetensors");
    let metadata = serde_json::json!({ "lpmflow": description().to_json().unwrap() });
    let mut header = serde_json::json!({
        "__metadata__": metadata,
        "mask": { "dtype": "U8", "shape": [1], "data_offsets": [0, 1] },
        "weight": { "dtype": "F32", "shape": [2], "data_offsets": [1, 9] },
    })
    .to_string();
    header.extend(std::iter::repeat_n(' ', 8 - header.len() % 8));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.push(1);
    bytes.extend([1.5f32, -2.5].map(f32::to_le_bytes).concat());
    fs::write(&path, bytes).unwrap();
    let stored = weights::read(&path).unwrap();
    assert_equal(&stored.tensors["weight"], &Tensor::from_slice(&[1.5f32, -2.5]));
}

#[test]
fn everything_that_does_not_fit_is_listed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.safetensors");
    let mut tensors = tiny();
    drop(tensors.remove("x_normal").unwrap());
    tensors.insert("surplus".into(), ramp(&[1], 1.0));
    tensors.insert("masked_tokens".into(), ramp(&[2], 1.0));
    tensors.insert("y_normal".into(), ramp(&[3], 1.0));
    let token = "feature_extraction.backbone.cls_token";
    let spoilt = &tensors[token] * f64::NAN;
    tensors.insert(token.into(), spoilt);
    let error = error_of(save(&path, &tensors, &description(), Storage::Float32));
    assert!(error.contains(token), "{error}");
    let stored = StoredWeights {
        place: Place::File(path),
        tensors,
        source: Source::Described(Box::new(description())),
        note: None,
        arguments: Arguments::default(),
    };
    let error = error_of(stored.into_model(&ModelConfig::tiny(), Device::Cpu, Kind::Float));
    for wanted in [
        "using the weights `",
        "wrong.safetensors`: its tensors do not fit the model:",
        "1 missing: x_normal",
        "1 unexpected: surplus",
        "1 of another shape: y_normal (needed: float32 [",
        "found: float32 [3])",
        &format!("1 with values that are not finite: {token}"),
    ] {
        assert!(error.contains(wanted), "`{wanted}` is not in: {error}");
    }
    assert!(!error.contains("masked_tokens"), "{error}");
}

#[test]
fn known_unused_names_of_released_files_are_accepted_and_listed() {
    let unused = [
        "decoder_s2.last_block.0.norm4.bias",
        "encoder.blocks.5.attn.relative_position_index",
        "encoder.blocks.5.spatial_attention.weight",
        "encoder.cls_token",
        "encoder.patch_embed.proj.bias",
        "encoder.pos_embed",
        "masked_tokens",
    ];
    let mut tensors = tiny();
    tensors.extend(unused.map(|name| (name.to_owned(), ramp(&[2], 1.0))));
    let stored = StoredWeights {
        place: Place::File("authors.pth".into()),
        tensors,
        source: Source::Published(&LPMFLOW),
        note: None,
        arguments: Arguments::default(),
    };
    let loaded = stored.into_model(&ModelConfig::tiny(), Device::Cpu, Kind::Float).unwrap();
    assert_eq!(loaded.report.unused, unused);
    assert!(loaded.provenance.origin.contains("authors of LPMFlow"));
}

#[test]
fn an_ibot_backbone_starts_a_model_whose_rest_is_fresh() {
    let backbone: Tensors =
        tiny().into_iter().filter(|(name, _)| name.starts_with("feature_extraction.")).collect();
    let count = backbone.len();
    let start = |mut tensors: Tensors| {
        tensors.insert("feature_extraction.backbone.head.mlp.0.weight".into(), ramp(&[1], 1.0));
        let stored = StoredWeights {
            place: Place::File("ibot.pth".into()),
            tensors,
            source: Source::Published(&DINO),
            note: None,
            arguments: Arguments::default(),
        };
        stored.into_model(&ModelConfig::tiny(), Device::Cpu, Kind::Float)
    };
    let shallow = |(name, tensor): (&String, &Tensor)| (name.clone(), tensor.shallow_clone());
    let loaded = start(backbone.iter().map(shallow).collect()).unwrap();
    assert_eq!(loaded.report.loaded.len(), count);
    assert_eq!(loaded.report.unused, ["feature_extraction.backbone.head.mlp.0.weight"]);
    for variable in &loaded.parameters {
        match backbone.get(&variable.name) {
            Some(wanted) => assert_equal(&variable.tensor, wanted),
            None => assert!(!variable.name.starts_with("feature_extraction.")),
        }
    }
    let mut incomplete: Tensors = backbone.iter().map(shallow).collect();
    drop(incomplete.remove("feature_extraction.backbone.norm.weight").unwrap());
    let error = error_of(start(incomplete));
    assert!(error.contains("1 missing: feature_extraction.backbone.norm.weight"), "{error}");
}

#[test]
fn values_too_large_for_sixteen_bits_are_not_saved_as_infinite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.safetensors");
    let tensors = Tensors::from([("large".to_owned(), ramp(&[2], 70_000.0))]);
    let error = error_of(save(&path, &tensors, &description(), Storage::Float16));
    assert!(error.contains("large.safetensors`: values are not finite in float16"), "{error}");
    assert!(!path.exists());
}

#[test]
fn safetensors_of_others_are_told_from_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign.safetensors");
    Tensor::write_safetensors(&[("weight", ramp(&[2], 1.0))], &path).unwrap();
    let error = error_of(weights::read(&path));
    assert!(error.contains("foreign.safetensors`: it holds no model configuration"), "{error}");
}

#[test]
fn the_default_weights_are_complete_and_run() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/zero-shot.safetensors");
    let loaded = load(&path).unwrap();
    let config = loaded.model.config();
    // What the file adds to the preset is its calibration.
    let plain = ModelConfig { matcher: config.matcher.complete(), ..config.clone() };
    assert_eq!(plain, ModelConfig::zero_shot());
    assert_ne!(*config, plain);
    assert!(loaded.report.unused.is_empty());
    assert_eq!(loaded.provenance.licence, "Apache-2.0");
    let photo = ramp(&[1, 3, 100, 80], 1e-4);
    let flow = tch::no_grad(|| {
        let features = loaded.model.features(&photo, Role::Source);
        loaded.model.flow(&features, &features)
    });
    assert_eq!(flow.size(), [1, 2, 16, 16]);
}
