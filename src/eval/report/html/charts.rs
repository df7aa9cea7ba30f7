//! The PCK curve as an inline SVG.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};
use rayon::prelude::*;

use crate::eval::summary::{Evaluation, ProtocolScores};

/// Size of the drawing in its own units; the style sheet scales it to the page.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 380.0;
/// Room for labels around the plot: left, top, right, bottom.
const MARGINS: [f64; 4] = [58.0, 14.0, 18.0, 66.0];
/// The curve reaches at least this alpha.
const LEAST_REACH: f64 = 0.2;
const STEPS: usize = 80;

/// Maps alpha and PCK to the drawing.
struct Plot {
    reach: f64,
}

impl Plot {
    fn x(&self, alpha: f64) -> f64 {
        let [left, _, right, _] = MARGINS;
        left + alpha / self.reach * (WIDTH - left - right)
    }

    fn y(&self, pck: f64) -> f64 {
        let [_, top, _, bottom] = MARGINS;
        HEIGHT - bottom - pck / 100.0 * (HEIGHT - top - bottom)
    }

    fn line(&self, scores: &ProtocolScores) -> String {
        let mut path = String::new();
        let alpha = |step: usize| self.reach * step as f64 / STEPS as f64;
        // True flows have millions of pixels.
        let steps = (0..=STEPS).into_par_iter().map(|step| scores.pck(alpha(step)));
        for (step, pck) in steps.collect::<Vec<f64>>().into_iter().enumerate() {
            let command = if step == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(path, "{command}{:.1} {:.1}", self.x(alpha(step)), self.y(pck));
        }
        path
    }
}

/// PCK of every protocol over alpha, with the report's alphas marked.
pub(super) fn curve(evaluation: &Evaluation) -> Markup {
    let largest = alphas(evaluation).fold(LEAST_REACH, f64::max);
    let plot = Plot { reach: largest };
    let [left, top, right, bottom] = MARGINS;
    let ticks = (0..=4).map(|step| largest * f64::from(step) / 4.0);
    html! {
        svg.curve viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(in_words(evaluation)) {
            @for pck in [0.0, 25.0, 50.0, 75.0, 100.0] {
                line.grid x1=(left) x2=(WIDTH - right) y1=(plot.y(pck)) y2=(plot.y(pck)) {}
                text x=(left - 10.0) y=(plot.y(pck)) text-anchor="end" dominant-baseline="middle" { (pck) }
            }
            @for alpha in ticks {
                line.grid x1=(plot.x(alpha)) x2=(plot.x(alpha)) y1=(top) y2=(HEIGHT - bottom) {}
                text x=(plot.x(alpha)) y=(HEIGHT - bottom + 12.0) text-anchor="middle"
                    dominant-baseline="hanging" { (tidy(alpha)) }
            }
            text.axis x=((left + WIDTH - right) / 2.0) y=(HEIGHT - 6.0) text-anchor="middle" { "alpha" }
            // Reversed, so that the headline's curve lies on top.
            @for (number, scores) in evaluation.protocols.iter().enumerate().rev() {
                g class=(format!("series s{number}")) {
                    path d=(plot.line(scores)) {}
                    @for alpha in alphas(evaluation) {
                        circle cx=(plot.x(alpha)) cy=(plot.y(scores.pck(alpha))) r="4.5" {
                            title { (scores.protocol.name) " at " (alpha) ": "
                                (format!("{:.1} %", scores.pck(alpha))) }
                        }
                    }
                }
            }
        }
        ul.legend aria-hidden="true" {
            @for (number, scores) in evaluation.protocols.iter().enumerate() {
                li { (key(number)) (scores.protocol.name) }
            }
        }
    }
}

/// The report's alphas.
fn alphas(evaluation: &Evaluation) -> impl Iterator<Item = f64> {
    evaluation.columns.iter().filter_map(|column| column.alpha())
}

/// A sample of a curve's line.
fn key(number: usize) -> Markup {
    html! {
        svg class=(format!("key series s{number}")) viewBox="0 0 28 10" {
            (PreEscaped("<path d=\"M1 5L27 5\"></path>"))
        }
    }
}

/// The curve for those who cannot see it.
fn in_words(evaluation: &Evaluation) -> String {
    let series = evaluation.protocols.iter().map(|scores| {
        let points = alphas(evaluation).map(|alpha| format!("{:.1} at {alpha}", scores.pck(alpha)));
        format!("{}: {}", scores.protocol.name, points.collect::<Vec<_>>().join(", "))
    });
    format!("PCK in percent over alpha. {}.", series.collect::<Vec<_>>().join("; "))
}

/// At most three decimals, without trailing zeros.
fn tidy(alpha: f64) -> String {
    let text = format!("{alpha:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_of_the_plot_are_where_the_axes_meet() {
        let plot = Plot { reach: 0.2 };
        assert_eq!((plot.x(0.0), plot.y(0.0)), (58.0, 314.0));
        assert_eq!((plot.x(0.2), plot.y(100.0)), (702.0, 14.0));
    }

    #[test]
    fn tick_labels_are_short() {
        assert_eq!([0.0, 0.05, 0.1, 0.0375].map(tidy), ["0", "0.05", "0.1", "0.037"]);
    }
}
