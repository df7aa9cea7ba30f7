//! What the other systems are trained by against their authors' code: losses of two or three pairs, and the gradients of
//! every weight behind the backbone and of its features (`actr_loss-seedN.safetensors` and its like).

use std::collections::{BTreeMap, BTreeSet};
use std::slice;

use tch::{Kind, Tensor};

use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::inside::parity::{formula, golden};
use crate::inside::process::in_own_process;
use crate::model::features::{FeatureShape, Features, Level, LevelShape};
use crate::model::matcher::actr::config::ActrConfig;
use crate::model::matcher::cats::config::CatsConfig;
use crate::model::matcher::chm::config::{ChmConfig, Sharing};
use crate::model::matcher::ncnet::NcNet;
use crate::model::matcher::ncnet::config::NcNetConfig;
use crate::model::matcher::transformatcher::config::TransforMatcherConfig;
use crate::model::matcher::{Matcher, MatcherConfig};
use crate::nn::parameters::Parameter;
use crate::nn::runtime::recompute::Recompute;
use crate::train::objective::flow::{end_point_error, known_cells};
use crate::train::objective::points::sum_of_distances;
use crate::train::objective::weak::sum_of_margins;
use crate::train::samples::planes::Planes;
use crate::train::samples::sample::Sample;
use crate::train::samples::target::FlowGrid;

/// How many points the two pairs have.
const POINTS: [usize; 2] = [5, 2];

/// A matcher with formula weights and formula features, all of which are to have gradients.
struct Trained {
    matcher: Box<dyn Matcher>,
    parameters: Vec<Parameter>,
    source: Features,
    target: Features,
    /// The names under which the features of each level are made, and those of the levels.
    names: Vec<[String; 2]>,
    seed: u64,
    wanted: BTreeMap<String, Tensor>,
}

impl Trained {
    /// For `pairs` pairs: the formula's values of a level, named `NAME.source` and `NAME.target`, are maps, or tokens if
    /// these have a class token.
    fn new(
        config: &dyn MatcherConfig,
        levels: &[(String, LevelShape)],
        pairs: i64,
        (seed, file): (u64, &std::path::Path),
        change: impl Fn(&str, Tensor) -> Tensor,
    ) -> Self {
        let shapes: Vec<LevelShape> = levels.iter().map(|(_, level)| level.clone()).collect();
        let (matcher, parameters) = formula::matcher_with_parameters(config, &shapes, seed, change);
        for parameter in parameters.iter().filter(|parameter| !parameter.buffer) {
            let _ = parameter.tensor.set_requires_grad(true);
        }
        let features = |photo: &str| {
            let level = |(name, level): &(String, LevelShape)| {
                let FeatureShape { dim, class_token, .. } = level.shape;
                let rows = level.shape.cells() + i64::from(class_token);
                let values = formula::values(
                    &format!("{name}.{photo}"),
                    (pairs * rows * dim) as usize,
                    seed,
                );
                let values = Tensor::from_slice(&values);
                let tokens = match class_token {
                    true => values.view([pairs, rows, dim]),
                    false => values.view([pairs, dim, rows]).transpose(1, 2),
                };
                let tokens = tokens.set_requires_grad(true);
                Level { name: level.name.clone(), tokens, shape: level.shape }
            };
            Features::new(levels.iter().map(level).collect())
        };
        let names = levels.iter().map(|(name, level)| [name.clone(), level.name.clone()]).collect();
        let (source, target) = (features("source"), features("target"));
        let wanted = golden::tensors(file);
        Self { matcher, parameters, source, target, names, seed, wanted }
    }

    /// The flow as training has it, `[B, 2, G, G]`.
    fn flow(&self) -> Tensor {
        let plain = Recompute::plain();
        self.matcher.forward_train(&self.source, &self.target, None, &plain).flow
    }

    /// Points of the pairs in a frame of so many pixels a side.
    fn points(&self, photo: &str, side: usize) -> Vec<Vec<Point>> {
        let of_pair = |(index, count): (usize, usize)| {
            let values = formula::values(&format!("points.{photo}.{index}"), 2 * count, self.seed);
            let at = |index: usize| f64::from((values[index] * 0.5 + 0.5) * (side - 1) as f32);
            (0..count).map(|index| Point::new(at(index), at(count + index))).collect()
        };
        POINTS.into_iter().enumerate().map(of_pair).collect()
    }

