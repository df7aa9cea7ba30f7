//! Inference: frames become features, kept per photo, and features become flows.

pub mod frame;
