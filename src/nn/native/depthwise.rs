//! One filter for each channel, on the CPU (`depthwise.cpp`).

use tch::Tensor;

use crate::nn::native::processor::{Vectors, vectors};
use crate::nn::native::tensor::{serves, values};
use crate::nn::shape::dims;

/// As in C++.
#[repr(C)]
struct Filter {
    xs: *const f32,
    weight: *const f32,
    bias: *const f32,
    out: *mut f32,
    height: i64,
    width: i64,
    channels: i64,
    out_height: i64,
    out_width: i64,
    kernel: i64,
    stride: i64,
    before: i64,
    relu6_before: bool,
}

unsafe extern "C" {
    fn lpmflow_depthwise(filter: *const Filter, batch: i64, wide: bool);
}

/// ReLU6 of a map filtered channel by channel, with as many zeros around it as keep `side / stride` pixels a side, the
/// smaller half first; of the map itself ReLU6 is taken before, if that is said. `None` for tensors that do not
/// [`serves`] or are not stored pixel by pixel, and on processors without vectors.
///
/// # Shapes
/// `xs` `[B, C, H, W]`, `weight` `[C, 1, k, k]`, `bias` `[C]`, result `[B, C, H / stride, W / stride]`, stored pixel by
/// pixel.
pub(crate) fn depthwise(
    xs: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    stride: i64,
    relu6_before: bool,
) -> Option<Tensor> {
    let vectors = vectors()?;
    let pixels = xs.permute([0, 2, 3, 1]); // [B, H, W, C]
    if ![&pixels, weight, bias].into_iter().all(serves) {
        return None;
    }
    let [batch, height, width, channels] = dims(&pixels);
    let [filters, per_group, kernel, columns] = <[i64; 4]>::try_from(weight.size()).ok()?;
    let fits =
        [filters, bias.numel() as i64] == [channels; 2] && per_group == 1 && kernel == columns;
    if !fits || kernel < stride || height % stride != 0 || width % stride != 0 {
        return None;
    }
    let weight = weight.view([channels, kernel * kernel]).tr().contiguous(); // [k * k, C]
    let (out_height, out_width) = (height / stride, width / stride);
    let out = Tensor::empty([batch, out_height, out_width, channels], (xs.kind(), xs.device()));
    let filter = Filter {
        xs: values(&pixels),
        weight: values(&weight),
        bias: values(bias),
        out: values(&out),
        height,
        width,
        channels,
        out_height,
        out_width,
        kernel,
        stride,
        before: (kernel - stride) / 2,
        relu6_before,
    };
    // Safety: the tensors are live, float32 in row-major order and of the shapes that are told; `out` alone is written,
    // and nobody else has it.
    unsafe { lpmflow_depthwise(&filter, batch, vectors == Vectors::Avx512) };
    Some(out.permute([0, 3, 1, 2]))
}
