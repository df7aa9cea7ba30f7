//! The fully convolutional network on ResNet-101 of gluoncv-torch, whose backbone and head SCOT takes.

use anyhow::Result;

use crate::model::config::{BACKBONE, ModelConfig};
use crate::model::weights::batch_norm::folded;
use crate::model::weights::published::{Holds, Published, Tensors};
use crate::model::weights::resnet::{EPSILON, folded_layers};

/// Where the backbone stands in a file.
const PUBLISHED: &str = "pretrained.";

/// Where the head does, with its convolutions and the batch norm behind the first.
const HEAD: &str = "head.conv5.";

/// Of this head, which helps in training, nothing is read.
const NEVER_READ: &str = "auxlayer.";

/// The network.
pub(crate) const FCN: Published = Published {
    name: "a fully convolutional ResNet",
    marks: &["head.conv5.0.weight"],
    rename: str::to_owned,
    adapt: without_norms,
    config: |_, _| Ok(ModelConfig::scot_fcn()),
    holds: Holds::Backbone,
    meanings: &[],
    origin: "FCN-ResNet-101 of gluoncv-torch; batch norm folded",
    licence: "as https://github.com/zhanghang1989/gluoncv-torch states (MIT)",
};

fn without_norms(tensors: Tensors) -> Result<Tensors> {
    let (mut backbone, mut head) = (Tensors::new(), Tensors::new());
    for (name, tensor) in tensors {
        match (name.strip_prefix(PUBLISHED), name.strip_prefix(HEAD)) {
            (Some(own), _) => drop(backbone.insert(own.to_owned(), tensor)),
            (None, Some(own)) => drop(head.insert(own.to_owned(), tensor)),
            (None, None) if name.starts_with(NEVER_READ) => {}
            (None, None) => drop(backbone.insert(name, tensor)),
        }
    }
    let mut tensors = folded_layers(backbone)?;
    let [weight, bias] = folded(&head, "0", "1", EPSILON)?;
    let last = |part: &str| head.get(&format!("4.{part}")).map(tch::Tensor::shallow_clone);
    let layers = [
        ("0.weight", Some(weight)),
        ("0.bias", Some(bias)),
        ("1.weight", last("weight")),
        ("1.bias", last("bias")),
    ];
    for (name, tensor) in layers {
        tensors.extend(tensor.map(|tensor| (format!("{BACKBONE}segmentation.{name}"), tensor)));
    }
    Ok(tensors)
}
