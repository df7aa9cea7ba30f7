//! Where a closer look is taken, what guides it, and what becomes of it.

use tch::Tensor;

use crate::flow::Flow;
use crate::geometry::{Point, Size};
use crate::model::matcher::Matching;
use crate::model::matcher::consensus::config::CloserConfig;
use crate::model::matcher::consensus::guide::Guide;
use crate::model::matcher::parts::{Part, Parts};
use crate::nn::numbers::numbers;
use crate::nn::resize::{Corners, resize_bilinear};
use crate::nn::shape::dims;

/// Share of the weight that may lie beyond either edge of a part.
const BEYOND: f64 = 0.01;

/// The grid of the merged flow has so many times the rows of the first one.
const FINER: i64 = 2;

/// Where to look in both photos of each pair: the rectangle that holds nearly all that is worth it, by the focus of the
/// source's cells and of where they lead. None where neither would be seen much larger than before.
pub(super) fn parts(found: &Matching, config: &CloserConfig) -> Vec<Option<Parts>> {
    let flows = flows(&found.flow);
    let Some(focus) = &found.focus else { return vec![None; flows.len()] };
    let focus: Vec<f64> = numbers(focus).into_iter().map(f64::from).collect();
    let cells = focus.len() / flows.len().max(1);
    let pairs = flows.iter().zip(focus.chunks_exact(cells.max(1)));
    let is_closer = |parts: &Parts| parts.iter().any(|part| part.zoom() >= config.zoom);
    pairs.map(|(flow, focus)| Some(parts_of_pair(flow, focus, config)).filter(is_closer)).collect()
}

fn parts_of_pair(flow: &Flow, focus: &[f64], config: &CloserConfig) -> Parts {
    let sources: Vec<Point> = cells(flow.size).collect();
    let targets = sources.iter().map(|&cell| flow.target_from_source_unit(cell)).collect();
    let half_cell = 0.5 / flow.size.width as f64;
    [sources, targets].map(|points: Vec<Point>| {
        let along = |axis: fn(&Point) -> f64| {
            let mut weighted: Vec<(f64, f64)> =
                points.iter().map(axis).zip(focus.iter().copied()).collect();
            weighted.sort_by(|a, b| a.0.total_cmp(&b.0));
            range(&weighted, half_cell, config)
        };
        let ([left, right], [top, bottom]) = (along(|point| point.x), along(|point| point.y));
        Part { start: Point::new(left, top), end: Point::new(right, bottom) }
    })
}

/// The part of an axis that holds nearly all weight, of positions in order.
fn range(weighted: &[(f64, f64)], half_cell: f64, config: &CloserConfig) -> [f64; 2] {
    let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    // Also where features are not numbers, which is told when the flow is looked at.
    if !total.is_normal() {
        return [0.0, 1.0];
    }
    let reached = |share: f64| {
        let mut sum = 0.0;
        let passed = weighted.iter().find(|(_, weight)| {
            sum += weight;
            sum >= share * total
        });
        let position = passed.map_or(1.0, |(position, _)| *position);
        // To half a cell: the last digits of a flow must not move a part.
        (position / half_cell).round() * half_cell
    };
    let [start, end] = [reached(BEYOND) - half_cell, reached(1.0 - BEYOND) + half_cell];
    let length = ((end - start) * (1.0 + 2.0 * config.margin)).clamp(config.least, 1.0);
    let start = (f64::midpoint(start, end) - length / 2.0).clamp(0.0, 1.0 - length);
    [start, start + length]
}

/// Where the first look leads each cell of the closer one, of the pairs that have one; both its grids have `side` rows.
pub(super) fn guide(
    found: &Matching,
    parts: &[Option<Parts>],
    side: i64,
    config: &CloserConfig,
) -> Guide {
    let grid = Size::square(side as usize);
    let looked = flows(&found.flow).into_iter().zip(parts).filter_map(|(flow, parts)| {
        let [source, target] = (*parts)?;
        let expected = cells(grid).flat_map(|cell| {
            let led = flow.target_from_source_unit(source.outside(cell));
            let Point { x, y } = grid.pixel_from_unit(target.inside(led));
            [x as f32, y as f32]
        });
        Some(expected.collect::<Vec<f32>>())
    });
    let matches = Tensor::from_slice(&looked.collect::<Vec<_>>().concat());
    let matches = matches.view([-1, side * side, 2]).to_device(found.flow.device());
    let CloserConfig { sigma, iterations, radius_squared, .. } = *config;
    Guide { matches, sigma, iterations, radius_squared }
}

