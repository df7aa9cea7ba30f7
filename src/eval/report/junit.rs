//! The report as a JUnit file, which continuous integration systems show as tests.
//!
//! A suite for each protocol, a case for each category and one for all pairs. A case of the deciding
//! protocol fails when its PCK fell by more than allowed; all others tell their numbers.

use std::fmt::Write;

use crate::eval::column::label;
use crate::eval::compare::{Comparison, Fall};
use crate::eval::report::{ProtocolReport, Report};
use crate::eval::summary::PckByAlpha;
use crate::spelling::counted;
use crate::visible::one_line;

/// The report as XML, with a failure if the comparison found a regression.
pub(crate) fn junit(report: &Report, comparison: Option<&Comparison>) -> String {
    let failures = comparison.map_or(0, failures);
    let tests: usize = report.protocols.iter().map(cases).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"lpmflow eval\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" \
         time=\"{:.3}\">",
        report.run.seconds
    );
    for (position, protocol) in report.protocols.iter().enumerate() {
        // The protocols share one pass, so its time is told once.
        let seconds = if position == 0 { report.run.seconds } else { 0.0 };
        suite(&mut xml, report, protocol, comparison, seconds);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn cases(protocol: &ProtocolReport) -> usize {
    protocol.categories.len() + 1
}

fn failures(comparison: &Comparison) -> usize {
    let categories = comparison.fallen.iter().filter(|fall| fall.regression).count();
    usize::from(comparison.headline_regression()) + categories
}

fn suite(
    xml: &mut String,
    report: &Report,
    protocol: &ProtocolReport,
    comparison: Option<&Comparison>,
    seconds: f64,
) {
    let deciding = comparison.filter(|comparison| comparison.headline.protocol == protocol.name);
    let dataset = &report.dataset;
    let class = escape(&format!("{}.{}.{}", dataset.name, dataset.split, protocol.name));
    let (tests, failures) = (cases(protocol), deciding.map_or(0, failures));
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{class}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" \
         skipped=\"0\" time=\"{seconds:.3}\">"
    );
    xml.push_str("    <properties>\n");
    let notes = report.notes.iter().map(|note| ("note", note.clone()));
    for (name, value) in [
        ("model", report.model.weights.clone()),
        ("fingerprint", dataset.fingerprint.clone()),
        ("pairs", dataset.pairs.to_string()),
        ("missing", dataset.missing.to_string()),
        ("skipped", dataset.skipped.to_string()),
        ("protocol", protocol.description.clone()),
    ]
    .into_iter()
    .chain(notes)
    {
        let _ = writeln!(xml, "      <property name=\"{name}\" value=\"{}\"/>", escape(&value));
    }
    xml.push_str("    </properties>\n");
    let mut output = lines(dataset.pairs, &protocol.overall);
    for verdict in deciding.into_iter().flat_map(verdicts) {
        let _ = write!(output, "\n{verdict}");
    }
    let failure = deciding.filter(|comparison| comparison.headline_regression());
    let case = Case { class: &class, name: "all pairs", seconds, output };
    case.write(xml, failure.map(Comparison::verdict));
    for (category, group) in &protocol.categories {
        let fall = deciding.and_then(|comparison| {
            comparison.fallen.iter().find(|fall| fall.category == *category)
        });
        let mut output = lines(group.pairs, &group.pck);
        if let Some(fall) = fall {
            let _ = write!(output, "\nfell by {}", fall.change());
        }
        let case = Case { class: &class, name: category, seconds: 0.0, output };
        let allowed = deciding.and_then(|comparison| comparison.max_drop_category);
        case.write(
            xml,
            fall.filter(|fall| fall.regression).map(|fall| failure_text(fall, allowed)),
        );
    }
    xml.push_str("  </testsuite>\n");
}

/// What a comparison found: for all pairs, and of categories that fell.
fn verdicts(comparison: &Comparison) -> impl Iterator<Item = String> {
    std::iter::once(comparison.verdict()).chain(comparison.category_verdict())
}