    /// The mean end-point error of a flow on a grid in a frame, of targets made of those points.
    fn end_point_error(&self, grid: FlowGrid, step: i64) -> Tensor {
        let [from, to] = ["source", "target"].map(|photo| self.points(photo, grid.frame));
        let flows: Vec<Tensor> = from
            .iter()
            .zip(&to)
            .map(|(from, to)| {
                let flow = grid.target(from, to);
                let side = grid.cells as i64;
                Tensor::from_slice(&[flow.dx, flow.dy].concat()).view([2, side, side])
            })
            .collect();
        let target = Tensor::stack(&flows, 0);
        let thinned = target.slice(2, None, None, step).slice(3, None, None, step);
        let distance = golden::distance("target flow", &thinned, &self.wanted["target_flow"]);
        assert!(distance.maximum <= 1e-4, "target flow: {distance:?}");
        let known = known_cells(&target);
        end_point_error(&self.flow(), &target, &known) / known.sum(Kind::Float)
    }

    /// The mean over the pairs of how far off moved points are.
    fn point_loss(&self, frame: usize) -> Tensor {
        let [from, to] = ["source", "target"].map(|photo| self.points(photo, frame));
        let samples: Vec<Sample> = from
            .iter()
            .zip(&to)
            .map(|(from, to)| {
                let unit = |point: &Point| Size::square(frame).unit_from_pixel(*point);
                sample(from.iter().map(unit).zip(to.iter().map(unit)).collect())
            })
            .collect();
        let flow = self.flow();
        sum_of_distances(&*self.matcher, &flow, &samples, frame).unwrap() / samples.len() as f64
    }

    /// Compares the loss and its gradients with the reference's.
    fn compare(&self, loss: &Tensor) {
        let (found, wanted) = (loss.double_value(&[]), self.wanted["loss"].double_value(&[0]));
        println!("seed {} loss {found}, reference {wanted}", self.seed);
        assert!((found / wanted - 1.0).abs() <= 1e-5, "loss {found}, not {wanted}");
        loss.backward();
        let mut gradients: BTreeMap<String, Tensor> = self
            .parameters
            .iter()
            .map(|parameter| (parameter.name.clone(), parameter.tensor.grad()))
            .filter(|(_, gradient)| gradient.defined())
            .collect();
        for (photo, features) in [("source", &self.source), ("target", &self.target)] {
            for [name, level] in &self.names {
                let level = features.level(level);
                let gradient = level.tokens.grad();
                let gradient = match level.shape.class_token {
                    true => gradient,
                    false => gradient.transpose(1, 2).contiguous(),
                };
                gradients.insert(format!("{name}.{photo}"), gradient);
            }
        }
        let compared: BTreeSet<&str> =
            self.wanted.keys().filter_map(|name| name.strip_prefix("grad.")).collect();
        for parameter in self.parameters.iter().filter(|parameter| !parameter.buffer) {
            let name = parameter.name.as_str();
            let has = gradients.contains_key(name);
            assert_eq!(has, compared.contains(name), "whether {name} has a gradient");
        }
        let failures: Vec<String> =
            compared.iter().flat_map(|name| self.failures(name, &gradients[*name])).collect();
        assert!(failures.is_empty(), "seed {}: {failures:#?}", self.seed);
    }

    /// As `train.rs` compares: the norm, and up to 16 values by the larger of themselves and their tensor's typical one.
    fn failures(&self, name: &str, gradient: &Tensor) -> Vec<String> {
        let mut failures = Vec::new();
        let wanted = self.wanted[&format!("norm.{name}")].double_value(&[0]);
        let norm = gradient.norm().double_value(&[]);
        let off = (norm / wanted - 1.0).abs();
        if off > 2e-3 {
            failures.push(format!("gradient norm of {name}: {norm}, not {wanted}"));
        }
        let reference = &self.wanted[&format!("grad.{name}")];
        let flat = gradient.flatten(0, -1);
        let step = (flat.numel() / 16).max(1) as i64;
        let found = flat.slice(0, None, None, step).narrow(0, 0, reference.size()[0]);
        let typical = norm / (flat.numel() as f64).sqrt();
        let scale = reference.abs().clamp_min(typical);
        let worst = ((found - reference).abs() / scale).max().double_value(&[]);
        println!("  {name}: norm {wanted:.3e} off by {off:.1e}, values by {worst:.1e}");
        if worst > 2e-3 {
            failures.push(format!("gradient of {name}: off by {worst}"));
        }
        failures
    }
}

