//! Numbers over optimizer steps as an inline SVG.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

/// Size of the drawing in its own units; the style sheet scales it to the page.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 340.0;
/// Room for labels around the plot: left, top, right, bottom.
const MARGINS: [f64; 4] = [78.0, 14.0, 22.0, 42.0];
/// Points beyond which neighbours are drawn as their mean.
const MOST_POINTS: usize = 300;
/// Between neighbouring values that are written beside the plot, about.
const TICKS: f64 = 4.0;
/// From this ratio of the largest to the smallest, lengths stand for ratios.
const WIDE: f64 = 20.0;
/// Series that have a colour of their own.
const COLOURS: usize = 6;

/// One curve.
pub(super) struct Series {
    /// What it is called.
    pub name: String,
    /// Step and value.
    pub points: Vec<[f64; 2]>,
    /// Whether its points are marked.
    pub dots: bool,
}

/// What heights mean.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Percent, as much of 0 to 100 as there is.
    Percent,
    /// Whatever fits; ratios where values differ by far.
    Fitting,
}

/// Maps steps and values to the drawing.
struct Plot {
    last: f64,
    low: f64,
    high: f64,
    ratios: bool,
    ticks: Vec<f64>,
}

impl Plot {
    fn new(series: &[Series], scale: Scale) -> Self {
        let points = || series.iter().flat_map(|series| &series.points);
        let values = || points().map(|point| point[1]);
        let last = points().map(|point| point[0]).fold(1.0, f64::max);
        let (low, high) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        if scale == Scale::Fitting && low > 0.0 && high / low >= WIDE {
            let (first, end) = (low.log10().floor() as i32, high.log10().ceil() as i32);
            let every = ((end - first) as f64 / TICKS).ceil().max(1.0) as usize;
            let ticks: Vec<f64> =
                (first..=end).step_by(every).map(|power| 10f64.powi(power)).collect();
            let (low, high) = (10f64.powi(first), 10f64.powi(end));
            return Self { last, low, high, ratios: true, ticks };
        }
        // A curve that is level has some room as well.
        let least = if high == 0.0 { 1.0 } else { high.abs() * 0.02 };
        let step = rounded((high - low).max(least) / TICKS);
        let (mut first, mut end) = ((low / step).floor(), (high / step).ceil());
        if first == end {
            (first, end) = (first - 1.0, end + 1.0);
        }
        if scale == Scale::Percent {
            (first, end) = (first.max(0.0), end.min((100.0 / step).ceil()));
        }
        let ticks = (0..=(end - first) as usize).map(|tick| (first + tick as f64) * step).collect();
        Self { last, low: first * step, high: end * step, ratios: false, ticks }
    }

    fn x(&self, step: f64) -> f64 {
        let [left, _, right, _] = MARGINS;
        left + step / self.last * (WIDTH - left - right)
    }

    fn y(&self, value: f64) -> f64 {
        let [_, top, _, bottom] = MARGINS;
        let part = match self.ratios {
            true => (value / self.low).log10() / (self.high / self.low).log10(),
            false => (value - self.low) / (self.high - self.low),
        };
        HEIGHT - bottom - part * (HEIGHT - top - bottom)
    }

    fn line(&self, points: &[[f64; 2]]) -> String {
        let mut path = String::new();
        for (number, [step, value]) in points.iter().enumerate() {
            let command = if number == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(path, "{command}{:.1} {:.1}", self.x(*step), self.y(*value));
        }
        path
    }
}

/// A step between ticks that people read easily: 1, 2 or 5 times a power of ten, at least the given one.
fn rounded(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    power * factors.into_iter().find(|factor| factor * power >= step * (1.0 - 1e-9)).unwrap_or(10.0)
}

/// As many points as can be told apart.
fn thinned(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let bin = points.len().div_ceil(MOST_POINTS).max(1);
    let mean = |bin: &[[f64; 2]]| {
        let sum = |axis: usize| bin.iter().map(|point| point[axis]).sum::<f64>() / bin.len() as f64;
        [sum(0), sum(1)]
    };
    points.chunks(bin).map(mean).collect()
}

