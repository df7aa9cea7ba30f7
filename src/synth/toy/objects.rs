//! The drawn objects. Each lies in a square of about -1 to 1, faces right, and draws its own variety.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tiny_skia::{Color, Path};

use crate::synth::toy::sketch::{Sketch, between, curve, ellipse, hsv, mixed, polygon};

/// A kind of object.
pub(super) struct Category {
    /// Its name in annotations.
    pub name: &'static str,
    /// Draws one of the kind, with all its keypoints, always in the same order.
    pub draw: fn(&mut Sketch, &mut ChaCha8Rng),
}

/// All kinds, in the order of their names.
pub(super) const CATEGORIES: [Category; 3] = [
    Category { name: "car", draw: car },
    Category { name: "fish", draw: fish },
    Category { name: "teapot", draw: teapot },
];

/// A colour of any hue.
fn lively(random: &mut ChaCha8Rng) -> Color {
    hsv(between(random, 0.0, 1.0), between(random, 0.2, 0.95), between(random, 0.45, 1.0))
}

/// Stripes, spots or nothing on a body that has been filled.
fn pattern(sketch: &mut Sketch, random: &mut ChaCha8Rng, body: Option<&Path>) {
    let color = lively(random);
    let count = random.random_range(3..8);
    match random.random_range(0..4) {
        0 => {
            let (lean, width) = (between(random, -0.4, 0.4), between(random, 0.05, 0.12));
            for stripe in 0..count {
                let x = -1.2 + 2.4 * (stripe as f32 + 0.5) / count as f32;
                let corners = [
                    (x - lean, -1.0),
                    (x - lean + width, -1.0),
                    (x + lean + width, 1.0),
                    (x + lean, 1.0),
                ];
                sketch.fill_within(body, polygon(&corners), color);
            }
        }
        1 => {
            for _ in 0..3 * count {
                let centre = (between(random, -1.0, 1.0), between(random, -0.7, 0.7));
                let radius = between(random, 0.03, 0.11);
                sketch.fill_within(body, ellipse(centre, (radius, radius)), color);
            }
        }
        2 => {
            let y = between(random, -0.15, 0.2);
            let height = between(random, 0.06, 0.2);
            let band = [(-1.5, y), (1.5, y), (1.5, y + height), (-1.5, y + height)];
            sketch.fill_within(body, polygon(&band), color);
        }
        _ => {}
    }
}

fn fish(sketch: &mut Sketch, random: &mut ChaCha8Rng) {
    let (skin, fins) = (lively(random), lively(random));
    let height = between(random, 0.28, 0.55);
    let tail = between(random, 0.25, 0.5);
    let fork = between(random, -0.98, -0.72);
    let fin_tip = (between(random, -0.3, 0.15), -height - between(random, 0.1, 0.35));
    let fin_front = (between(random, 0.2, 0.35), -height * 0.93);
    let belly_tip = (between(random, -0.25, 0.1), height + between(random, 0.08, 0.25));
    let base = (-0.62, 0.0);

    let (upper, lower) = ((-1.0, -tail), (-1.0, tail * between(random, 0.7, 1.0)));
    sketch.fill(polygon(&[base, upper, (fork, 0.0), lower]), fins);
    sketch.fill(
        curve(
            fin_front,
            &[((fin_tip.0 + 0.1, fin_tip.1), fin_tip), ((-0.3, -height), (-0.35, -height * 0.6))],
            true,
        ),
        fins,
    );
    sketch.fill(polygon(&[(0.15, height * 0.7), belly_tip, (-0.2, height * 0.7)]), fins);

    let snout = between(random, 0.3, 0.6);
    let body = curve(
        (0.95, 0.0),
        &[
            ((snout, -height * 1.3), (0.1, -height)),
            ((-0.35, -height * 0.9), (-0.68, -0.07)),
            ((-0.72, 0.0), (-0.68, 0.07)),
            ((-0.35, height * 0.9), (0.1, height)),
            ((snout, height * 1.3), (0.95, 0.0)),
        ],
        true,
    );
    sketch.fill(body.clone(), skin);
    pattern(sketch, random, body.as_ref());

    let gill = (between(random, 0.28, 0.4), 0.05);
    let dark = mixed(skin, Color::BLACK, 0.5);
    let arc = [((gill.0 - 0.1, 0.0), (gill.0, height * 0.5))];
    sketch.stroke(curve((gill.0, -height * 0.5), &arc, false), dark, 0.03);
    sketch
        .fill(polygon(&[(gill.0 - 0.05, 0.02), (gill.0 - 0.35, -0.04), (gill.0 - 0.3, 0.2)]), fins);
    let eye = (between(random, 0.55, 0.68), -height * 0.3);
    let radius = between(random, 0.06, 0.11);
    sketch.fill(ellipse(eye, (radius, radius)), Color::WHITE);
    sketch.fill(ellipse(eye, (radius * 0.5, radius * 0.5)), Color::BLACK);
    sketch.stroke(curve((0.93, 0.03), &[((0.85, 0.06), (0.78, 0.1))], false), dark, 0.03);

    for (name, point) in [
        ("mouth", (0.95, 0.0)),
        ("eye", eye),
        ("gill", (gill.0 - 0.05, 0.0)),
        ("dorsal fin front", fin_front),
        ("dorsal fin tip", fin_tip),
        ("belly fin tip", belly_tip),
        ("tail base", base),
        ("tail upper tip", upper),
        ("tail fork", (fork, 0.0)),
        ("tail lower tip", lower),
    ] {
        sketch.keypoint(name, point);
    }
}

