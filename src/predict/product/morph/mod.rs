//! The source turning into the target and back: both photos pulled towards each other along what corresponds, and
//! faded into one another.

mod animation;
mod frames;
mod halfway;
mod stage;

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use crate::drawing::Drawing;
use crate::inference::pixels::turned;
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::Needs;
use crate::predict::product::Product;
use crate::predict::product::morph::animation::AnimationFormat;
use crate::predict::product::morph::frames::Frames;
use crate::predict::product::morph::halfway::Halfway;
use crate::predict::product::morph::stage::Stage;

/// The source turning into the target and back.
#[derive(Debug)]
pub(crate) struct Morph;

impl Product for Morph {
    type Format = AnimationFormat;

    const NAME: &'static str = "morph";
    const HELP: &'static str = "Write an animation of the source turning into the target and back";
    const DETAILS: Option<&'static str> = Some(
        "Both photos are pulled towards each other along the matches of at least --min-confidence and faded into one \
         another; where nothing corresponds they are only faded. It lasts 2.6 seconds and begins anew. A .webp is at \
         most 640 pixels wide or high, a .gif 320, in 256 colours.",
    );
    const ENDINGS: &'static [(&'static str, AnimationFormat)] =
        &[("webp", AnimationFormat::Webp), ("gif", AnimationFormat::Gif)];

    fn needs_photos(_format: AnimationFormat, _drawing: Drawing) -> bool {
        true
    }

    fn needs(_format: AnimationFormat, _drawing: Drawing) -> Needs {
        Needs::BothWays
    }

    fn write(format: AnimationFormat, context: &Context, path: &Path) -> Result<Written> {
        // A target that was matched turned is shown so, or all would have to turn on its way there.
        let pair = context.pair.as_seen();
        let target = turned(context.target.pixels()?.clone(), context.pair.turns[1]);
        let photos = [context.source.pixels()?, &target];
        let stage = Stage::new([pair.source, pair.target], format.longest_side());
        let halfway = Halfway::new(&pair, &stage, context.limits.threshold());
        let frames = Frames::new(photos, &stage, &halfway).there(format.steps());
        let bytes = format.encode(&frames)?;
        output::write(path, |file| Ok(file.write_all(&bytes)?))?;
        Ok(Written::default())
    }
}