fn failure_text(fall: &Fall, allowed: Option<f64>) -> String {
    let allowed = allowed.unwrap_or_default();
    format!(
        "regression: {} {}; a drop of {allowed} is allowed",
        one_line(&fall.category),
        fall.change()
    )
}

/// One test case.
struct Case<'a> {
    /// Its class, escaped.
    class: &'a str,
    name: &'a str,
    seconds: f64,
    output: String,
}

impl Case<'_> {
    fn write(&self, xml: &mut String, failure: Option<String>) {
        let Self { class, name, seconds, output } = self;
        let _ = writeln!(
            xml,
            "    <testcase classname=\"{class}\" name=\"{}\" time=\"{seconds:.3}\">",
            escape(&one_line(name))
        );
        if let Some(message) = failure.as_deref().map(escape) {
            let _ = writeln!(
                xml,
                "      <failure type=\"regression\" message=\"{message}\">{message}</failure>"
            );
        }
        let _ = writeln!(xml, "      <system-out>{}</system-out>", escape(output));
        xml.push_str("    </testcase>\n");
    }
}

fn lines(pairs: usize, pck: &PckByAlpha) -> String {
    let values = pck.iter().map(|(alpha, pck)| format!("\n{} {pck:.2} %", label(alpha)));
    format!("{}{}", counted(pairs, "pair"), values.collect::<String>())
}

/// Text inside elements and double-quoted attributes; control characters and two others have no place in XML.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::compare::{CompareOptions, compare};
    use crate::eval::testing::report;

    #[test]
    fn cases_are_well_formed_and_named_after_categories() {
        let text = junit(&report(&[4, 1, 0]), None);
        let document = roxmltree::Document::parse(&text).unwrap();
        let names = document.descendants().filter(|node| node.has_tag_name("testcase"));
        let names: Vec<_> = names.filter_map(|node| node.attribute("name")).collect();
        assert_eq!(names, ["all pairs", "cat", "dog <&\">"]);
        assert!(!document.descendants().any(|node| node.has_tag_name("failure")));
        assert!(text.contains("3 pairs\nPCK@0.05 41.67 %\nPCK@0.1 41.67 %"), "{text}");
    }

    #[test]
    fn regression_is_a_failure_of_the_overall_case() {
        let (before, after) = (report(&[4, 4]), report(&[4, 1]));
        let options = CompareOptions { max_drop: Some(1.0), ..CompareOptions::default() };
        let comparison = compare(&before, &after, &options).unwrap();
        let text = junit(&after, Some(&comparison));
        let document = roxmltree::Document::parse(&text).unwrap();
        let mut failures = document.descendants().filter(|node| node.has_tag_name("failure"));
        let failure = failures.next().unwrap();
        assert_eq!(failure.parent_element().unwrap().attribute("name"), Some("all pairs"));
        assert!(
            failure.attribute("message").unwrap().starts_with("regression: `standard` PCK@0.1")
        );
        assert!(failures.next().is_none());
        assert_eq!(document.root_element().attribute("failures"), Some("1"));
    }

    #[test]
    fn a_category_that_falls_too_far_fails_its_own_case() {
        let (before, after) = (report(&[2, 2]), report(&[4, 0]));
        let options = CompareOptions {
            max_drop: Some(1.0),
            max_drop_category: Some(1.0),
            ..CompareOptions::default()
        };
        let comparison = compare(&before, &after, &options).unwrap();
        let text = junit(&after, Some(&comparison));
        let document = roxmltree::Document::parse(&text).unwrap();
        let failures = document.descendants().filter(|node| node.has_tag_name("failure"));
        let failures: Vec<_> = failures
            .map(|node| (node.parent_element().unwrap().attribute("name"), node.text()))
            .collect();
        let message = "regression: dog <&\"> -50.00 (50.00 -> 0.00); a drop of 1 is allowed";
        assert_eq!(failures, [(Some("dog <&\">"), Some(message))]);
        assert_eq!(document.root_element().attribute("failures"), Some("1"));
    }
}
