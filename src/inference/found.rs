//! What a matcher found, brought from the device and said of photos.

use anyhow::{Result, bail};
use tch::{Device, Kind, Tensor};

use crate::flow::{Flow, Matched};
use crate::geometry::Size;
use crate::inference::described::Described;
use crate::inference::frame::Frame;
use crate::inference::network::FlowNotFinite;
use crate::inference::placement::between_photos;
use crate::model::Model;
use crate::model::features::Role;
use crate::model::matcher::{Matching, PairFound};
use crate::nn::numbers::numbers;
use crate::nn::shape::dims;

/// What a matcher found in each pair of a batch, said of the photos.
///
/// # Errors
/// When a flow holds a value that is not finite ([`FlowNotFinite`]).
pub(super) fn said_of_photos(
    model: &Model,
    found: &Matching,
    described: &Described,
    pairs: &[(Frame, Frame)],
) -> Result<Vec<Matched>> {
    let on_cpu = |xs: &Tensor| xs.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    let correlation = found.correlation.as_ref().map(on_cpu);
    let confidence = found.confidence.as_ref().map(numbers);
    let [_, _, height, width] = dims(&found.flow);
    let size = Size::new(height as usize, width as usize);
    let values = numbers(&found.flow);
    let per_pair = values.chunks_exact(2 * size.area());
    let mut matched = Vec::with_capacity(pairs.len());
    for (index, (values, (source, target))) in (0_i64..).zip(per_pair.zip(pairs)) {
        if !values.iter().all(|value| value.is_finite()) {
            let [source, target] = [source, target].map(|frame| frame.key.path.clone());
            bail!(FlowNotFinite { source, target });
        }
        let flow = Flow::from_channels(size, values);
        let correlation = correlation.as_ref().map(|correlation| correlation.get(index));
        let points = model.matcher().point_transfer(&PairFound {
            flow: &flow,
            correlation: correlation.as_ref(),
            source: described.of(source, Role::Source),
            target: described.of(target, Role::Target),
            frames: [source, target].map(|frame| frame.pixels.size()),
            end: source.placement.end(),
        });
        let part = index as usize * size.area()..(index as usize + 1) * size.area();
        // Of a photo of one colour nothing corresponds, whatever the matcher says.
        let confidence = match source.is_blank || target.is_blank {
            true => Some(vec![0.0; part.len()]),
            false => confidence.as_ref().map(|values| values[part].to_vec()),
        };
        let squares = Matched { flow, points, confidence };
        matched.push(between_photos(squares, source.placement, target.placement));
    }
    Ok(matched)
}
