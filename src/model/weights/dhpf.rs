//! DHPF as its authors' training saves it: without its backbone, which is torchvision's ResNet.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};

use crate::model::backbone::resnet::config::ResNetConfig;
use crate::model::config::ModelConfig;
use crate::model::input::InputRule;
use crate::model::matcher::dhpf::config::DhpfConfig;
use crate::model::part::Chosen;
use crate::model::weights::batch_norm::folded;
use crate::model::weights::published::{Holds, Published, Tensors};

/// Added to the variance by its batch norms.
const EPSILON: f64 = 1e-5;

/// What chooses and compares the blocks.
pub(crate) const DHPF: Published = Published {
    name: "DHPF",
    marks: &["gumbel_ffns.0.3.weight"],
    rename: str::to_owned,
    adapt: without_norms,
    config: |_, _| {
        bail!(
            "it chooses among the blocks of a backbone that it does not hold, torchvision's ResNet-101 or -50: give both, \
             --backbone resnet101-5d3b4d8f.pth --head FILE"
        )
    },
    holds: Holds::Head(joined),
    meanings: &[],
    origin: "checkpoint of the authors of DHPF; batch norm folded",
    licence: "as https://github.com/juhongm999/dhpf states (Apache-2.0)",
};

/// Folds each batch norm into the convolution before it.
fn without_norms(mut published: Tensors) -> Result<Tensors> {
    let mut tensors = Tensors::new();
    for index in 0..layers(&published) {
        for part in ["reduction_ffns", "gumbel_ffns"] {
            let [convolution, norm] = [0, 1].map(|module| format!("{part}.{index}.{module}"));
            let [weight, bias] = folded(&published, &convolution, &norm, EPSILON)?;
            published.remove(&format!("{convolution}.weight"));
            for name in ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"] {
                published.remove(&format!("{norm}.{name}"));
            }
            tensors.insert(format!("{convolution}.weight"), weight);
            tensors.insert(format!("{convolution}.bias"), bias);
        }
    }
    // What is left, the gates' last convolutions or what does not belong here, keeps its name.
    tensors.extend(published);
    Ok(tensors)
}

/// How many blocks it chooses among.
fn layers(tensors: &Tensors) -> usize {
    let is_there = |index: &usize| tensors.contains_key(&format!("gumbel_ffns.{index}.3.weight"));
    (0..).take_while(is_there).count()
}

/// A backbone with what chooses among its blocks, in the authors' frame.
fn joined(backbone: &ModelConfig, head: &Tensors) -> Result<ModelConfig> {
    let settings = serde_json::to_value(&backbone.backbone)?;
    let stages: Vec<i64> = settings
        .get("stages")
        .and_then(|stages| serde_json::from_value(stages.clone()).ok())
        .context("its backbone is a ResNet, and this one is none")?;
    let blocks: i64 = stages.iter().sum();
    ensure!(
        layers(head) as i64 == blocks + 1,
        "it chooses among {} blocks, and this backbone ({}) has {blocks}",
        layers(head).saturating_sub(1),
        backbone.backbone.describe()
    );
    let channels = |name: &str, axis: usize| -> Result<i64> {
        let size = head.get(name).with_context(|| format!("it has no `{name}`"))?.size();
        size.get(axis).copied().with_context(|| format!("`{name}` has no such axis"))
    };
    let reduced = channels("reduction_ffns.0.0.weight", 0)?;
    ensure!(reduced > 0, "its first block has no channels");
    let matcher = DhpfConfig {
        reduction: channels("reduction_ffns.0.0.weight", 1)? / reduced,
        hidden: channels("gumbel_ffns.0.0.weight", 0)?,
    };
    let image = DhpfConfig::IMAGE;
    Ok(ModelConfig {
        input_size: image as usize,
        input: InputRule::Stretch,
        backbone: Chosen::of(Arc::new(ResNetConfig::new(image, stages, vec![0]))),
        head: None,
        matcher: Chosen::of(Arc::new(matcher)),
    })
}
