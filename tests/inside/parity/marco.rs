//! MARCO against its authors' code, on formula weights under the published names
//! (`golden/marco-seedN.safetensors`, a network of three blocks): tokens, upscaled features and points.

use std::collections::BTreeSet;

use tch::{Device, Kind, Tensor, no_grad};

use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::inside::parity::vit::Case;
use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::model::config::ModelConfig;
use crate::model::features::Role;
use crate::model::input::InputRule;
use crate::model::matcher::PairFound;
use crate::model::weights::arguments::Arguments;
use crate::model::weights::marco::MARCO;
use crate::model::weights::place::Place;
use crate::model::weights::published::{Published, Tensors};
use crate::model::weights::vision_transformers::DINOV2;
use crate::model::weights::{Source, StoredWeights};
use crate::nn::runtime::recompute::Recompute;

/// The blocks that have an adapter, counted from 0, and the adapters' hidden values.
struct Adapted {
    backbone: Case,
    blocks: std::ops::Range<i64>,
    width: i64,
}

const SMALL: Adapted =
    Adapted { backbone: backbone("marco", 4, (192, 3)), blocks: 1..3, width: 96 };

/// The published size, whose numbers are not in the repository.
const LARGE: Adapted =
    Adapted { backbone: backbone("marco_vitl14", 4, (1024, 24)), blocks: 15..24, width: 512 };

const fn backbone(name: &'static str, registers: i64, size: (i64, i64)) -> Case {
    Case { name, form: &DINOV2, rotary: false, registers, gated: None, size }
}

fn stored(form: &'static Published, tensors: Tensors) -> StoredWeights {
    let renamed = |(name, values): (String, Tensor)| ((form.rename)(&name), values);
    StoredWeights {
        place: Place::File("published.pth".into()),
        tensors: tensors.into_iter().map(renamed).collect(),
        source: Source::Published(form),
        note: None,
        arguments: Arguments::default(),
    }
}

impl Adapted {
    /// The head as it stands in a file.
    fn head(&self, seed: u64) -> StoredWeights {
        let (dim, width) = (self.backbone.size.0, self.width);
        let mut shapes: Vec<(String, Vec<i64>)> = Vec::new();
        for block in self.blocks.clone() {
            let mut add = |name: &str, shape: &[i64]| {
                shapes.push((format!("dino.blocks.{block}.adapter.{name}"), shape.to_vec()));
            };
            add("adapter_layer_norm_before.weight", &[dim]);
            add("adapter_layer_norm_before.bias", &[dim]);
            add("down_proj.weight", &[width, dim]);
            add("down_proj.bias", &[width]);
            add("up_proj.weight", &[dim, width]);
            add("up_proj.bias", &[dim]);
        }
        for step in 0..2 {
            let mut add = |name: &str, shape: &[i64]| {
                shapes.push((format!("upscale.{step}.{name}"), shape.to_vec()));
            };
            add("conv1.weight", &[dim, dim, 2, 2]);
            add("conv1.bias", &[dim]);
            add("conv2.weight", &[dim, 1, 3, 3]);
            add("norm.weight", &[dim]);
            add("norm.bias", &[dim]);
        }
        let values = |(name, shape): (String, Vec<i64>)| {
            let values = formula::weight(&name, &shape, seed);
            (name, values)
        };
        stored(&MARCO, shapes.into_iter().map(values).collect())
    }

    fn joined(&self, seed: u64) -> StoredWeights {
        let backbone = stored(&DINOV2, self.backbone.published(seed));
        backbone.with_head(self.head(seed)).unwrap()
    }
}

/// Maximum and relative L2 distance.
fn check(what: &str, found: &Tensor, wanted: &Tensor) {
    let maximum = golden::distance(what, found, wanted).maximum;
    let length = |xs: &Tensor| xs.norm().double_value(&[]);
    let relative = length(&(found - wanted)) / length(wanted);
    println!("{what:20} {maximum:.1e}, relative {relative:.1e}");
    assert!(maximum <= 1e-4 && relative <= 5e-6, "{what}: {maximum:e}, relative {relative:e}");
}

fn every(tensor: &Tensor, [rows, columns]: [i64; 2]) -> Tensor {
    tensor.slice(0, None, None, rows).slice(1, None, None, columns)
}

