//! From pixels to polygons: the outlines of a mask's parts.

use std::collections::HashMap;

use crate::data::outline::Mask;
use crate::geometry::Point;

/// A part of a mask that is smaller than this share of the largest is a splinter of the match, not of the object.
const SPLINTER: f64 = 0.01;

/// How far a corner may lie from the line that leaves it out, in pixels: what stairs along an edge differ by.
const STAIRS: f64 = 0.75;

/// A corner between pixels: column, row.
type Corner = (i32, i32);

/// The mask without splinters.
pub(super) fn without_splinters(mask: &Mask) -> Mask {
    let (part_of, areas) = parts(mask);
    let least = SPLINTER * areas.iter().copied().max().unwrap_or(0) as f64;
    let width = mask.size.width;
    Mask::from_fn(mask.size, |row, column| {
        part_of[row * width + column].is_some_and(|part| areas[part as usize] as f64 >= least)
    })
}

/// The part that each pixel belongs to, and each part's pixels; neighbours share a side.
fn parts(mask: &Mask) -> (Vec<Option<u32>>, Vec<usize>) {
    let (height, width) = (mask.size.height, mask.size.width);
    let mut part_of: Vec<Option<u32>> = vec![None; mask.size.area()];
    let mut areas = Vec::new();
    for start in 0..part_of.len() {
        if part_of[start].is_some() || !mask.at(start / width, start % width) {
            continue;
        }
        let part = areas.len() as u32;
        let (mut area, mut open) = (0, vec![start]);
        part_of[start] = Some(part);
        while let Some(pixel) = open.pop() {
            area += 1;
            let (row, column) = (pixel / width, pixel % width);
            let neighbours = [
                (row > 0).then(|| pixel - width),
                (row + 1 < height).then(|| pixel + width),
                (column > 0).then(|| pixel - 1),
                (column + 1 < width).then(|| pixel + 1),
            ];
            for next in neighbours.into_iter().flatten() {
                if part_of[next].is_none() && mask.at(next / width, next % width) {
                    part_of[next] = Some(part);
                    open.push(next);
                }
            }
        }
        areas.push(area);
    }
    (part_of, areas)
}

/// The outer outline of each part, clockwise, in corners of pixels: pixel 0 runs from 0 to 1. Holes are not told.
pub(super) fn outlines(mask: &Mask) -> Vec<Vec<Point>> {
    let loops = loops(mask).into_iter().filter(|corners| area(corners) > 0.0);
    loops.map(|corners| simplified(&corners)).collect()
}

/// The area within, in pixels; negative where the outline runs counterclockwise.
pub(super) fn area(corners: &[Point]) -> f64 {
    let next = corners.iter().cycle().skip(1);
    let cross = |(a, b): (&Point, &Point)| a.x * b.y - b.x * a.y;
    corners.iter().zip(next).map(cross).sum::<f64>() / 2.0
}

/// Every boundary, with its object on the right hand.
fn loops(mask: &Mask) -> Vec<Vec<Point>> {
    let mut edges = edges(mask);
    // In the order of the pixels, which a map has not.
    let mut starts: Vec<Corner> = edges.keys().copied().collect();
    starts.sort_unstable_by_key(|(column, row)| (*row, *column));
    let mut loops = Vec::new();
    for start in starts {
        while let Some(first) = edges.get_mut(&start).and_then(Vec::pop) {
            let mut corners = vec![start];
            let (mut from, mut at) = (start, first);
            while at != start {
                corners.push(at);
                let next = following(&mut edges, from, at);
                (from, at) = (at, next);
            }
            loops.push(corners.into_iter().map(|(x, y)| Point::new(x.into(), y.into())).collect());
        }
    }
    loops
}

/// Where the boundary goes on that came from `from` to `at`: where parts touch at a corner, it stays with its own.
fn following(edges: &mut HashMap<Corner, Vec<Corner>>, from: Corner, at: Corner) -> Corner {
    let ends = edges.get_mut(&at).expect("a boundary is closed");
    let (right, down) = (at.0 - from.0, at.1 - from.1);
    let clockwise = (at.0 - down, at.1 + right);
    let index = ends.iter().position(|end| *end == clockwise).unwrap_or(0);
    ends.swap_remove(index)
}

