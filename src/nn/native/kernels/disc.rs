//! A disc of shifts, as kernels take it by value.

/// The farthest shift along an axis; as in the source.
const MOST_REACH: usize = 16;

/// A disc as the kernel takes it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelDisc {
    weights: [f32; MOST_REACH + 1],
    half_widths: [i32; MOST_REACH + 1],
    reach: i32,
}

impl KernelDisc {
    /// The shifts (dx, dy) with |dx| at most `half_widths[|dy|]`, weighted by `weights[|dx|] * weights[|dy|]`; `None`
    /// for discs that the kernel does not take.
    pub(crate) fn new(weights: &[f64], half_widths: &[usize]) -> Option<Self> {
        let reach = weights.len().checked_sub(1).filter(|reach| *reach <= MOST_REACH)?;
        let mut disc = Self {
            weights: [0.0; MOST_REACH + 1],
            half_widths: [0; MOST_REACH + 1],
            reach: i32::try_from(reach).ok()?,
        };
        let grows = half_widths.windows(2).any(|pair| pair[1] > pair[0]);
        if half_widths.len() != weights.len() || half_widths[0] > reach || grows {
            return None;
        }
        for (distance, (weight, width)) in weights.iter().zip(half_widths).enumerate() {
            disc.weights[distance] = *weight as f32;
            disc.half_widths[distance] = i32::try_from(*width).ok()?;
        }
        Some(disc)
    }
}
