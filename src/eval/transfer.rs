//! How a keypoint of the source moves with a flow: the rules that protocols choose from.
//!
//! The *paper frame* is the image stretched to 512 x 512 without keeping its aspect, as the authors'
//! code measures: `x * 512 / width`, `y * 512 / height`, with no half-pixel shift, in 32-bit floats.

use crate::data::Pair;
use crate::eval::protocol::rules::MeasureFrame;
use crate::flow::Matched;
use crate::geometry::{Point, Size};

/// Side of the paper frame in pixels.
pub(crate) const PAPER_FRAME_SIDE: f64 = 512.0;

/// Patches along each side of the 840 frame, in which GeoAware-SC and DIY-SC match.
const PATCHES: usize = 60;

/// The authors' rule, within a frame to which photos are stretched, of `side` pixels: the keypoint is cut to whole
/// pixels inside the frame and moved by the flow enlarged to the frame (bilinear, `align_corners = false`), measured in
/// frame pixels. A matcher with a rule of its own for points gets the same start.
pub(crate) fn transfer_in_frame(keypoint: Point, side: f64, matched: &Matched) -> Point {
    let whole = |position: f64| position.trunc().clamp(0.0, side - 1.0);
    matched.transfer_in_frame(Point::new(whole(keypoint.x), whole(keypoint.y)), side)
}

/// The source keypoints of a pair, moved by the authors' rule in a frame to which photos are stretched; the result
/// lies in the target's frame, not mirrored.
///
/// # Panics
/// When the frame has no side.
pub(crate) fn transfer_truncated(
    pair: &Pair,
    frame: MeasureFrame,
    matched: &Matched,
) -> Vec<Point> {
    let side = frame.side().expect("photos are stretched to the frame");
    // Parity: a mirrored photo has pixel x at side - 1 - x, but the reference puts its keypoints at side - x.
    let mirror = |point: Point| match pair.mirrored {
        true => Point::new(f64::from(side as f32 - point.x as f32), point.y),
        false => point,
    };
    let placed = frame.placed(pair.source.size);
    let start = |&keypoint| mirror(placed.frame_from_original(keypoint));
    let moved = |keypoint| mirror(transfer_in_frame(start(keypoint), side, matched));
    pair.source.keypoints.iter().map(moved).collect()
}

/// The source keypoints of a pair, moved by the rule of GeoAware-SC and DIY-SC: each is cut to a patch of the 840
/// frame, and moved as that patch's centre; the result lies in the target's 840 frame, not mirrored.
pub(crate) fn transfer_by_patch(pair: &Pair, matched: &Matched) -> Vec<Point> {
    let frame = MeasureFrame::Padded840;
    let side = frame.side().unwrap_or_default();
    let (source, target) = (frame.placed(pair.source.size), frame.placed(pair.target.size));
    let mirror = |unit: Point| if pair.mirrored { Point::new(1.0 - unit.x, unit.y) } else { unit };
    let stride = side / PATCHES as f64;
    // Parity: 32-bit, cut towards zero.
    let patch = |position: f64| {
        ((1.0 / stride) as f32 * position as f32).clamp(0.0, PATCHES as f32) as usize
    };
    let moved = |keypoint: &Point| {
        let start = source.frame_from_original(*keypoint);
        // Parity: a point on the right rim is in the first patch of the next row.
        let patch = (patch(start.y) * PATCHES + patch(start.x)).min(PATCHES * PATCHES - 1);
        let centre = |patch: usize| (patch as f64 + 0.5) * stride;
        let start = Point::new(centre(patch % PATCHES), centre(patch / PATCHES));
        let unit = matched.target_from_source_unit(mirror(source.unit_from_frame(start)));
        target.frame_from_unit(mirror(unit))
    };
    pair.source.keypoints.iter().map(moved).collect()
}

/// The source keypoints of a pair, moved with sub-pixel accuracy; the result is in original target
/// pixels, not mirrored.
pub(crate) fn transfer_sub_pixel(pair: &Pair, matched: &Matched) -> Vec<Point> {
    let moved = |keypoint: &Point| moved_sub_pixel(pair, matched, *keypoint);
    pair.source.keypoints.iter().map(moved).collect()
}

