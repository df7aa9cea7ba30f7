//! DIY-SC's adapter against its authors' code, on formula weights under the published names
//! (`golden/diy-sc-seedN.safetensors`), and its published file with a backbone.

use tch::{Device, Kind, Tensor, no_grad};

use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::inside::shared_data;
use crate::model::features::{FeatureShape, Features};
use crate::model::head::HeadConfig;
use crate::model::head::bottleneck::BottleneckConfig;
use crate::model::input::InputRule;
use crate::model::part::Tagged;
use crate::model::weights::arguments::Arguments;
use crate::model::weights::heads::DIY_SC;
use crate::model::weights::place::Place;
use crate::model::weights::published::Tensors;
use crate::model::weights::vision_transformers::DINOV2;
use crate::model::weights::{self, Source, StoredWeights};
use crate::nn::parameters::VarBuilder;

/// The published names with their shapes.
const SHAPES: [(&str, &[i64]); 12] = [
    ("logit_scale", &[]),
    ("self_logit_scale", &[]),
    ("mixing_weights", &[1]),
    ("bottleneck_layers.0.0.conv1.weight", &[192, 768, 1, 1]),
    ("bottleneck_layers.0.0.conv1.norm.weight", &[192]),
    ("bottleneck_layers.0.0.conv1.norm.bias", &[192]),
    ("bottleneck_layers.0.0.conv2.weight", &[192, 192, 3, 3]),
    ("bottleneck_layers.0.0.conv2.norm.weight", &[192]),
    ("bottleneck_layers.0.0.conv2.norm.bias", &[192]),
    ("bottleneck_layers.0.0.conv3.weight", &[768, 192, 1, 1]),
    ("bottleneck_layers.0.0.conv3.norm.weight", &[768]),
    ("bottleneck_layers.0.0.conv3.norm.bias", &[768]),
];

fn published(seed: u64) -> Tensors {
    let values = |(name, shape): (&str, &[i64])| {
        let known = name.starts_with("bottleneck_layers");
        let options = (Kind::Float, Device::Cpu);
        let values =
            if known { formula::weight(name, shape, seed) } else { Tensor::ones(shape, options) };
        ((DIY_SC.rename)(name), values)
    };
    SHAPES.into_iter().map(values).collect()
}

#[test]
fn the_adapter_equals_its_authors() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("diy-sc") {
            let wanted = golden::tensors(&file);
            let below = format!("{}.", BottleneckConfig::KIND);
            let tensors = (DIY_SC.adapt)(published(seed)).unwrap().into_iter();
            let tensors = tensors
                .map(|(name, values)| (name.strip_prefix(&below).unwrap().to_owned(), values));
            let path = VarBuilder::stored(tensors.collect(), Device::Cpu);
            let before = FeatureShape::square(768, 9);
            let head = BottleneckConfig { width: 192 }.build(&path, &before);
            let (_, outcome) = path.finish();
            assert_eq!((outcome.missing.len(), outcome.unexpected.len()), (0, 0), "{outcome:?}");
            let values = formula::values("features.diy-sc", 768 * 81, seed);
            let tokens = Tensor::from_slice(&values).view([1, 768, 81]).transpose(1, 2);
            let found = no_grad(|| head.forward(&Features::last_alone(tokens, before)));
            let sample = found.last().tokens.get(0).slice(0, None, None, 3).slice(1, None, None, 4);
            let distance = golden::distance("adapted", &sample, &wanted["adapted"]);
            println!("seed {seed} {distance:?}");
            assert!(distance.maximum <= 5e-5 && distance.relative <= 5e-6, "{distance:?}");
        }
    });
}

/// A backbone's tensors as far as its description follows from them, with `dim` values per token.
fn backbone(dim: i64) -> StoredWeights {
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    let tensors = [
        ("cls_token", zeros(&[1, 1, dim])),
        ("pos_embed", zeros(&[1, 1370, dim])),
        ("patch_embed.proj.weight", zeros(&[dim, 3, 14, 14])),
        ("blocks.11.ls1.gamma", zeros(&[dim])),
    ];
    let tensors = tensors.into_iter().map(|(name, values)| ((DINOV2.rename)(name), values));
    StoredWeights {
        place: Place::File("dinov2.pth".into()),
        tensors: tensors.collect(),
        source: Source::Published(&DINOV2),
        note: None,
        arguments: Arguments::default(),
    }
}

#[test]
fn the_published_file_joins_the_backbone_it_is_for_alone() {
    let Some(data) = shared_data::data() else { return };
    let file = data.join("diy-sc/best.pth");
    let head = || weights::read(&file).unwrap();
    let error = format!("{:#}", head().config().unwrap_err());
    assert!(error.contains("--backbone dinov2_vitb14_pretrain.pth --head FILE"), "{error}");
    let joined = backbone(768).with_head(head()).unwrap();
    let config = joined.config().unwrap();
    config.check().unwrap();
    assert_eq!((config.input_size, config.input), (840, InputRule::CentredSquare));
    assert_eq!(config.head.as_ref().unwrap().kind(), "bottleneck");
    assert_eq!(config.levels().unwrap()[0].shape.side(), 60);
    let error = format!("{:#}", backbone(384).with_head(head()).unwrap_err());
    assert!(error.contains("of 768 values per token") && error.contains("384"), "{error}");
    let error = format!("{:#}", backbone(768).with_head(backbone(768)).unwrap_err());
    assert!(error.contains("hold no head"), "{error}");
}
