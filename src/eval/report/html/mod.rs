//! The report as one self-contained page: no script of its own, no request, pictures inside, and behind each pair of
//! them, where a network was there to ask, a page in which readers point at one photo and see the other.

mod charts;
mod detail;
mod gallery;
pub(crate) mod marks;
mod outlines;
pub(crate) mod photo;
mod tables;

use maud::{DOCTYPE, Markup, html};

use crate::eval::column::{is_alpha, label};
use crate::eval::compare::Comparison;
use crate::eval::report::html::photo::Decode;
use crate::eval::report::markdown::{left_out, model_name};
use crate::eval::report::{ModelKind, Report};
use crate::eval::summary::Evaluation;
use crate::page;
use crate::spelling::counted;
use crate::visible::visible;
pub(crate) use gallery::{Views, shown};
pub(crate) use tables::with_code;

/// The style of every page on evaluations.
pub(crate) const STYLE: &str = include_str!("style.css");

/// The page. Photos that cannot be decoded leave their place in the gallery with a sentence instead; `views` are the
/// pages behind the gallery's pairs.
pub(crate) fn page(
    report: &Report,
    evaluation: &Evaluation,
    comparison: Option<&Comparison>,
    decode: Decode,
    views: &Views,
) -> String {
    // Those pages bring scripts along, and what they may do is first what the report may.
    let policy = if views.is_empty() { "" } else { "; script-src 'unsafe-inline'" };
    let dataset = &report.dataset;
    let headline = (label(&report.headline.alpha), report.headline.pck);
    let title = format!("{} {}: {} {:.1} %", dataset.name, dataset.split, headline.0, headline.1);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (page::head(&title, STYLE, policy, &html! {}))
            body {
                (header(report))
                main {
                    @if let Some(comparison) = comparison { (verdict(comparison)) }
                    (tables::protocols(report))
                    @if is_alpha(&report.headline.alpha) { (curve(report, evaluation)) }
                    (detail::errors(report))
                    (tables::categories(report))
                    (tables::difficulty(report))
                    (detail::parts(report))
                    (detail::confidence(report))
                    (gallery::section(evaluation, comparison, decode, views))
                    (circumstances(report))
                }
            }
        }
    };
    visible(&page.into_string()).into_owned()
}

fn header(report: &Report) -> Markup {
    let (dataset, headline, protocol) = (&report.dataset, &report.headline, &report.protocols[0]);
    let [low, high] = protocol.interval95[&headline.alpha];
    let left_out = left_out(report);
    html! {
        header {
            p.eyebrow { (dataset.name) " · " (dataset.split) " · " (counted(dataset.pairs, "pair")) }
            h1 {
                span.value { (format!("{:.1}", headline.pck)) span.unit { " %" } }
                span.label { (label(&headline.alpha)) " under " code { (headline.protocol) } }
            }
            p.lead {
                strong { (model_name(&report.model)) }
                ", 95 % interval " (format!("{low:.1} to {high:.1}")) " (bootstrap over pairs)."
            }
            @if !left_out.is_empty() { p.notice { (left_out.trim()) } }
            @for note in &report.notes { p.notice { (with_code(note)) "." } }
        }
    }
}

/// What became of a comparison and its conditions.
pub(crate) fn verdict(comparison: &Comparison) -> Markup {
    let class = match (comparison.regression, comparison.conditions.is_empty()) {
        (true, _) => "verdict bad",
        (false, false) => "verdict good",
        (false, true) => "verdict",
    };
    let sign = match (comparison.headline_regression(), comparison.conditions.is_empty()) {
        (true, _) => "✗",
        (false, false) => "✓",
        (false, true) => "Δ",
    };
    html! {
        section class=(class) aria-label="Comparison with the baseline report" {
            @if let Some(failing) = comparison.failing_elsewhere() {
                p { span aria-hidden="true" { "✗" } " " (failing) }
            }
            p { span aria-hidden="true" { (sign) } " " (with_code(&comparison.verdict())) }
            @if let Some(categories) = comparison.category_verdict() { p { (categories) } }
            @for condition in comparison.other_regressions() { p { (condition.finding()) } }
            @if let Some(origins) = &comparison.origins { p.small { (origins) "." } }
            @for note in &comparison.notes { p.small { (with_code(note)) "." } }
        }
    }
}

