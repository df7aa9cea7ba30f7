//! How pictures are drawn: strokes, text, colours, and what the user chooses of it.

pub(crate) mod canvas;
pub(crate) mod colour;
pub(crate) mod fade;
pub(crate) mod panels;
pub(crate) mod strip;
pub(crate) mod text;

/// What of the pictures the user chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Drawing {
    /// Whether lines join the points of both photos.
    pub lines: bool,
    /// Whether a flow picture has a colour wheel in its corner.
    pub legend: bool,
    /// The displacement that a flow picture's full colours stand for, in the written flow's pixels; otherwise it
    /// follows from the flow.
    pub flow_scale: Option<f32>,
}
