//! Tests of random warps against maps one can compute by hand.

use crate::train::samples::random::{Purpose, generator};
use crate::train::samples::warp::*;

const GRID: Size = Size::square(32);

fn rng(index: u64) -> impl Rng {
    generator(7, Purpose::Augmentation, 0, index)
}

/// A picture whose colours are linear in the position, so that bilinear sampling is exact.
fn gradient() -> RgbImage {
    RgbImage::from_fn(64, 64, |x, y| Rgb([4 * x as u8, 4 * y as u8, 2 * (x + y) as u8]))
}

#[test]
fn an_affine_warp_has_the_exact_flow_on_every_cell() {
    // A quarter turn about the middle: (x, y) to (1 - y, x).
    let warp = Warp::affine(Affine([[0.0, -1.0, 1.0], [1.0, 0.0, 0.0]]));
    let (flow, valid) = warp.flow(GRID);
    assert!(valid.iter().all(|&valid| valid));
    for (row, column) in [(0, 0), (5, 30), (31, 31)] {
        let matched = Point::new(31.0 - row as f64, column as f64);
        let step = Point::new(matched.x - column as f64, matched.y - row as f64);
        assert!(flow.at(row, column).distance(step) < 1e-5);
    }
}

#[test]
fn cells_whose_target_lies_outside_the_photo_are_not_valid() {
    let shift_by_a_quarter = Affine([[1.0, 0.0, 0.25], [0.0, 1.0, 0.0]]);
    let (flow, valid) = Warp::affine(shift_by_a_quarter).flow(GRID);
    for (index, valid) in valid.into_iter().enumerate() {
        assert_eq!(valid, index % 32 < 24, "column {}", index % 32);
        assert_eq!(flow.at(index / 32, index % 32), Point::new(8.0, 0.0));
    }
}

#[test]
fn a_bending_warp_moves_its_controls_as_told() {
    let affine = Affine([[0.9, 0.1, 0.0], [-0.1, 0.8, 0.2]]);
    let controls: Vec<Point> = centres(3).collect();
    let shifts: Vec<Point> =
        (0..9).map(|i| Point::new(0.01 * f64::from(i), 0.02 * f64::from(i % 4))).collect();
    let warp = Warp::bending(affine, &controls, &shifts);
    for (control, shift) in controls.iter().zip(&shifts) {
        let straight = affine.map(*control);
        let wanted = Point::new(straight.x + shift.x, straight.y + shift.y);
        assert!(warp.map(*control).distance(wanted) < 1e-9);
    }
}

#[test]
fn the_source_shows_at_each_pixel_what_the_target_shows_where_the_flow_points() {
    let target = gradient();
    for index in 0..20 {
        let warp = Warp::draw(&mut rng(index), &WarpConfig::default());
        let source = warp.source(&target);
        let (flow, _) = warp.flow(Size::square(64));
        for (x, y, pixel) in source.enumerate_pixels() {
            let step = flow.at(y as usize, x as usize);
            let matched = Point::new(f64::from(x) + step.x, f64::from(y) + step.y);
            // Inside, away from the rim where it is mirrored, colours are four times the position.
            if (0.0..=63.0).contains(&matched.x) && (0.0..=63.0).contains(&matched.y) {
                assert!((f64::from(pixel[0]) - 4.0 * matched.x).abs() < 0.51, "{x}, {y}");
                assert!((f64::from(pixel[1]) - 4.0 * matched.y).abs() < 0.51, "{x}, {y}");
            }
        }
    }
}

#[test]
fn drawn_warps_do_not_fold_stay_in_bounds_and_differ() {
    let strong = WarpConfig { bend: 0.3, bend_probability: 1.0, ..WarpConfig::default() };
    let mut first_cells = Vec::new();
    for index in 0..50 {
        let warp = Warp::draw(&mut rng(index), &strong);
        assert!(!warp.folds());
        let (flow, valid) = warp.flow(GRID);
        let share = valid.iter().filter(|&&valid| valid).count() as f64 / GRID.area() as f64;
        assert!(share > 0.2, "warp {index} leaves {share} of the photo");
        assert!(flow.dx.iter().chain(&flow.dy).all(|value| value.abs() < 64.0));
        first_cells.push(flow.at(0, 0).x);
    }
    first_cells.sort_by(f64::total_cmp);
    first_cells.dedup();
    assert_eq!(first_cells.len(), 50);
}

#[test]
fn without_strength_the_warp_is_the_identity() {
    let none = WarpConfig {
        rotation: 0.0,
        scale: 1.0,
        stretch: 1.0,
        shear: 0.0,
        shift: 0.0,
        bend: 0.0,
        bend_probability: 1.0,
    };
    let warp = Warp::draw(&mut rng(0), &none);
    assert_eq!(warp.source(&gradient()), gradient());
    let (flow, _) = warp.flow(GRID);
    assert!(flow.dx.iter().chain(&flow.dy).all(|value| value.abs() < 1e-6));
}

#[test]
fn positions_beyond_the_rim_are_mirrored_at_the_outer_edge() {
    let pixels = |position| mirrored_neighbours(position, 4);
    assert_eq!(pixels(-1.0), (0, 0, 0.0));
    assert_eq!(pixels(-2.25), (2, 1, 0.75));
    assert_eq!(pixels(3.5), (3, 3, 0.5));
    assert_eq!(pixels(5.0), (2, 1, 0.0));
}
