//! The network's pass over a pair, kept as what a confidence is made of.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use image::RgbImage;
use tch::{Device, Kind, Tensor};

use crate::data::Pair;
use crate::data::photo::decode_benchmark;
use crate::flow::{Flow, Matched};
use crate::geometry::{BoundingBox, Point, Size};
use crate::inference::frame::{FrameKey, Input};
use crate::inside::calibration::cases::{Case, Known, Population};
use crate::model::Model;
use crate::model::features::{Features, Role};
use crate::model::matcher::consensus::Consensus;
use crate::model::matcher::consensus::calibration::Calibration;
use crate::model::matcher::consensus::peaks::EVIDENCE;
use crate::model::weights::read;
use crate::nn::numbers::numbers;
use crate::predict::correspondence::Correspondence;

/// A model with the features of the photos that come up again.
pub struct Network {
    model: Model,
    kept: HashMap<PathBuf, (Features, Size)>,
}

/// What the network found for a pair.
pub struct Pass {
    /// The number of the pair.
    number: usize,
    /// The known points.
    pub points: Vec<Found>,
    pair: Correspondence,
    /// `[1, G, G, 6]`.
    evidence: Tensor,
}

/// A known point and what was found for it.
pub struct Found {
    pub population: Population,
    pub evidence: [f64; EVIDENCE.len()],
    pub right: bool,
    source: Point,
}

impl Network {
    pub fn load(file: &Path) -> Self {
        let model = read(file).unwrap().load(Device::Cpu, Kind::Float).unwrap().model;
        Self { model, kept: HashMap::new() }
    }

    /// The pass over a case of the validation pair `number`.
    pub fn pass(&mut self, number: usize, case: &Case) -> Pass {
        let source = self.kept(&case.source);
        let target = (self.features(&case.target), size(&case.target));
        self.found(number, [&source, &target], &case.points)
    }

    /// The pass over an annotated pair; a match is right within a tenth of the target box, or else of the box
    /// around the target keypoints.
    pub fn annotated_pass(&mut self, pair: &Pair) -> Pass {
        let photos = [&pair.source, &pair.target].map(|side| self.kept(&side.path));
        let keypoints = &pair.target.keypoints;
        let bounds = pair.target.bounding_box.or_else(|| BoundingBox::around(keypoints)).unwrap();
        let known = pair.source.keypoints.iter().zip(keypoints).map(|(source, target)| Known {
            population: Population::Plain,
            source: *source,
            target: Some(*target),
            tolerance: 0.1 * bounds.longer_side(),
        });
        self.found(pair.index, [&photos[0], &photos[1]], &known.collect::<Vec<_>>())
    }

    fn found(
        &self,
        number: usize,
        [(source, source_size), (target, target_size)]: [&(Features, Size); 2],
        known: &[Known],
    ) -> Pass {
        let matcher = self.model.matcher().as_any().downcast_ref::<Consensus>().unwrap();
        let (forward, evidence, backward) = tch::no_grad(|| {
            let there = matcher.peaks(source, target);
            let evidence = there.evidence();
            (there.into_flow(), evidence, matcher.peaks(target, source).into_flow())
        });
        let backward = Some(flow(&backward).into());
        let sizes = [*source_size, *target_size];
        let pair = Correspondence::new(flow(&forward).into(), backward, sizes);
        let side = evidence.size()[1];
        let found = |point: &Known| {
            let unit = pair.source.unit_from_pixel(point.source);
            let cell = |position: f64| ((position * side as f64) as i64).clamp(0, side - 1);
            let here = evidence.get(0).get(cell(unit.y)).get(cell(unit.x));
            let close = |target: Point| pair.transfer(point.source).distance(target);
            Found {
                population: point.population,
                evidence: std::array::from_fn(|kind| here.double_value(&[kind as i64])),
                right: point.target.is_some_and(|target| close(target) <= point.tolerance),
                source: point.source,
            }
        };
        let points = known.iter().map(found).collect();
        Pass { number, points, pair, evidence }
    }

    fn kept(&mut self, path: &Path) -> (Features, Size) {
        if !self.kept.contains_key(path) {
            let photo = decode_benchmark(path).unwrap();
            let described = (self.features(&photo), size(&photo));
            self.kept.insert(path.to_owned(), described);
        }
        let (features, size) = &self.kept[path];
        (features.shallow_clone(), *size)
    }

    fn features(&self, photo: &RgbImage) -> Features {
        let config = self.model.config();
        let input = Input::of(config);
        let frame = input.frame(FrameKey::of(PathBuf::new()), photo);
        let images = input.batch(&[&frame], self.model.normalisation(), Device::Cpu);
        tch::no_grad(|| self.model.features(&images, Role::Source))
    }
}

impl Pass {
    /// The half of the pairs that it belongs to. In each, all turns and halves of objects come up.
    pub fn half(&self) -> usize {
        self.number / 20 % 2
    }

    /// The confidence of each known point: calibrated, or by the way there and back.
    pub fn confidence(&self, calibration: Option<&Calibration>) -> Vec<f64> {
        let pair = self.correspondence(calibration);
        self.points.iter().map(|point| pair.confidence(point.source)).collect()
    }

    /// What `predict` would have.
    pub fn correspondence(&self, calibration: Option<&Calibration>) -> Correspondence {
        let confidence =
            calibration.map(|calibration| numbers(&calibration.confidence(&self.evidence)));
        let forward = Matched { confidence, ..self.pair.forward.clone() };
        Correspondence { forward, ..self.pair.clone() }
    }
}

fn flow(flow: &Tensor) -> Flow {
    Flow::from_channels(Size::square(flow.size()[3] as usize), &numbers(flow))
}

fn size(photo: &RgbImage) -> Size {
    Size::new(photo.height() as usize, photo.width() as usize)
}
