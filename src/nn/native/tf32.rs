//! Whether GPUs may round the factors of float32 products to TensorFloat-32 (`libtorch.cpp`).

unsafe extern "C" {
    safe fn lpmflow_allow_tf32(products: bool, convolutions: bool);
    #[cfg(test)]
    safe fn lpmflow_tf32_products() -> bool;
    #[cfg(test)]
    safe fn lpmflow_tf32_convolutions() -> bool;
}

/// Where TensorFloat-32 is allowed, for the whole program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tf32 {
    /// In matrix products.
    pub products: bool,
    /// In convolutions.
    pub convolutions: bool,
}

impl Tf32 {
    /// What libtorch is set to.
    #[cfg(test)]
    pub(crate) fn current() -> Self {
        Self { products: lpmflow_tf32_products(), convolutions: lpmflow_tf32_convolutions() }
    }

    /// Sets libtorch to this.
    pub(crate) fn apply(self) {
        lpmflow_allow_tf32(self.products, self.convolutions);
    }
}
