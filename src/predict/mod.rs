//! From two photos to files: the flow, the warp, the match drawing, the confidence, keypoints.
//!
//! [`Plan`] says what is wanted of a pair, [`run`] does it for one pair and [`batch::run`] for a list.
//! Nothing here prints.

pub mod batch;
pub mod confidence;
pub mod confidence_file;
pub mod correspondence;
pub mod flow_file;
pub mod keypoints;
pub mod matches;
pub mod output;
pub mod pair_list;
pub mod photo;
pub mod picture;
pub mod record;
pub mod score;
pub mod warp;
pub mod wheel;

use anyhow::{Context, Result};

use self::correspondence::{Correspondence, Resolution};
use self::flow_file::FlowContent;
use self::keypoints::Keypoints;
use self::output::{Output, Product};
use self::photo::Photo;
use self::record::{Prediction, WrittenFile};
use crate::flow::Matched;
use crate::inference::FlowNetwork;
use crate::inference::frame::Frame;

/// What is wanted of a pair of photos.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The files to write.
    pub outputs: Vec<Output>,
    /// The positions to transfer.
    pub keypoints: Option<Keypoints>,
    /// The grid of flows and confidences.
    pub resolution: Resolution,
}

impl Plan {
    /// Whether the backward flow is needed.
    pub fn needs_confidence(&self) -> bool {
        self.keypoints.is_some() || self.products().any(Product::needs_confidence)
    }

    /// Whether the photos themselves are needed, and not only their sizes.
    pub fn needs_photos(&self) -> bool {
        self.products().any(Product::needs_photos)
    }

    fn products(&self) -> impl Iterator<Item = Product> {
        self.outputs.iter().map(|output| output.product)
    }
}

/// Finds what corresponds between two photos and writes what the plan wants.
///
/// # Errors
/// When the keypoints do not fit the photos, the network cannot run or a file cannot be written.
pub fn run(
    network: &mut dyn FlowNetwork,
    source: &Photo,
    target: &Photo,
    plan: &Plan,
) -> Result<Prediction> {
    if let Some(keypoints) = &plan.keypoints {
        keypoints.check(source.size, target.size)?;
    }
    let pairs = correspond(network, &[(source, target)], plan.needs_confidence())?;
    write(&pairs[0], source, target, plan)
}

/// The correspondences of several pairs in one batch of the network.
fn correspond(
    network: &mut dyn FlowNetwork,
    pairs: &[(&Photo, &Photo)],
    both_ways: bool,
) -> Result<Vec<Correspondence>> {
    let forward = pairs.iter().map(|(source, target)| (source.frame.clone(), target.frame.clone()));
    let mut frames: Vec<(Frame, Frame)> = forward.collect();
    if both_ways {
        frames.extend(
            pairs.iter().map(|(source, target)| (target.frame.clone(), source.frame.clone())),
        );
    }
    let mut found = network.matched(&frames)?.into_iter();
    let forward: Vec<Matched> = found.by_ref().take(pairs.len()).collect();
    let backward = found.map(Some).chain(std::iter::repeat(None));
    let parts = pairs.iter().zip(forward).zip(backward);
    Ok(parts
        .map(|(((source, target), forward), backward)| Correspondence {
            forward,
            backward,
            source: source.size,
            target: target.size,
        })
        .collect())
}

/// Writes what the plan wants of a pair.
fn write(pair: &Correspondence, source: &Photo, target: &Photo, plan: &Plan) -> Result<Prediction> {
    let keypoints = plan.keypoints.as_ref().map(|keypoints| keypoints.transfer(pair));
    let wants = |wanted: fn(Product) -> bool| plan.products().any(wanted);
    let flow =
        wants(|product| matches!(product, Product::Flow(_))).then(|| pair.flow(plan.resolution));
    let magnitude = flow.as_ref().map(wheel::magnitude);
    let confidence = wants(|product| product.needs_confidence() && !product.needs_photos())
        .then(|| pair.confidence_map(plan.resolution));
    let mut files = Vec::new();
    for Output { product, path } in &plan.outputs {
        let mut invalid_pixels = 0;
        match *product {
            Product::Flow(format) => {
                let content = FlowContent {
                    flow: flow.as_ref().context("the flow is computed for every flow file")?,
                    confidence: confidence.as_deref(),
                    magnitude: magnitude.unwrap_or_default(),
                };
                invalid_pixels = flow_file::write(path, format, content)?;
            }
            Product::Warp(format) => {
                let picture = warp::draw(pair, target.pixels()?);
                crate::atomic::write(path, |file| format.encode(file, picture))?;
            }
            Product::Matches(format) => {
                let matches = match &keypoints {
                    Some(keypoints) => keypoints.matches(),
                    None => matches::grid(pair),
                };
                let picture = matches::draw(source.pixels()?, target.pixels()?, &matches);
                crate::atomic::write(path, |file| format.encode(file, picture))?;
            }
            Product::Confidence(format) => {
                let values = confidence.as_deref().context("it is computed for every such file")?;
                confidence_file::write(path, format, pair.grid(plan.resolution), values)?;
            }
        }
        files.push(WrittenFile { path: path.clone(), invalid_pixels });
    }
    Ok(Prediction {
        source_size: pair.source,
        target_size: pair.target,
        magnitude,
        files,
        keypoints,
    })
}
