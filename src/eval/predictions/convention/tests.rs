//! Sound predictions, written in many ways, and systems that are weak or move nothing.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::eval::predict_identity;
use crate::eval::testing::{pair, prediction, protocol};
use crate::geometry::Size;

/// Forty pairs of photos of different sizes, whose objects lie and stand differently.
fn pairs(rng: &mut ChaCha8Rng) -> Vec<Pair> {
    let numbered = |index| {
        let mut pair = pair(&[], &[]);
        pair.index = index;
        let shape: Vec<(f64, f64)> =
            (0..8).map(|_| (rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0))).collect();
        for image in [&mut pair.source, &mut pair.target] {
            image.size = Size::new(rng.random_range(200..360), rng.random_range(240..500));
            let (width, height) = (image.size.width as f64, image.size.height as f64);
            let (x, y) = (rng.random_range(0.35..0.65), rng.random_range(0.35..0.65));
            let (sine, cosine) = rng.random_range(-0.7_f64..0.7).sin_cos();
            let size = rng.random_range(0.15..0.28) * width.min(height);
            let place = |&(a, b): &(f64, f64)| {
                let (a, b) = (a * cosine - b * sine, a * sine + b * cosine);
                Point::new(x * width + size * a, y * height + size * b)
            };
            image.keypoints = shape.iter().map(place).collect();
            let (left, top) = (x * width - size, y * height - size);
            image.bounding_box = Some([left, top, left + 2.0 * size, top + 2.0 * size].into());
        }
        pair
    };
    (0..40).map(numbered).collect()
}

/// Predictions that are right up to noise in as many of ten keypoints, and anywhere on the object else.
fn predicted(pairs: &[Pair], right: usize, rng: &mut ChaCha8Rng) -> Vec<Prediction> {
    let of_pair = |pair: &Pair| {
        let keypoints = &pair.target.keypoints;
        let point = |truth: &Point| {
            let found = if rng.random_range(0..10) < right {
                *truth
            } else {
                keypoints[rng.random_range(0..keypoints.len())]
            };
            let mut noise = || rng.random_range(-5.0..5.0);
            (found.x + noise(), found.y + noise())
        };
        prediction(pair.index, &keypoints.iter().map(point).collect::<Vec<_>>())
    };
    pairs.iter().map(of_pair).collect()
}

fn found(pairs: &[Pair], predictions: &[Prediction]) -> String {
    let pairs: Vec<&Pair> = pairs.iter().collect();
    let protocol = protocol("standard", "spair71k").unwrap();
    doubts(&pairs, predictions, &protocol).unwrap().join("; ")
}

/// The same predictions, each point written otherwise.
fn written(
    pairs: &[Pair],
    predictions: &[Prediction],
    write: impl Fn(Point, &Pair, Point) -> (f64, f64),
) -> Vec<Prediction> {
    let of_pair = |(pair, stored): (&Pair, &Prediction)| {
        let both = stored.points.iter().zip(&pair.source.keypoints);
        let points: Vec<_> = both.map(|(point, source)| write(*point, pair, *source)).collect();
        prediction(pair.index, &points)
    };
    pairs.iter().zip(predictions).map(of_pair).collect()
}

type Write = fn(Point, &Pair, Point) -> (f64, f64);

#[test]
fn a_convention_that_fits_far_better_is_named() {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    let pairs = pairs(rng);
    let cases: [(&str, Write); 7] = [
        ("[y, x] in target pixels", |point, _, _| (point.y, point.x)),
        ("[x, y] in pixels of the target stretched to 512x512", |point, pair, _| {
            let size = pair.target.size;
            (point.x * 512.0 / size.width as f64, point.y * 512.0 / size.height as f64)
        }),
        ("[y, x] in pixels of the target stretched to 1000x1000", |point, pair, _| {
            let size = pair.target.size;
            (point.y * 1000.0 / size.height as f64, point.x * 1000.0 / size.width as f64)
        }),
        ("[x, y] as parts of width and height, from 0 to 1", |point, pair, _| {
            let size = pair.target.size;
            (point.x / size.width as f64, point.y / size.height as f64)
        }),
        ("[x, y] from -1 to 1", |point, pair, _| {
            let size = pair.target.size;
            (2.0 * point.x / size.width as f64 - 1.0, 2.0 * point.y / size.height as f64 - 1.0)
        }),
        ("scaled to a longer side of 840", |point, pair, _| {
            let scale = 840.0 / pair.target.size.longer_side() as f64;
            (point.x * scale, point.y * scale)
        }),
        ("displacements from the source keypoints", |point, _, source| {
            (point.x - source.x, point.y - source.y)
        }),
    ];
    for right in [4, 9] {
        let predictions = predicted(&pairs, right, rng);
        assert_eq!(found(&pairs, &predictions), "", "{right}");
        for (name, write) in cases {
            let text = found(&pairs, &written(&pairs, &predictions, write));
            assert!(text.contains(name), "{right}, {name}: {text}");
        }
    }
}

