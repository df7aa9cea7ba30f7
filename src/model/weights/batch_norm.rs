//! Batch norms with fixed statistics, folded into the convolutions before them.

use anyhow::{Context, Result};
use tch::{Kind, Tensor};

use crate::model::weights::published::Tensors;

/// Weight and bias of one convolution that does what a `convolution` without bias and the batch `norm` behind it
/// do, both called by their names' beginnings.
///
/// # Errors
/// When a tensor is missing, or their shapes do not fit.
pub(super) fn folded(
    tensors: &Tensors,
    convolution: &str,
    norm: &str,
    epsilon: f64,
) -> Result<[Tensor; 2]> {
    let take = |name: String| -> Result<Tensor> {
        let tensor = tensors.get(&name).with_context(|| format!("it has no `{name}`"))?;
        Ok(tensor.to_kind(Kind::Double))
    };
    let std = (take(format!("{norm}.running_var"))? + epsilon).sqrt();
    let scale = take(format!("{norm}.weight"))?.f_div(&std)?;
    let shift = take(format!("{norm}.running_mean"))?.f_mul(&scale)?;
    let bias = take(format!("{norm}.bias"))?.f_sub(&shift)?;
    let weight = take(format!("{convolution}.weight"))?.f_mul(&scale.f_view([-1, 1, 1, 1])?)?;
    Ok([weight, bias].map(|values| values.to_kind(Kind::Float)))
}
