//! A kernel with its arguments, ready to be launched.

use std::ffi::c_void;

use tch::Tensor;

use crate::nn::native::kernels::disc::KernelDisc;
use crate::nn::native::kernels::source::Source;

/// A kernel with its arguments, ready to be launched.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    /// The file that holds it.
    pub source: Source,
    /// Its name there.
    pub entry: String,
    /// In its order.
    pub arguments: Vec<Argument<'a>>,
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block.
    pub threads: u32,
}

/// An argument of a kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Argument<'a> {
    /// Where a tensor's values begin; the kernel reads or writes them.
    Values(&'a Tensor),
    /// A null pointer.
    Nothing,
    /// A structure, by value.
    Disc(&'a KernelDisc),
    /// `int`.
    Integer(i32),
    /// `float`.
    Number(f32),
}

impl Argument<'_> {
    /// Its bytes, the first of eight; of a structure none.
    fn bytes(&self) -> u64 {
        match self {
            Self::Values(xs) => xs.data_ptr() as u64,
            Self::Nothing | Self::Disc(_) => 0,
            Self::Integer(value) => u64::from(value.cast_unsigned()),
            Self::Number(value) => u64::from(value.to_bits()),
        }
    }
}

impl Launch<'_> {
    /// The arguments as drivers take them: the address of each.
    pub(crate) fn with_arguments<T>(&self, launch: impl FnOnce(&mut [*mut c_void]) -> T) -> T {
        let mut values: Vec<u64> = self.arguments.iter().map(Argument::bytes).collect();
        let address = |(argument, value): (&Argument, &mut u64)| match argument {
            Argument::Disc(disc) => std::ptr::from_ref(*disc).cast_mut().cast(),
            _ => std::ptr::from_mut(value).cast(),
        };
        let mut addresses: Vec<*mut c_void> =
            self.arguments.iter().zip(&mut values).map(address).collect();
        launch(&mut addresses)
    }
}
