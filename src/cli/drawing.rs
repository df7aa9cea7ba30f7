//! How `predict` draws its pictures.

use clap::Args;

use crate::drawing::Drawing;

/// The flags of pictures.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct DrawingArguments {
    /// Join the dots of both photos by lines in a --matches picture
    #[arg(long)]
    lines: bool,
    /// Explain a flow picture or a warp: the source beneath it, and words, and the wheel of a flow's colours
    #[arg(long)]
    legend: bool,
    /// The displacement, in pixels of the written flow, that full colours of a flow picture stand for
    ///
    /// As in Middlebury's convention, to compare pictures. Without it displacements count as parts of the photo,
    /// and the scale follows from the flow.
    #[arg(long, value_name = "PIXELS", value_parser = pixels)]
    flow_scale: Option<f32>,
}

impl DrawingArguments {
    /// The same, for the engine.
    pub(crate) fn drawing(self) -> Drawing {
        let Self { lines, legend, flow_scale } = self;
        Drawing { lines, legend, flow_scale }
    }
}

/// A length.
fn pixels(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|number: &f32| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "a number of pixels is above 0".to_owned())
}