fn compare(case: &Adapted, seed: u64, wanted: &Tensors) {
    let side_of = |name: &String| name.split('.').next().unwrap().parse::<usize>().unwrap();
    let sides: BTreeSet<usize> = wanted.keys().map(side_of).collect();
    for side in sides {
        let joined = case.joined(seed);
        let config = joined.config().unwrap().with_input_size(Some(side)).unwrap();
        let tokens = config.backbone_levels().unwrap();
        let loaded = joined.into_model(&config, Device::Cpu, Kind::Float).unwrap();
        let image = |role: &str| {
            let pixels = formula::values(&format!("image.{role}"), 3 * side * side, seed);
            Tensor::from_slice(&pixels).view([1, 3, side as i64, side as i64])
        };
        let named = |what: &str| &wanted[&format!("{side}.{what}")];
        no_grad(|| {
            let below = crate::nn::parameters::VarBuilder::stored(
                loaded
                    .parameters
                    .iter()
                    .filter_map(|parameter| {
                        let name = parameter.name.strip_prefix(crate::model::config::BACKBONE)?;
                        Some((name.to_owned(), parameter.tensor.shallow_clone()))
                    })
                    .collect(),
                Device::Cpu,
            );
            let backbone = config.backbone.build(&below, &tokens);
            let norm = backbone.forward(&image("source"), &Recompute::plain());
            let norm = norm.last().tokens.get(0).slice(0, 1, None, 1);
            check(&format!("{side} norm"), &every(&norm, [16, 4]), named("norm"));
            let [source, target] =
                ["source", "target"].map(|role| loaded.model.features(&image(role), Role::Source));
            // What is kept of a photo is a sixteenth of that.
            let kept = loaded.model.kept(&image("source"), Role::Source);
            assert!(kept.bytes() < source.bytes() / 15);
            assert_eq!(loaded.model.unpacked(kept).last().tokens, source.last().tokens);
            let upscaled = source.last().tokens.get(0);
            check(&format!("{side} upscaled"), &every(&upscaled, [97, 8]), named("upscaled"));
            let flow = Flow::zero(Size::square(1));
            let (source, target) = (&source, &target);
            let end = Point::new(1.0, 1.0);
            let found = PairFound {
                flow: &flow,
                correlation: None,
                source,
                target,
                frames: [Size::square(side); 2],
                end,
            };
            let rule = loaded.model.matcher().point_transfer(&found).unwrap();
            let mut farthest = 0.0f64;
            for (index, drawn) in
                formula::values("points.marco", 24, seed).chunks_exact(2).enumerate()
            {
                // In float32, as theirs: features this rough change much within a rounding.
                let pixel = |axis: usize| (drawn[axis] * 0.5 + 0.5) * (side - 1) as f32;
                let unit = |axis: usize| f64::from(pixel(axis)) / side as f64;
                let moved = rule.target_from_source_unit(Point::new(unit(0), unit(1)));
                let wanted = named("points");
                let wanted = |axis: i64| wanted.double_value(&[index as i64, axis]);
                let wanted = Point::new(wanted(0), wanted(1));
                let moved = Point::new(moved.x * side as f64, moved.y * side as f64);
                farthest = farthest.max(moved.distance(wanted));
            }
            println!("{side} points {farthest:.1e} px");
            assert!(farthest <= 1e-2, "{side} points: {farthest}");
        });
    }
}

#[test]
fn tokens_features_and_points_equal_the_authors() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds(SMALL.backbone.name) {
            compare(&SMALL, seed, &golden::tensors(&file));
        }
        for (seed, file) in golden::further_seeds(LARGE.backbone.name) {
            compare(&LARGE, seed, &golden::tensors(&file));
        }
    });
}

#[test]
fn the_head_joins_the_backbone_it_is_for_alone() {
    let error = format!("{:#}", SMALL.head(0).config().unwrap_err());
    let missing = "--backbone dinov2_vitl14_reg4_pretrain.pth --head FILE";
    assert!(error.contains("without their backbone") && error.contains(missing), "{error}");
    let config: ModelConfig = SMALL.joined(0).config().unwrap();
    config.check().unwrap();
    assert_eq!((config.input_size, config.input), (770, InputRule::Stretch));
    assert_eq!(config.levels().unwrap()[0].shape.side(), 220);
    assert_eq!(config.matcher.flow_side(&config.levels().unwrap()), 55);
    let wrong = |case: Case| {
        let backbone = stored(&DINOV2, case.published(0));
        format!("{:#}", backbone.with_head(SMALL.head(0)).unwrap_err())
    };
    let error = wrong(backbone("wider", 4, (256, 3)));
    assert!(error.contains("of 192 values per token") && error.contains("has 256"), "{error}");
    let error = wrong(backbone("without", 0, (192, 3)));
    assert!(error.contains("registers, and this one has none"), "{error}");
    let error = wrong(backbone("shallow", 4, (192, 2)));
    assert!(error.contains("blocks 2 to 3 make no sense in 2 blocks"), "{error}");
}