/// The flow of the first look, on a finer grid, with that of the closer look within its part, if there is one: at the
/// part's edge one becomes the other over a cell, except where the photo ends there.
///
/// # Shapes
/// `near` `[L, 2, G, G]`, in cells of the closer look's grids, of the pairs that have one.
pub(super) fn merged(found: &Matching, parts: &[Option<Parts>], near: Option<&Tensor>) -> Matching {
    let [batch, _, side, _] = dims(&found.flow);
    let finer = FINER * side;
    let grid = Size::square(finer as usize);
    let mut near = near.map(flows).unwrap_or_default().into_iter();
    let pairs = flows(&found.flow).into_iter().zip(parts);
    let values: Vec<Vec<f32>> = pairs
        .map(|(first, parts)| {
            let closer = parts.as_ref().and_then(|parts| Some((near.next()?, parts)));
            merged_flow(&first, closer, grid)
        })
        .collect();
    let flow = Tensor::from_slice(&values.concat()).view([batch, 2, finer, finer]);
    let confidence = found.confidence.as_ref().map(|confidence| {
        resize_bilinear(&confidence.unsqueeze(1), [finer; 2], Corners::Edges).squeeze_dim(1)
    });
    Matching { confidence, ..flow.to_device(found.flow.device()).into() }
}

/// Both channels of one pair.
fn merged_flow(first: &Flow, closer: Option<(Flow, &Parts)>, grid: Size) -> Vec<f32> {
    let mut channels = [Vec::with_capacity(grid.area()), Vec::with_capacity(grid.area())];
    for unit in cells(grid) {
        let mut led = first.target_from_source_unit(unit);
        if let Some((near, [source, target])) = &closer {
            let (inside, cell) = (source.inside(unit), 1.0 / near.size.width as f64);
            let share = share(inside.x, [source.start.x, source.end.x], cell).min(share(
                inside.y,
                [source.start.y, source.end.y],
                cell,
            ));
            let close = target.outside(near.target_from_source_unit(inside));
            led = Point::new(led.x + share * (close.x - led.x), led.y + share * (close.y - led.y));
        }
        let [right, down] = &mut channels;
        right.push(((led.x - unit.x) * grid.width as f64) as f32);
        down.push(((led.y - unit.y) * grid.height as f64) as f32);
    }
    channels.concat()
}

/// How far the closer look counts at a position along one axis of its part, which lies so in the frame.
fn share(inside: f64, [start, end]: [f64; 2], cell: f64) -> f64 {
    let from_edge = |distance: f64, is_rim: bool| match is_rim {
        true => 1.0,
        false => (distance / cell).clamp(0.0, 1.0),
    };
    from_edge(inside, start <= 0.0).min(from_edge(1.0 - inside, end >= 1.0))
}

/// The middles of a grid's cells, row by row, in the unit square.
fn cells(grid: Size) -> impl Iterator<Item = Point> {
    let middle = move |index: usize| {
        grid.unit_from_pixel(Point::new((index % grid.width) as f64, (index / grid.width) as f64))
    };
    (0..grid.area()).map(middle)
}

