//! An objective with a loss and a setting of its own, for tests: what a further objective takes.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::model::part::Tagged;
use crate::nn::runtime::recompute::Recompute;
use crate::train::objective::batch::Batch;
use crate::train::objective::{Objective, ObjectiveConfig, Start, Term};
use crate::train::rules::{Rule, positive};

/// The objective's settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ToySettings {
    /// Weight of the loss.
    pub toy_weight: f64,
}

impl Default for ToySettings {
    fn default() -> Self {
        Self { toy_weight: 0.5 }
    }
}

impl Tagged for ToySettings {
    const KIND: &'static str = "toy";
}

impl ObjectiveConfig for ToySettings {
    fn rules(&self) -> Vec<Rule> {
        vec![(positive(self.toy_weight), "toy.toy_weight must be above 0 and finite")]
    }

    fn build(&self, _start: &Start) -> Result<Box<dyn Objective>> {
        Ok(Box::new(*self))
    }
}

impl Objective for ToySettings {
    fn terms(&self, batch: &Batch) -> Vec<Term> {
        vec![Term { name: "toy_loss", weight: self.toy_weight, count: batch.valid_count() }]
    }

    fn sums<'a>(&'a self, batch: &Batch<'a>, recompute: &Recompute<'a>) -> Result<Vec<Tensor>> {
        let [source, target] = batch.model.features_of_pairs(&batch.images(), recompute).halves();
        let flow = batch.model.flow(&source, &target);
        let squares =
            (batch.target() - flow).square().sum_dim_intlist(&[1][..], false, Kind::Float);
        Ok(vec![squares.where_scalarother(&batch.valid(), 0.0).sum(Kind::Float)])
    }
}
