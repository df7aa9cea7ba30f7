//! How points move in CHM and TransforMatcher, against their authors' code.

use tch::{Kind, Tensor};

use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::model::features::Features;
use crate::model::matcher::{Matcher, PairFound};

/// Side of the authors' frame, in pixels.
const FRAME: f64 = 240.0;

/// In the source, in pixels of the frame.
const POINTS: [(f64, f64); 4] = [(35.0, 70.0), (100.25, 120.0), (118.5, 203.0), (231.0, 12.0)];

/// How far the points lie from those of the reference at most, in pixels: `wanted` holds rows of x and y.
pub fn distance(
    matcher: &dyn Matcher,
    [source, target]: [&Features; 2],
    flow: &Tensor,
    wanted: &Tensor,
) -> f64 {
    let side = flow.size()[3] as usize;
    let values = Vec::<f32>::try_from(flow.to_kind(Kind::Float).flatten(0, -1)).unwrap();
    let flow = Flow::from_channels(Size::square(side), &values);
    let (frames, end) = ([Size::square(FRAME as usize); 2], Point::new(1.0, 1.0));
    let found = PairFound { flow: &flow, correlation: None, source, target, frames, end };
    let rule = matcher.point_transfer(&found).expect("it has a rule of its own");
    let apart = |(index, (x, y)): (i64, (f64, f64))| {
        let moved = rule.target_from_source_unit(Point::new(x / FRAME, y / FRAME));
        let wanted = [0, 1].map(|axis| wanted.double_value(&[axis, index]));
        Point::new(moved.x * FRAME, moved.y * FRAME).distance(Point::new(wanted[0], wanted[1]))
    };
    (0..).zip(POINTS).map(apart).fold(0.0, f64::max)
}