/// How sure the matcher is of each source keypoint, if it says.
pub(crate) fn confidence_sub_pixel(pair: &Pair, matched: &Matched) -> Option<Vec<f64>> {
    let last = pair.source.size.width as f64 - 1.0;
    let shown = |point: &Point| match pair.mirrored {
        true => Point::new(last - point.x, point.y),
        false => *point,
    };
    let at = |point: &Point| matched.confidence(pair.source.size.unit_from_pixel(shown(point)));
    pair.source.keypoints.iter().map(at).collect()
}

/// A point of the source, moved so.
pub(crate) fn moved_sub_pixel(pair: &Pair, matched: &Matched, point: Point) -> Point {
    let mirror = |point: Point, image: Size| match pair.mirrored {
        true => Point::new(image.width as f64 - 1.0 - point.x, point.y),
        false => point,
    };
    let (source, target) = (pair.source.size, pair.target.size);
    mirror(matched.transfer(mirror(point, source), source, target), target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::pair;
    use crate::flow::Flow;

    #[test]
    fn paper_frame_has_no_half_pixel_shift() {
        let image = Size::new(256, 1024);
        let stretched =
            MeasureFrame::Paper512.placed(image).frame_from_original(Point::new(10.0, 10.0));
        assert_eq!(stretched, Point::new(5.0, 20.0));
        let back = MeasureFrame::Paper512.placed(image).original_from_frame(stretched);
        assert_eq!(back, Point::new(10.0, 10.0));
    }

    #[test]
    fn paper_rule_cuts_to_whole_pixels_inside_the_frame() {
        let flow = Flow::zero(Size::square(128)).into();
        let moved = |x, y| transfer_in_frame(Point::new(x, y), PAPER_FRAME_SIDE, &flow);
        assert_eq!(moved(3.99, -0.9), Point::new(3.0, 0.0));
        assert_eq!(moved(-5.0, 700.0), Point::new(0.0, 511.0));
    }

    #[test]
    fn patch_rule_moves_the_centre_of_the_patch() {
        let mut pair = pair(&[(10.0, 20.0), (17.9, 0.0), (420.0, 0.0)], &[(0.0, 0.0); 3]);
        pair.source.size = Size::new(210, 420);
        pair.target.size = Size::new(840, 420);
        // In the 840 frame (20, 250), (35.8, 210) and (840, 210): patches (1, 17), (2, 15) and, beyond the last of
        // row 15, (0, 16).
        let moved = transfer_by_patch(&pair, &Flow::zero(Size::square(8)).into());
        let wanted = [(21.0, 245.0), (35.0, 217.0), (7.0, 231.0)]
            .map(|(x, y)| Point::new(210.0 + x / 840.0 * 420.0, (y - 210.0) / 420.0 * 840.0));
        assert!(
            moved.iter().zip(wanted).all(|(found, wanted)| found.distance(wanted) < 1e-9),
            "{moved:?}"
        );
        pair.mirrored = true;
        assert_eq!(transfer_by_patch(&pair, &Flow::zero(Size::square(8)).into()), moved);
    }

    #[test]
    fn paper_rule_scales_a_coarse_flow_to_the_frame() {
        let flow =
            Flow::from_channels(Size::square(16), &[[1.0; 256], [-0.5; 256]].concat()).into();
        let moved = transfer_in_frame(Point::new(100.0, 200.0), PAPER_FRAME_SIDE, &flow);
        assert_eq!(moved, Point::new(132.0, 184.0));
    }

    #[test]
    fn mirrored_pair_under_zero_flow_keeps_its_relative_positions() {
        let mut pair = pair(&[(10.0, 20.0)], &[(0.0, 0.0)]);
        pair.source.size = Size::new(100, 200);
        pair.target.size = Size::new(50, 100);
        let upright = transfer_sub_pixel(&pair, &Flow::zero(Size::square(8)).into());
        pair.mirrored = true;
        let mirrored = transfer_sub_pixel(&pair, &Flow::zero(Size::square(8)).into());
        assert_eq!(upright, mirrored);
        // 10 * 512 / 200 = 25.6: cut to 25 upright; mirrored 486.4 is cut to 486, which is 26.
        assert_eq!(
            transfer_truncated(&pair, MeasureFrame::Paper512, &Flow::zero(Size::square(8)).into())
                [0]
            .x,
            26.0
        );
    }
}