/// Each of a batch of flows, `[B, 2, G, G]`.
fn flows(flows: &Tensor) -> Vec<Flow> {
    let [_, _, rows, columns] = dims(flows);
    let size = Size::new(rows as usize, columns as usize);
    let values = numbers(flows);
    values.chunks_exact(2 * size.area()).map(|values| Flow::from_channels(size, values)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn matching(flow: &Flow, focus: &[f32]) -> Matching {
        let side = flow.size.width as i64;
        let values = [flow.dx.as_slice(), flow.dy.as_slice()].concat();
        let flow = Tensor::from_slice(&values).view([1, 2, side, side]);
        let focus = Tensor::from_slice(focus).view([1, side * side]);
        Matching { focus: Some(focus), ..flow.into() }
    }

    /// 8 x 8 cells that all lie 2 cells further to the right in the target, of which those of a square count.
    fn shifted() -> Matching {
        let size = Size::square(8);
        let mut flow = Flow::zero(size);
        flow.dx.fill(2.0);
        let counts = |index: usize| (2..4).contains(&(index % 8)) && (3..5).contains(&(index / 8));
        let focus: Vec<f32> = (0..64).map(|index| f32::from(counts(index))).collect();
        matching(&flow, &focus)
    }

    fn config() -> CloserConfig {
        CloserConfig { margin: 0.0, least: 0.1, zoom: 1.0, ..CloserConfig::default() }
    }

    #[test]
    fn the_parts_hold_what_counts_and_where_it_leads() {
        let [source, target] = parts(&shifted(), &config())[0].unwrap();
        let eighths = |part: Part| {
            [part.start.x, part.end.x, part.start.y, part.end.y]
                .map(|edge| (edge * 8.0 * 1e6).round() / 1e6)
        };
        assert_eq!(eighths(source), [2.0, 4.0, 3.0, 5.0]);
        assert_eq!(eighths(target), [4.0, 6.0, 3.0, 5.0]);
        // At least so large, and within the photo.
        let least = CloserConfig { least: 0.75, ..config() };
        let [source, target] = parts(&shifted(), &least)[0].unwrap();
        assert_eq!(eighths(source), [0.0, 6.0, 1.0, 7.0]);
        assert_eq!(eighths(target), [2.0, 8.0, 1.0, 7.0]);
        let nothing = matching(&Flow::zero(Size::square(8)), &[0.0; 64]);
        let [source, target] = parts(&nothing, &config())[0].unwrap();
        assert_eq!(eighths(source), [0.0, 8.0, 0.0, 8.0]);
        assert_eq!(source, target);
        let much_larger = CloserConfig { zoom: 5.0, ..config() };
        assert_eq!(
            parts(&shifted(), &much_larger),
            [None],
            "of 8 cells 2 are seen 4 times as large"
        );
    }

    #[test]
    fn the_guide_leads_where_the_first_look_did() {
        let found = shifted();
        let guide = guide(&found, &parts(&found, &config()), 4, &config());
        assert_eq!(guide.matches.size(), [1, 16, 2]);
        // The target's part lies where the source's leads: every cell leads to itself.
        let wanted = crate::model::matcher::cosine::cells(4, Device::Cpu);
        assert!((guide.matches.get(0) - wanted).abs().max().double_value(&[]) < 1e-5);
    }

    #[test]
    fn the_closer_look_counts_within_its_part_alone() {
        let found = shifted();
        let parts = parts(&found, &config());
        // Everything in the part a quarter of it further to the right: half a cell of the first look.
        let mut near = Flow::zero(Size::square(8));
        near.dx.fill(2.0);
        let near = matching(&near, &[0.0; 64]).flow;
        let merged = merged(&found, &parts, Some(&near));
        assert_eq!(merged.flow.size(), [1, 2, 16, 16]);
        let flow = &flows(&merged.flow)[0];
        let right = |x: f64, y: f64| {
            let moved = flow.target_from_source_unit(Point::new(x / 8.0, y / 8.0));
            (8.0 * moved.x - x, 8.0 * moved.y - y)
        };
        let near = |(x, y): (f64, f64), wanted: f64| (x - wanted).abs() < 0.02 && y.abs() < 0.02;
        assert!(near(right(3.25, 4.25), 2.5) && near(right(2.75, 3.75), 2.5));
        assert!(near(right(6.0, 4.0), 2.0) && near(right(3.0, 1.5), 2.0));
        let first = super::merged(&found, &[None], None);
        assert!((first.flow.select(1, 0) - 4.0).abs().max().double_value(&[]) < 1e-4);
    }
}