fn car(sketch: &mut Sketch, random: &mut ChaCha8Rng) {
    let (paint, glass) =
        (lively(random), hsv(0.55, between(random, 0.1, 0.4), between(random, 0.5, 0.9)));
    let floor = between(random, 0.28, 0.36);
    let belt = between(random, -0.16, -0.06);
    let roof = belt - between(random, 0.26, 0.42);
    let screen_base = (between(random, 0.4, 0.55), belt);
    let roof_front = (screen_base.0 - between(random, 0.2, 0.35), roof);
    let roof_rear = (between(random, -0.65, -0.3), roof);
    let rear_base = (roof_rear.0 - between(random, 0.05, 0.3), belt);
    let nose = (0.98, between(random, 0.0, 0.1));
    let bumpers = [(0.98, floor - 0.04), (-0.98, floor - 0.04)];

    let cabin = polygon(&[screen_base, roof_front, roof_rear, rear_base]);
    sketch.fill(cabin, mixed(paint, Color::BLACK, 0.1));
    let body = curve(
        bumpers[1],
        &[
            ((-1.02, 0.1), (-0.95, belt + 0.02)),
            ((-0.9, belt), rear_base),
            ((0.0, belt - 0.02), screen_base),
            ((0.9, belt + 0.01), nose),
            ((1.02, 0.15), bumpers[0]),
            ((0.0, floor + 0.02), bumpers[1]),
        ],
        true,
    );
    sketch.fill(body.clone(), paint);
    pattern(sketch, random, body.as_ref());

    let pillar = between(random, -0.15, 0.05);
    let top = roof + 0.06;
    let front_window = [
        (screen_base.0 - 0.1, belt - 0.02),
        (roof_front.0 - 0.04, top),
        (pillar + 0.03, top),
        (pillar + 0.03, belt - 0.02),
    ];
    let rear_window = [
        (pillar - 0.03, belt - 0.02),
        (pillar - 0.03, top),
        (roof_rear.0 + 0.05, top),
        (rear_base.0 + 0.1, belt - 0.02),
    ];
    sketch.fill(polygon(&front_window), glass);
    sketch.fill(polygon(&rear_window), glass);
    let dark = mixed(paint, Color::BLACK, 0.6);
    sketch.stroke(polygon(&[(pillar, belt), (pillar, floor - 0.06)]), dark, 0.015);
    let handle = (pillar + 0.1, belt + 0.08);
    sketch.stroke(polygon(&[(handle.0 - 0.04, handle.1), (handle.0 + 0.04, handle.1)]), dark, 0.03);

    let head = (0.93, nose.1 + 0.04);
    let tail = (-0.94, belt + 0.12);
    sketch.fill(ellipse(head, (0.05, 0.06)), hsv(0.14, 0.3, 1.0));
    sketch.fill(ellipse(tail, (0.04, 0.07)), hsv(0.0, 0.9, 0.85));
    let radius = between(random, 0.17, 0.25);
    let wheels = [(between(random, 0.52, 0.64), floor), (between(random, -0.66, -0.52), floor)];
    let rim = hsv(0.6, 0.05, between(random, 0.5, 0.95));
    for wheel in wheels {
        sketch.fill(ellipse(wheel, (radius, radius)), hsv(0.0, 0.0, 0.12));
        sketch.fill(ellipse(wheel, (radius * 0.55, radius * 0.55)), rim);
        sketch.fill(ellipse(wheel, (radius * 0.15, radius * 0.15)), Color::BLACK);
    }

    for (name, point) in [
        ("front wheel", wheels[0]),
        ("rear wheel", wheels[1]),
        ("headlight", head),
        ("tail light", tail),
        ("front bumper", bumpers[0]),
        ("rear bumper", bumpers[1]),
        ("windscreen base", screen_base),
        ("roof front", roof_front),
        ("roof rear", roof_rear),
        ("rear window base", rear_base),
        ("door handle", handle),
    ] {
        sketch.keypoint(name, point);
    }
}

