//! What this processor can do (`libtorch.cpp`).

unsafe extern "C" {
    safe fn lpmflow_vector_lanes() -> i32;
}

/// Vector instructions that functions here are made for, the shorter vectors first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Vectors {
    /// AVX2 and FMA: 8 values of 32 bits.
    Avx2,
    /// AVX-512: 16 values of 32 bits.
    Avx512,
}

/// The longest vectors that are there and that the environment's `ATEN_CPU_CAPABILITY` allows; `None` where
/// these are neither AVX2's nor AVX-512's.
pub(crate) fn vectors() -> Option<Vectors> {
    match lpmflow_vector_lanes() {
        16 => Some(Vectors::Avx512),
        8 => Some(Vectors::Avx2),
        _ => None,
    }
}