fn curve(report: &Report, evaluation: &Evaluation) -> Markup {
    let alpha = &report.headline.alpha;
    html! {
        section {
            h2 { "PCK over alpha" }
            figure.chart {
                (charts::curve(evaluation))
                figcaption {
                    "Share of keypoints within alpha times the threshold length. The report's alphas are \
                     marked; the headline is at " (alpha) "."
                }
            }
        }
    }
}

fn circumstances(report: &Report) -> Markup {
    let (dataset, model, run) = (&report.dataset, &report.model, &report.run);
    let kind = match model.kind {
        ModelKind::Network => "network",
        ModelKind::Baseline => "baseline",
        ModelKind::Predictions => "stored predictions",
    };
    let mut facts = vec![
        ("Dataset", format!("{} ({}), split {}", dataset.name, dataset.layout, dataset.split)),
        ("Scored pairs", dataset.pairs.to_string()),
        ("Fingerprint", dataset.fingerprint.clone()),
        ("Predictions", format!("{} ({kind})", model.weights)),
    ];
    facts.extend(model.sha256.clone().map(|digest| ("SHA-256", digest)));
    facts.extend(
        model.parameters.map(|count| ("Parameters", format!("{:.2} million", count as f64 / 1e6))),
    );
    facts.extend(run.device.clone().map(|device| ("Device", device)));
    facts.extend(run.precision.clone().map(|precision| ("Precision", precision)));
    facts.extend(run.batch_size.map(|size| ("Batch size", size.to_string())));
    facts.push(("Threads", run.threads.to_string()));
    facts.push(("Time", format!("{:.1} s, {:.1} pairs/s", run.seconds, run.pairs_per_second)));
    let mebibytes = |bytes: u64| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20));
    facts.extend(run.peak_memory_bytes.map(|bytes| ("Peak memory", mebibytes(bytes))));
    facts.push(("Written by", format!("{} {}", report.tool.name, report.tool.version)));
    html! {
        section {
            h2 { "Circumstances" }
            dl.facts { @for (name, value) in &facts { div { dt { (name) } dd { (value) } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use anyhow::bail;
    use image::RgbImage;

    use super::*;
    use crate::eval::testing::{evaluated, pairs_and_predictions};

    fn page_of(correct: &[usize], decode: Decode) -> String {
        let (pairs, predictions) = pairs_and_predictions(correct);
        let (evaluation, report) = evaluated(&pairs, &predictions);
        page(&report, &evaluation, None, decode, &Views::new())
    }

    #[test]
    fn a_pair_opens_its_page_and_that_page_ends_no_attribute() {
        let decode = |_: &Path| Ok(RgbImage::new(100, 100));
        let (pairs, predictions) = pairs_and_predictions(&[4, 1]);
        let (evaluation, report) = evaluated(&pairs, &predictions);
        let view = r#"<p title="a">b</p><script>1 && 2</script>"#.to_owned();
        let views = Views::from([(0, Ok(view)), (1, Err(anyhow::anyhow!("out of memory")))]);
        let text = page(&report, &evaluation, None, &decode, &views);
        let frame = r#"srcdoc="&lt;p title=&quot;a&quot;&gt;b"#;
        assert!(text.contains(frame) && text.contains("1 &amp;&amp; 2&lt;/script&gt;\""), "{text}");
        assert!(text.contains("out of memory") && text.contains("script-src 'unsafe-inline'"));
        assert!(!text.contains("<script") && !page_of(&[4], &decode).contains("script-src"));
    }

    #[test]
    fn page_holds_everything_and_requests_nothing() {
        let decode = |_: &Path| Ok(RgbImage::new(100, 100));
        let text = page_of(&[4, 1, 0], &decode);
        for expected in ["41.7", "PCK over alpha", "By category", "data:image/jpeg;base64,"] {
            let found = text.contains(expected);
            assert!(found, "`{expected}` is missing");
        }
        assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("<script"));
        assert!(text.contains("dog &lt;&amp;&quot;&gt;") && !text.contains("dog <"));
    }

    #[test]
    fn unreadable_photo_leaves_a_sentence() {
        let decode = |_: &Path| bail!("decoding image `a.jpg`: cut short");
        let text = page_of(&[4, 1], &decode);
        assert!(text.contains("decoding image `a.jpg`: cut short"));
    }
}