/// The sides of pixels between object and not, by where they begin.
fn edges(mask: &Mask) -> HashMap<Corner, Vec<Corner>> {
    let (height, width) = (mask.size.height as i32, mask.size.width as i32);
    let at = |row: i32, column: i32| {
        (0..height).contains(&row)
            && (0..width).contains(&column)
            && mask.at(row as usize, column as usize)
    };
    let mut edges: HashMap<Corner, Vec<Corner>> = HashMap::new();
    for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
        if !at(row, column) {
            continue;
        }
        let corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)];
        let beside = [(row - 1, column), (row, column + 1), (row + 1, column), (row, column - 1)];
        for (side, (row, column)) in beside.into_iter().enumerate() {
            if !at(row, column) {
                edges.entry(corners[side]).or_default().push(corners[(side + 1) % 4]);
            }
        }
    }
    edges
}

/// The outline with fewer corners, none of which lies farther than [`STAIRS`] from it (Ramer, Douglas and Peucker).
fn simplified(corners: &[Point]) -> Vec<Point> {
    // Two corners that are far apart stay in any case.
    let far = |from: Point| {
        let distance = |index: &usize| corners[*index].distance(from);
        (0..corners.len()).max_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
    };
    let first = far(corners[0]);
    let turned = [&corners[first..], &corners[..=first]].concat();
    let second = (0..turned.len())
        .max_by(|a, b| turned[*a].distance(turned[0]).total_cmp(&turned[*b].distance(turned[0])))
        .unwrap_or(0);
    let mut kept = vec![false; turned.len()];
    kept[0] = true;
    let mut open = vec![(0, second), (second, turned.len() - 1)];
    while let Some((start, end)) = open.pop() {
        kept[start] = true;
        let distance = |index: &usize| distance_to_line(turned[*index], turned[start], turned[end]);
        let farthest = (start + 1..end).max_by(|a, b| distance(a).total_cmp(&distance(b)));
        if let Some(index) = farthest.filter(|index| distance(index) > STAIRS) {
            open.extend([(start, index), (index, end)]);
        }
    }
    let corners = turned.iter().zip(kept).filter(|(_, kept)| *kept).map(|(corner, _)| *corner);
    corners.collect()
}

/// From a point to a stretch of line.
fn distance_to_line(point: Point, start: Point, end: Point) -> f64 {
    let (along_x, along_y) = (end.x - start.x, end.y - start.y);
    let length = along_x.hypot(along_y);
    if length == 0.0 {
        return point.distance(start);
    }
    let part = ((point.x - start.x) * along_x + (point.y - start.y) * along_y) / (length * length);
    let part = part.clamp(0.0, 1.0);
    point.distance(Point::new(start.x + part * along_x, start.y + part * along_y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    fn mask(rows: &[&str]) -> Mask {
        let size = Size::new(rows.len(), rows[0].len());
        Mask::from_fn(size, |row, column| rows[row].as_bytes()[column] == b'#')
    }

    #[test]
    fn each_part_has_an_outline_even_where_two_touch_at_a_corner() {
        let mask = mask(&["##..", "##..", "..##", "..##"]);
        let outlines = outlines(&mask);
        assert_eq!(outlines.len(), 2);
        for outline in &outlines {
            assert_eq!((outline.len(), area(outline)), (4, 4.0), "{outline:?}");
        }
    }

    #[test]
    fn holes_are_filled_and_splinters_left_out() {
        let mut rows = vec!["#".repeat(20); 20];
        rows[5].replace_range(4..6, "..");
        rows.push(".".repeat(20));
        rows.push(format!("{}##", ".".repeat(18)));
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let whole = without_splinters(&mask(&rows));
        assert_eq!(whole.area(), 398);
        let outlines = outlines(&whole);
        assert_eq!((outlines.len(), area(&outlines[0])), (1, 400.0));
        assert_eq!(without_splinters(&mask(&["#..#"])).area(), 2);
    }

    #[test]
    fn the_outline_of_a_disc_is_short_and_as_large() {
        let (size, centre) = (Size::new(90, 100), Point::new(50.0, 41.0));
        let disc = Mask::from_fn(size, |row, column| {
            Point::new(column as f64, row as f64).distance(centre) < 30.0
        });
        let outlines = outlines(&disc);
        let corners = outlines[0].len();
        assert!((8..60).contains(&corners), "{corners}");
        let ratio = area(&outlines[0]) / disc.area() as f64;
        assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
        assert!(super::outlines(&Mask::from_fn(size, |_, _| false)).is_empty());
    }
}
