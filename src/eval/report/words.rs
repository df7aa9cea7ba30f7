//! What a report says beside its tables, in sentences that the terminal and Markdown have in common.

use crate::eval::column::label;
use crate::eval::detail::errors::{AREA_REACH, Errors};
use crate::eval::report::{ProtocolReport, Report};
use crate::spelling::counted;

/// How far off the predictions are, how often left and right are exchanged, and how well the confidence says what is right:
/// a sentence each, of the headline's protocol.
pub(crate) fn details(report: &Report) -> Vec<String> {
    let headline = &report.headline;
    let errors = report.protocols[0].errors.as_ref().map(|errors| errors_in_words(errors, report));
    let exchanges = report.exchanges.as_ref().map(|exchanges| {
        let overall = &exchanges.overall;
        format!(
            "left and right exchanged: {} of {} keypoints whose twin is labelled ({:.1} %)",
            overall.exchanged, overall.keypoints, overall.percent
        )
    });
    let confidence = report.confidence.as_ref().map(|confidence| {
        let area = confidence.roc_area.map(|area| format!(", area under ROC {area:.3}"));
        format!(
            "confidence: {:.1} % in the mean, {:.1} % of the matches are right; expected calibration error {:.1} \
             points{}",
            100.0 * confidence.confidence,
            confidence.right,
            confidence.calibration_error,
            area.unwrap_or_default()
        )
    });
    let all = errors.into_iter().chain(exchanges).chain(confidence);
    let by = format!("`{}`", headline.protocol);
    all.map(|sentence| format!("{by} {sentence}")).collect()
}

fn errors_in_words(errors: &Errors, report: &Report) -> String {
    let alpha = &report.headline.alpha;
    let quantile = |share: &str| {
        let (pixels, lengths) = (errors.pixels.get(share)?, errors.lengths.get(share)?);
        Some(format!("{pixels:.1} px ({lengths:.3} of the length)"))
    };
    let median = quantile("0.5").map(|half| format!("error: half within {half}, "));
    let most = quantile("0.9").map(|most| format!("nine tenths within {most}; "));
    let wrong = errors.all_wrong.get(alpha).map(|pairs| {
        format!("; no keypoint right in {} ({})", counted(*pairs, "pair"), label(alpha))
    });
    format!(
        "{}{}area under PCK to {AREA_REACH}: {:.1} %{}",
        median.unwrap_or_default(),
        most.unwrap_or_default(),
        errors.area,
        wrong.unwrap_or_default()
    )
}

/// The cells of a protocol's row in a table of errors, and their heads.
pub(crate) const ERROR_HEADS: [&str; 6] =
    ["25 % within", "50 % within", "75 % within", "90 % within", "area to 0.2", "pairs all wrong"];

/// A protocol's row under [`ERROR_HEADS`]; none of areas.
pub(crate) fn error_cells(protocol: &ProtocolReport, alpha: &str) -> Option<[String; 6]> {
    let errors = protocol.errors.as_ref()?;
    let quantile = |share: &str| match (errors.pixels.get(share), errors.lengths.get(share)) {
        (Some(pixels), Some(lengths)) => format!("{pixels:.1} px, {lengths:.3}"),
        _ => "–".to_owned(),
    };
    let wrong = errors.all_wrong.get(alpha).map(ToString::to_string);
    Some([
        quantile("0.25"),
        quantile("0.5"),
        quantile("0.75"),
        quantile("0.9"),
        format!("{:.1} %", errors.area),
        wrong.unwrap_or_default(),
    ])
}
