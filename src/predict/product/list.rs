//! The one list of what a file of `predict` can show.

use crate::predict::product::Kind;
use crate::predict::product::blend::Blend;
use crate::predict::product::colours::Colours;
use crate::predict::product::confidence::Confidence;
use crate::predict::product::features::Features;
use crate::predict::product::flow::FlowFile;
use crate::predict::product::matches::Matches;
use crate::predict::product::morph::Morph;
use crate::predict::product::transfer::Transfer;
use crate::predict::product::view::View;
use crate::predict::product::warp::Warp;

/// The products in the order of their flags.
pub(crate) const PRODUCTS: &[Kind] = &[
    // What the command is about comes first.
    Kind::of::<FlowFile>(),
    Kind::of::<View>(),
    Kind::of::<Warp>(),
    Kind::of::<Blend>(),
    Kind::of::<Matches>(),
    Kind::of::<Colours>(),
    Kind::of::<Confidence>(),
    Kind::of::<Transfer>(),
    Kind::of::<Morph>(),
    Kind::of::<Features>(),
    #[cfg(test)]
    Kind::of::<crate::predict::product::toy::Toy>(),
];
