//! CHM as its authors' training saves it, both networks of its backbone included.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};

use crate::model::backbone::resnet::config::ResNetConfig;
use crate::model::backbone::twins::TwinsConfig;
use crate::model::config::ModelConfig;
use crate::model::matcher::chm::config::{ChmConfig, Sharing};
use crate::model::part::Chosen;
use crate::model::weights::published::{Holds, Published, Tensors};
use crate::model::weights::resnet::stages;
use crate::model::weights::twins::{apart, of_source};

/// A whole model.
pub(crate) const CHM: Published = Published {
    name: "CHM",
    marks: &["learner.chm4d.weight"],
    rename: str::to_owned,
    adapt: apart,
    config: |tensors, _| {
        // The last stage is in the file, and beyond what is matched.
        let stages = stages(&of_source(tensors));
        ensure!(
            stages.len() >= 3,
            "its backbone has {} stages, and the third is matched",
            stages.len()
        );
        let deepest = stages[..3].iter().sum();
        let resnet = ResNetConfig::new(ChmConfig::IMAGE, stages, vec![deepest]);
        let backbone = TwinsConfig { each: Chosen::of(Arc::new(resnet)) };
        let matcher = ChmConfig::on_block(deepest, sharing(tensors)?);
        Ok(ModelConfig {
            backbone: Chosen::of(Arc::new(backbone)),
            matcher: Chosen::of(Arc::new(matcher)),
            ..ModelConfig::chm()
        })
    },
    holds: Holds::Model,
    meanings: &[],
    origin: "checkpoint of the authors of CHM; batch norm folded",
    licence: "as https://github.com/juhongm999/chm states (nothing so far)",
};

/// Which of its three kernels a file has.
fn sharing(tensors: &Tensors) -> Result<Sharing> {
    let size = tensors.get("learner.chm4d.weight").map(tch::Tensor::size).unwrap_or_default();
    match size[..] {
        [55] => Ok(Sharing::Psi),
        [15] => Ok(Sharing::Iso),
        [_, _, _, _, _, _] => Ok(Sharing::Full),
        _ => bail!(
            "its kernel over cells has the form {size:?}, and none of CHM's three: psi, iso and full"
        ),
    }
}