/// A number with as many digits as it takes.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(0.01..1e5).contains(&size) => format!("{value:.1e}").replace(".0e", "e"),
        _ => {
            let text = format!("{value:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }
}

/// The curves, those that come first on top, and their names where there are several.
pub(super) fn chart(title: &str, series: &[Series], scale: Scale) -> Markup {
    let sound = |series: &Series| Series {
        name: series.name.clone(),
        points: thinned(&series.points).into_iter().filter(|point| point[1].is_finite()).collect(),
        dots: series.dots,
    };
    let series: Vec<Series> =
        series.iter().map(sound).filter(|series| !series.points.is_empty()).collect();
    if series.is_empty() {
        return html! { p { "There is nothing to draw yet." } };
    }
    let plot = Plot::new(&series, scale);
    let [left, top, right, bottom] = MARGINS;
    html! {
        svg.curve viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(in_words(title, &series)) {
            @for tick in &plot.ticks {
                line.grid x1=(left) x2=(WIDTH - right) y1=(plot.y(*tick)) y2=(plot.y(*tick)) {}
                text x=(left - 10.0) y=(plot.y(*tick)) text-anchor="end" dominant-baseline="middle" { (short(*tick)) }
            }
            @for (step, anchor) in [(0.0, "middle"), (plot.last, "end")] {
                line.grid x1=(plot.x(step)) x2=(plot.x(step)) y1=(top) y2=(HEIGHT - bottom) {}
                text x=(plot.x(step)) y=(HEIGHT - bottom + 12.0) text-anchor=(anchor)
                    dominant-baseline="hanging" { (step) }
            }
            @for (number, series) in series.iter().enumerate().rev() {
                g class=(class(number)) {
                    path d=(plot.line(&series.points)) {}
                    @if series.dots {
                        @for [step, value] in &series.points {
                            circle cx=(plot.x(*step)) cy=(plot.y(*value)) r="4.5" {
                                title { (series.name) " at step " (step) ": " (format!("{value:.2}")) }
                            }
                        }
                    }
                }
            }
        }
        @if series.len() > 1 {
            ul.legend aria-hidden="true" {
                @for (number, series) in series.iter().enumerate() {
                    li {
                        svg class=(format!("key {}", class(number))) viewBox="0 0 28 10" {
                            (PreEscaped("<path d=\"M1 5L27 5\"></path>"))
                        }
                        (series.name)
                    }
                }
            }
        }
    }
}

fn class(number: usize) -> String {
    format!("series s{}", number % COLOURS)
}

/// The curves for those who cannot see them.
fn in_words(title: &str, series: &[Series]) -> String {
    let ends = |series: &Series| {
        let [first, last] = [series.points.first(), series.points.last()].map(|point| {
            let [step, value] = point.copied().unwrap_or_default();
            format!("{} at step {step}", short((value * 1e3).round() / 1e3))
        });
        format!("{}: from {first} to {last}", series.name)
    };
    format!("{title} over steps. {}.", series.iter().map(ends).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(values: &[f64], scale: Scale) -> Plot {
        let points = values.iter().enumerate().map(|(step, value)| [step as f64, *value]);
        Plot::new(&[Series { name: String::new(), points: points.collect(), dots: false }], scale)
    }

    #[test]
    fn ticks_are_round_and_hold_all_values_between_them() {
        assert_eq!(plot(&[53.5, 86.0], Scale::Percent).ticks, [50.0, 60.0, 70.0, 80.0, 90.0]);
        assert_eq!(plot(&[99.0, 99.9], Scale::Percent).high, 100.0);
        assert_eq!(plot(&[0.0, 3.0], Scale::Fitting).ticks, [0.0, 1.0, 2.0, 3.0]);
        let level = plot(&[2.0, 2.0], Scale::Fitting);
        assert!(level.low < 2.0 && level.high > 2.0 && level.y(2.0).is_finite());
        assert_eq!(plot(&[0.0], Scale::Fitting).high, 0.5);
    }

    #[test]
    fn values_far_apart_are_drawn_by_their_ratios() {
        let plot = plot(&[0.004, 2.0], Scale::Fitting);
        assert_eq!((plot.low, plot.high), (0.001, 10.0));
        let heights = [0.01, 0.1, 1.0].map(|value| plot.y(value));
        assert!((heights[0] - heights[1] - (heights[1] - heights[2])).abs() < 1e-9);
    }

    #[test]
    fn many_points_become_means_and_keep_their_ends_nearly() {
        let points: Vec<[f64; 2]> = (0..1000).map(|step| [f64::from(step), 1.0]).collect();
        let thin = thinned(&points);
        assert!(thin.len() <= MOST_POINTS && thin[0][0] < 3.0 && thin[thin.len() - 1][0] > 996.0);
        assert_eq!(short(0.25), "0.25");
        assert_eq!([2e-5, 0.0015000000000000002].map(short), ["2e-5", "1.5e-3"]);
    }
}
