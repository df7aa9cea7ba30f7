//! What an exported network asks of its input, and says where it gets something else: a network makes a flow of
//! anything, and of bytes or normalised values a wrong one.

/// The class of the module.
pub(super) const CLASS: &str = "LpmFlow";

/// How far beyond 0 and 1 values may lie: resizing with a sharp filter overshoots.
const MARGIN: f64 = 0.1;

/// The number by which libtorch calls float32.
const FLOAT32: u8 = 6;

/// The method `forward`, which checks both batches of photos and calls `flow`; and the check.
pub(super) fn checked() -> String {
    let shape = raise("must have the shape [batch, 3, height, width]", "");
    let kind = raise("must be float32 from 0 to 1 (bytes divided by 255), not another type", "");
    let range = raise(
        "must have values from 0 to 1, not 0 to 255, and not normalised, which the network does itself; these \
         lie in {} to {}",
        ", lowest, highest",
    );
    let (least, most) = (-MARGIN, 1.0 + MARGIN);
    format!(
        "  def forward(self: __torch__.{CLASS},
    source: Tensor,
    target: Tensor) -> Tensor:
    _0 = (self).check(source, \"source\")
    _1 = (self).check(target, \"target\")
    if torch.ne(torch.size(source, 0), torch.size(target, 0)):
      ops.prim.RaiseException(\"`source` and `target` must hold as many photos: one of each for a pair\")
    else:
      pass
    return (self).flow(source, target)
  def check(self: __torch__.{CLASS},
    photos: Tensor,
    name: str) -> NoneType:
    if torch.ne(torch.dim(photos), 4):
      {shape}
    else:
      pass
    if torch.ne(torch.size(photos, 1), 3):
      {shape}
    else:
      pass
    if torch.ne(ops.prim.dtype(photos), {FLOAT32}):
      {kind}
    else:
      pass
    lowest = float(torch.min(photos))
    highest = float(torch.max(photos))
    if torch.__not__(torch.ge(lowest, {least:?})):
      {range}
    else:
      pass
    if torch.__not__(torch.le(highest, {most:?})):
      {range}
    else:
      pass
    return None
"
    )
}

/// A line of code that raises what a text says of the photos, `{}` in it being `values`.
fn raise(text: &str, values: &str) -> String {
    format!("ops.prim.RaiseException(torch.format(\"the photos `{{}}` {text}\", name{values}))")
}
