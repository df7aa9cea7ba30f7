//! Layers: parameters and how they are applied. What is computed is the operations' ([`crate::nn::ops`]); a
//! layer asks a [`VarBuilder`](crate::nn::parameters::VarBuilder) for its parameters by the names they have in
//! weight files.

pub(crate) mod attention;
pub(crate) mod conv;
pub(crate) mod conv4d;
pub(crate) mod linear;
pub(crate) mod mlp;
pub(crate) mod norm;
pub(crate) mod rotary;
pub(crate) mod soft_argmax;
pub(crate) mod swin;
mod window;