fn teapot(sketch: &mut Sketch, random: &mut ChaCha8Rng) {
    let (glaze, trim) = (lively(random), lively(random));
    let across = between(random, 0.45, 0.6);
    let along = between(random, 0.38, 0.58);
    let spout_base = (across * 0.85, between(random, 0.05, 0.2));
    let spout_tip = (between(random, 0.85, 1.0), between(random, -0.45, -0.2));
    let handle_top = (-across * 0.8, -along * 0.5);
    let handle_bottom = (-across * 0.85, along * 0.45);
    let reach = between(random, -1.0, -0.85);
    let lid = (across * between(random, 0.4, 0.6), -along * 0.88);
    let dome = between(random, 0.1, 0.25);
    let knob = (0.0, -along * 0.88 - dome - 0.06);
    let foot = (across * between(random, 0.45, 0.65), along + 0.06);

    let bow = [((reach, -along * 0.9), (reach, 0.0)), ((reach, along * 0.6), handle_bottom)];
    sketch.stroke(curve(handle_top, &bow, false), trim, between(random, 0.08, 0.14));
    let width = between(random, 0.1, 0.16);
    let spout = curve(
        (spout_base.0, spout_base.1 - width),
        &[
            ((0.72, 0.0), (spout_tip.0 - 0.05, spout_tip.1)),
            ((spout_tip.0, spout_tip.1 - 0.02), (spout_tip.0 + 0.03, spout_tip.1 + 0.04)),
            ((0.85, 0.15), (spout_base.0 - 0.05, spout_base.1 + width * 1.2)),
        ],
        true,
    );
    sketch.fill(spout, mixed(glaze, trim, 0.3));
    let stand =
        [(-foot.0, foot.1), (-foot.0 * 0.8, along * 0.7), (foot.0 * 0.8, along * 0.7), foot];
    sketch.fill(polygon(&stand), trim);
    let body = ellipse((0.0, 0.0), (across, along));
    sketch.fill(body.clone(), glaze);
    pattern(sketch, random, body.as_ref());
    let cover = curve(
        (-lid.0, lid.1),
        &[((0.0, lid.1 - 2.0 * dome), lid), ((0.0, lid.1 + 0.1), (-lid.0, lid.1))],
        true,
    );
    sketch.fill(cover, mixed(glaze, trim, 0.6));
    let size = between(random, 0.06, 0.1);
    sketch.fill(ellipse(knob, (size, size)), trim);

    for (name, point) in [
        ("spout tip", spout_tip),
        ("spout base", spout_base),
        ("knob", knob),
        ("lid front", lid),
        ("lid rear", (-lid.0, lid.1)),
        ("handle top", handle_top),
        ("handle bottom", handle_bottom),
        ("handle outer", (reach, 0.0)),
        ("foot front", foot),
        ("foot rear", (-foot.0, foot.1)),
    ] {
        sketch.keypoint(name, point);
    }
}
