//! The page's sections on errors, parts, exchanged sides and confidence.

use maud::{Markup, PreEscaped, html};

use crate::eval::column::label;
use crate::eval::detail::confidence::ConfidenceReport;
use crate::eval::detail::exchanged::Exchanges;
use crate::eval::detail::parts::PartReport;
use crate::eval::report::Report;
use crate::eval::report::words::{ERROR_HEADS, error_cells};

/// How far off the predictions are under each protocol; nothing of areas.
pub(super) fn errors(report: &Report) -> Markup {
    let alpha = &report.headline.alpha;
    let rows = report.protocols.iter();
    let rows: Vec<_> =
        rows.filter_map(|protocol| Some((protocol.name, error_cells(protocol, alpha)?))).collect();
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "How far off" }
                p { "Within how many pixels of the protocol's frame, and what part of the length that alpha multiplies, these \
                     shares of the keypoints lie; the area under the PCK curve up to alpha 0.2, in percent of the \
                     whole; and pairs of which no keypoint is right (" (label(alpha)) ")." }
                div.scroll tabindex="0" role="region" aria-label="Errors by protocol" {
                    table.numbers {
                        thead { tr { th scope="col" { "Protocol" } @for head in ERROR_HEADS { th scope="col" { (head) } } } }
                        tbody {
                            @for (name, cells) in &rows {
                                tr { th scope="row" { code { (name) } } @for cell in cells { td { (cell) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// PCK of each part, the worst first; nothing where the dataset does not say what keypoints are.
pub(super) fn parts(report: &Report) -> Markup {
    let alpha = &report.headline.alpha;
    let sorted = |category: &str| {
        let mut parts: Vec<_> = report.parts[category].iter().collect();
        let pck = |part: &PartReport| part.pck[alpha];
        parts.sort_by(|(_, one), (_, other)| pck(one).total_cmp(&pck(other)));
        parts
    };
    html! {
        @if !report.parts.is_empty() {
            section {
                h2 { "By part" }
                p { (label(alpha)) " of each keypoint of a category under " code { (report.headline.protocol) }
                    ", the worst first; numbers where the dataset has no names." }
                div.cards {
                    @for category in report.parts.keys() {
                        div {
                            h3 { (category) }
                            details open[report.parts.len() == 1] {
                                summary { (report.parts[category].len()) " parts" }
                                table.bars style=(format!("--overall: {:.2}%", report.headline.pck)) {
                                    thead.hidden { tr { th scope="col" { "Part" } th scope="col" { (label(alpha)) " in percent" }
                                        th scope="col" { "Keypoints" } } }
                                    tbody {
                                        @for (name, part) in sorted(category) {
                                            tr {
                                                th scope="row" { (name) }
                                                td.bar { div { span style=(format!("width: {:.2}%", part.pck[alpha])) {}
                                                    b { (format!("{:.1}", part.pck[alpha])) } } }
                                                td.count { (part.keypoints) }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                @if let Some(exchanges) = &report.exchanges { (sides(exchanges)) }
            }
        }
    }
}

fn sides(exchanges: &Exchanges) -> Markup {
    let overall = &exchanges.overall;
    html! {
        p.exchanged { "Left and right exchanged, right for the mirror twin and wrong for itself: "
            strong { (format!("{:.1} %", overall.percent)) } " ("
            (overall.exchanged) " of " (overall.keypoints) " keypoints whose twin is labelled in the pair)"
            @if exchanges.categories.len() > 1 {
                @for (name, one) in &exchanges.categories { "; " (name) " " (format!("{:.1} %", one.percent)) }
            }
            "." }
    }
}

/// Side of the reliability diagram in its own units, and the room for labels to the left and below.
const SIDE: f64 = 300.0;
const ROOM: f64 = 46.0;

/// How well the confidence says what is right; nothing where there is none.
pub(super) fn confidence(report: &Report) -> Markup {
    html! {
        @if let Some(confidence) = &report.confidence {
            section {
                h2 { "Confidence" }
                p { "How often matches of a confidence are right by " code { (report.headline.protocol) } " at alpha "
                    (report.headline.alpha) ". Expected calibration error "
                    (format!("{:.1}", confidence.calibration_error)) " points"
                    @if let Some(area) = confidence.roc_area { ", area under the ROC curve " (format!("{area:.3}")) }
                    "; mean confidence " (format!("{:.1} %", 100.0 * confidence.confidence)) ", right "
                    (format!("{:.1} %", confidence.right)) " of " (confidence.keypoints) " keypoints." }
                figure.chart.reliability {
                    (diagram(confidence))
                    figcaption { "Each dot is a tenth of the confidence, the larger the more keypoints it holds. On the dashed \
                                  line the confidence says what is true; below it is too sure." }
                }
            }
        }
    }
}

fn diagram(confidence: &ConfidenceReport) -> Markup {
    let x = |part: f64| ROOM + part * SIDE;
    let y = |percent: f64| 10.0 + (1.0 - percent / 100.0) * SIDE;
    let line: Vec<String> = confidence
        .bins
        .iter()
        .enumerate()
        .map(|(number, bin)| {
            let command = if number == 0 { 'M' } else { 'L' };
            format!("{command}{:.1} {:.1}", x(bin.confidence), y(bin.right))
        })
        .collect();
    let (width, height) = (ROOM + SIDE + 14.0, SIDE + 64.0);
    html! {
        svg.curve viewBox=(format!("0 0 {width} {height}")) role="img" aria-label=(in_words(confidence)) {
            @for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
                line.grid x1=(x(0.0)) x2=(x(1.0)) y1=(y(100.0 * tick)) y2=(y(100.0 * tick)) {}
                line.grid x1=(x(tick)) x2=(x(tick)) y1=(y(0.0)) y2=(y(100.0)) {}
                text x=(ROOM - 8.0) y=(y(100.0 * tick)) text-anchor="end" dominant-baseline="middle" { (100.0 * tick) }
                text x=(x(tick)) y=(y(0.0) + 12.0) text-anchor="middle" dominant-baseline="hanging" { (tick) }
            }
            text.axis x=(x(0.5)) y=(height - 6.0) text-anchor="middle" { "confidence" }
            (PreEscaped(format!("<path class=\"ideal\" d=\"M{} {}L{} {}\"></path>", x(0.0), y(0.0), x(1.0), y(100.0))))
            g.series.s0 {
                path d=(line.concat()) {}
                @for bin in &confidence.bins {
                    circle cx=(format!("{:.1}", x(bin.confidence))) cy=(format!("{:.1}", y(bin.right)))
                        r=(format!("{:.1}", 3.0 + 1.4 * bin.share.sqrt())) {
                        title { (format!("confidence {:.2}: {:.1} % right, {:.1} % of the keypoints",
                            bin.confidence, bin.right, bin.share)) }
                    }
                }
            }
        }
    }
}

/// The diagram for those who cannot see it.
fn in_words(confidence: &ConfidenceReport) -> String {
    let bins = confidence.bins.iter();
    let bins = bins.map(|bin| format!("{:.0} % right at {:.2}", bin.right, bin.confidence));
    format!("How often matches of a confidence are right: {}.", bins.collect::<Vec<_>>().join(", "))
}
