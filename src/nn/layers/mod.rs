//! Layers: parameters and how they are applied. What is computed is the operations' ([`crate::nn::ops`]); a
//! layer asks a [`VarBuilder`](crate::nn::parameters::VarBuilder) for its parameters by the names they have in
//! weight files.

pub mod attention;
pub mod conv;
pub mod linear;
pub mod mlp;
pub mod norm;