fn sample(matches: Vec<(Point, Point)>) -> Sample {
    let nothing = || Planes { size: Size::square(0), values: Vec::new() };
    Sample {
        index: 0,
        name: String::new(),
        source: nothing(),
        target: nothing(),
        flow: Flow::zero(Size::square(0)),
        valid: Vec::new(),
        matches,
        objects: [None; 2],
    }
}

fn level(made_as: &str, name: &str, shape: FeatureShape) -> (String, LevelShape) {
    (made_as.to_owned(), LevelShape { name: name.to_owned(), shape })
}

#[test]
fn chms_loss_and_its_gradients_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("chm_loss") {
            let config = ChmConfig::on_block(30, Sharing::Psi);
            let levels = [level("level", &config.level, FeatureShape::square(64, 15))];
            let trained = Trained::new(&config, &levels, 2, (seed, &file), |_, weight| weight);
            trained.compare(&trained.point_loss(240));
        }
    });
}

#[test]
fn transformatchers_loss_and_its_gradients_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("transformatcher_loss") {
            let config = TransforMatcherConfig::on_blocks(8..=33);
            let levels: Vec<_> = (0..26)
                .map(|index| {
                    let (dim, side) = if index < 23 { (64, 15) } else { (128, 8) };
                    let name = format!("block-{}", 8 + index);
                    level(&format!("level.{index}"), &name, FeatureShape::square(dim, side))
                })
                .collect();
            // As `transformatcher.rs` has it: otherwise every match weighs the same.
            let sharper = |name: &str, weight: Tensor| match name {
                "match2match.to_embedding.1.weight" => weight * 4.0,
                _ if name.ends_with("attn_logits.weight") => weight * 8.0,
                _ => weight,
            };
            let trained = Trained::new(&config, &levels, 2, (seed, &file), sharper);
            trained.compare(&trained.point_loss(240));
        }
    });
}

#[test]
fn ncnets_loss_and_its_gradients_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("ncnet_loss") {
            let config = NcNetConfig { level: "block-1".to_owned(), ..NcNetConfig::pf_pascal() };
            let levels = level("level", "block-1", FeatureShape::square(256, 9));
            let levels = slice::from_ref(&levels);
            // Large enough for the softmax over all cells to tell matches apart.
            let sharper = |name: &str, weight: Tensor| match name {
                _ if name.starts_with("NeighConsensus.conv.4.") => weight * 100.0,
                _ => weight,
            };
            let trained = Trained::new(&config, levels, 3, (seed, &file), sharper);
            let matcher: &NcNet = trained.matcher.as_any().downcast_ref().unwrap();
            let loss = sum_of_margins(matcher, &trained.source, &trained.target) / 3.0;
            trained.compare(&loss);
        }
    });
}

#[test]
fn the_end_point_error_of_cats_and_its_gradients_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("cats_loss") {
            let config = CatsConfig::on_blocks(&[0, 5, 20]);
            let shapes = [(0, 64, 64), (5, 512, 32), (20, 1024, 16)].into_iter().enumerate();
            let levels: Vec<_> = shapes
                .map(|(index, (block, dim, side))| {
                    let name = format!("block-{block}");
                    level(&format!("level.{index}"), &name, FeatureShape::square(dim, side))
                })
                .collect();
            let trained = Trained::new(&config, &levels, 2, (seed, &file), |_, weight| weight);
            let grid = FlowGrid { frame: 256, cells: 16, reach: config.keypoint_reach() };
            trained.compare(&trained.end_point_error(grid, 1));
        }
    });
}

#[test]
fn the_end_point_error_of_actr_and_its_gradients_equal_the_reference() {
    in_own_process(&golden::ARITHMETIC, || {
        for (seed, file) in golden::seeds("actr_loss") {
            // What is dropped is drawn: nothing here.
            let config = ActrConfig { depth: 2, feature_dropout: 0.0, ..ActrConfig::default() };
            let levels =
                [level("tokens", "last", FeatureShape::square(768, 16).with_class_token())];
            let trained = Trained::new(&config, &levels, 2, (seed, &file), |_, weight| weight);
            let grid = FlowGrid { frame: 512, cells: 64, reach: config.keypoint_reach() };
            trained.compare(&trained.end_point_error(grid, 4));
        }
    });
}
