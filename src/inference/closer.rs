//! The closer look: the parts of both photos that correspond, once more through the whole network.

use tch::{Device, Tensor};

use crate::inference::frame::{Frame, Input};
use crate::model::Model;
use crate::model::matcher::Matching;
use crate::model::matcher::parts::{Part, Parts};
use crate::nn::resize::{Corners, resize_bilinear};
use crate::nn::runtime::recompute::Recompute;
use crate::nn::shape::dims;

/// What is known of pairs of frames after the closer look, if the model takes one.
pub(super) fn at_frames(
    model: &Model,
    found: Matching,
    pairs: &[(Frame, Frame)],
    (input, device): (Input, Device),
) -> Matching {
    looked(model, found, |looked| {
        let sources = looked.iter().map(|(index, parts)| (&pairs[*index].0, parts[0]));
        let targets = looked.iter().map(|(index, parts)| (&pairs[*index].1, parts[1]));
        let near: Vec<Frame> =
            sources.chain(targets).map(|(frame, part)| frame.part(part, input.side)).collect();
        input.batch(&near.iter().collect::<Vec<_>>(), model.normalisation(), device)
    })
}

/// The same where there are but the network's images: `[2 B, 3, H, W]`, the sources first.
pub(super) fn at_images(model: &Model, found: Matching, images: &Tensor) -> Matching {
    looked(model, found, |looked| {
        let [photos, _, height, width] = dims(images);
        let sources = looked.iter().map(|(index, parts)| (*index as i64, parts[0]));
        let targets = looked.iter().map(|(index, parts)| (photos / 2 + *index as i64, parts[1]));
        let near = sources.chain(targets).map(|(index, Part { start, end })| {
            let range = |start: f64, end: f64, length: i64| {
                let first = (start * length as f64).floor() as i64;
                (first, ((end * length as f64).ceil() as i64 - first).clamp(1, length - first))
            };
            let (top, rows) = range(start.y, end.y, height);
            let (left, columns) = range(start.x, end.x, width);
            let part = images.narrow(0, index, 1).narrow(2, top, rows).narrow(3, left, columns);
            resize_bilinear(&part, [height, width], Corners::Edges)
        });
        Tensor::cat(&near.collect::<Vec<_>>(), 0)
    })
}

/// `images` gives the network's images of the parts of the pairs that are worth it, the sources first.
fn looked(
    model: &Model,
    found: Matching,
    images: impl Fn(&[(usize, Parts)]) -> Tensor,
) -> Matching {
    let Some(look) = model.matcher().closer_look() else { return found };
    let parts = look.parts(&found);
    let looked: Vec<(usize, Parts)> =
        (0..).zip(&parts).filter_map(|(index, parts)| Some((index, (*parts)?))).collect();
    tch::no_grad(|| {
        let near = (!looked.is_empty())
            .then(|| model.features_of_pairs(&images(&looked), &Recompute::plain()).halves());
        look.look(&found, &parts, near)
    })
}