#[test]
fn a_pixel_too_far_is_seen_through_small_errors() {
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    let pairs = pairs(rng);
    for (shift, told) in [(0.0, false), (0.5, false), (1.0, true), (2.0, false)] {
        let of_pair = |pair: &Pair| {
            let keypoints = pair.target.keypoints.iter();
            let mut noise = || rng.random_range(-1.0..1.0) + shift;
            let points: Vec<_> =
                keypoints.map(|point| (point.x + noise(), point.y + noise())).collect();
            prediction(pair.index, &points)
        };
        let predictions: Vec<Prediction> = pairs.iter().map(of_pair).collect();
        assert_eq!(found(&pairs, &predictions).contains("count from 1"), told, "{shift}");
    }
}

#[test]
fn exchanged_photos_are_named() {
    let rng = &mut ChaCha8Rng::seed_from_u64(2);
    let pairs = pairs(rng);
    let exchange = |pair: &Pair| Pair {
        source: pair.target.clone(),
        target: pair.source.clone(),
        ..pair.clone()
    };
    let exchanged: Vec<Pair> = pairs.iter().map(exchange).collect();
    for right in [4, 9] {
        let predictions = predicted(&exchanged, right, rng);
        let text = found(&pairs, &predictions);
        assert!(text.contains("`source` and `target` exchanged"), "{right}: {text}");
    }
}

#[test]
fn weak_systems_and_those_that_move_nothing_are_not_accused() {
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    let mut pairs = pairs(rng);
    for alike in [false, true] {
        if alike {
            for pair in &mut pairs {
                (pair.source.size, pair.target.size) = (Size::square(500), Size::square(500));
            }
        }
        let identity = predict_identity(&pairs, &[]).unwrap();
        assert_eq!(found(&pairs, &identity), "", "identity");
        let cases: [(&str, Write); 4] = [
            ("half of the way", |point, _, source| {
                ((point.x + source.x) / 2.0, (point.y + source.y) / 2.0)
            }),
            ("the middle", |_, pair, _| {
                (pair.target.size.width as f64 / 2.0, pair.target.size.height as f64 / 2.0)
            }),
            ("the corner", |_, pair, _| {
                (pair.target.size.width as f64, pair.target.size.height as f64)
            }),
            ("a shift", |_, _, source| (source.x + 7.0, source.y - 4.0)),
        ];
        let sound = predicted(&pairs, 5, rng);
        for (name, write) in cases {
            assert_eq!(found(&pairs, &written(&pairs, &sound, write)), "", "{name}, {alike}");
        }
        for right in [0, 1, 2] {
            assert_eq!(found(&pairs, &predicted(&pairs, right, rng)), "", "{right} of ten");
        }
        // Of relative and of absolute positions.
        let same = written(&pairs, &identity, |_, _, source| (source.x, source.y));
        for unmoved in [&identity, &same] {
            for size in [4.0, 12.0] {
                let jitter = |stored: &Prediction| {
                    let mut noise = || rng.random_range(-size..size);
                    let points = stored.points.iter();
                    let points: Vec<_> =
                        points.map(|point| (point.x + noise(), point.y + noise())).collect();
                    prediction(stored.pair, &points)
                };
                let shaken: Vec<Prediction> = unmoved.iter().map(jitter).collect();
                assert_eq!(found(&pairs, &shaken), "", "shaken by {size}, {alike}");
            }
        }
        let mut anywhere = |side: usize| rng.random_range(0.0..side as f64);
        let random: Vec<Prediction> = pairs
            .iter()
            .map(|pair| {
                let size = pair.target.size;
                let points: Vec<_> = (0..pair.target.keypoints.len())
                    .map(|_| (anywhere(size.width), anywhere(size.height)))
                    .collect();
                prediction(pair.index, &points)
            })
            .collect();
        assert_eq!(found(&pairs, &random), "", "random");
    }
}

#[test]
fn points_that_cannot_be_right_are_told_without_a_reading() {
    let rng = &mut ChaCha8Rng::seed_from_u64(4);
    let pairs = pairs(rng);
    let sound = predicted(&pairs, 5, rng);
    let far = written(&pairs, &sound, |point, _, _| (point.x + 900.0, 5.0 * point.y));
    assert_eq!(found(&pairs, &far), "100 % of the points lie outside their target photo");
    let zero = written(&pairs, &sound, |_, _, _| (0.0, 0.0));
    assert!(found(&pairs, &zero).starts_with("nearly all points lie within one pixel"));
    assert!(!found(&pairs, &zero).contains("read as"));
}

#[test]
fn points_further_off_than_where_they_came_from_are_doubted() {
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    let mut pairs = pairs(rng);
    pairs.iter_mut().for_each(|pair| pair.target = pair.source.clone());
    let of = |pair: &Pair, keypoints: &[Point]| {
        prediction(pair.index, &keypoints.iter().map(|at| (at.x, at.y)).collect::<Vec<_>>())
    };
    let right: Vec<_> = pairs.iter().map(|pair| of(pair, &pair.target.keypoints)).collect();
    assert_eq!(found(&pairs, &right), "");
    let reversed = |pair: &Pair| pair.target.keypoints.iter().rev().copied().collect::<Vec<_>>();
    let reversed: Vec<_> = pairs.iter().map(|pair| of(pair, &reversed(pair))).collect();
    let doubt = found(&pairs, &reversed);
    assert!(doubt.contains("points that stay where they are would score 100.0"), "{doubt}");
}
