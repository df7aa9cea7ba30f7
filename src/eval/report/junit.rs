//! The report as a JUnit file, which continuous integration systems show as tests.
//!
//! A suite for each protocol, whose cases tell the numbers of all pairs and of each category; and, where the report was
//! compared with an earlier one, a suite `gate` with a case for each condition. What kept an evaluation from its
//! report, or a result from its file, is a case with an error.

use std::fmt::Write;

use anyhow::{Error, Result};

use crate::eval::column::label;
use crate::eval::compare::Comparison;
use crate::eval::report::{ProtocolReport, Report};
use crate::eval::summary::PckByAlpha;
use crate::failure::fault;
use crate::spelling::counted;
use crate::visible::one_line;

/// The report as XML, with what became of the comparison, if one was wanted, and which results are `missing`.
pub(crate) fn junit(
    report: &Report,
    compared: Option<&Result<Comparison>>,
    missing: Option<&Error>,
) -> String {
    let dataset = &report.dataset;
    let class = |name: &str| format!("{}.{}.{name}", dataset.name, dataset.split);
    let mut suites: Vec<Suite> = Vec::new();
    for (position, protocol) in report.protocols.iter().enumerate() {
        // The protocols share one pass, so its time is told once.
        let seconds = if position == 0 { report.run.seconds } else { 0.0 };
        suites.push(Suite {
            class: class(protocol.name.as_str()),
            seconds,
            properties: properties(report, protocol),
            cases: numbers(report, protocol, seconds),
        });
    }
    if let Some(compared) = compared {
        let (properties, cases) = gate(compared);
        suites.push(Suite { class: class("gate"), seconds: 0.0, properties, cases });
    }
    if let Some(error) = missing {
        let cases = vec![Case::erring("written", error)];
        suites.push(Suite { class: class("results"), seconds: 0.0, properties: Vec::new(), cases });
    }
    document(&suites)
}

/// Whether a text is such a file.
pub(crate) fn is_one(text: &str) -> bool {
    text.contains("<testsuites name=\"lpmflow eval\"")
}

/// What kept an evaluation on a dataset from its report, as XML.
pub(crate) fn failure(dataset: &str, error: &Error) -> String {
    let case = Case::erring("evaluation", error);
    let class = format!("{dataset}.set-up");
    document(&[Suite { class, seconds: 0.0, properties: Vec::new(), cases: vec![case] }])
}

/// A group of test cases.
struct Suite {
    class: String,
    seconds: f64,
    properties: Vec<(&'static str, String)>,
    cases: Vec<Case>,
}

fn document(suites: &[Suite]) -> String {
    let count = |is_meant: &dyn Fn(&Case) -> bool| -> usize {
        suites.iter().map(|suite| suite.count(is_meant)).sum()
    };
    let seconds: f64 = suites.iter().map(|suite| suite.seconds).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"lpmflow eval\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{seconds:.3}\">",
        count(&|_| true),
        count(&Case::fails),
        count(&Case::errs)
    );
    suites.iter().for_each(|suite| suite.write(&mut xml));
    xml.push_str("</testsuites>\n");
    xml
}

impl Suite {
    fn count(&self, is_meant: &dyn Fn(&Case) -> bool) -> usize {
        self.cases.iter().filter(|case| is_meant(case)).count()
    }

    fn write(&self, xml: &mut String) {
        let class = escape(&self.class);
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{class}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\" \
             time=\"{:.3}\">",
            self.cases.len(),
            self.count(&Case::fails),
            self.count(&Case::errs),
            self.seconds
        );
        xml.push_str("    <properties>\n");
        for (name, value) in &self.properties {
            let _ = writeln!(xml, "      <property name=\"{name}\" value=\"{}\"/>", escape(value));
        }
        xml.push_str("    </properties>\n");
        self.cases.iter().for_each(|case| case.write(&class, xml));
        xml.push_str("  </testsuite>\n");
    }
}

/// What readers of a protocol's numbers must know.
fn properties(report: &Report, protocol: &ProtocolReport) -> Vec<(&'static str, String)> {
    let dataset = &report.dataset;
    let notes = report.notes.iter().map(|note| ("note", note.clone()));
    [
        ("model", report.model.weights.clone()),
        ("fingerprint", dataset.fingerprint.clone()),
        ("pairs", dataset.pairs.to_string()),
        ("missing", dataset.missing.to_string()),
        ("skipped", dataset.skipped.to_string()),
        ("protocol", protocol.description.clone()),
    ]
    .into_iter()
    .chain(notes)
    .collect()
}

/// The numbers under a protocol: of all pairs, and of each category.
fn numbers(report: &Report, protocol: &ProtocolReport, seconds: f64) -> Vec<Case> {
    let output = lines(report.dataset.pairs, &protocol.overall);
    let all = Case { output, ..Case::new("all pairs", seconds) };
    let categories = protocol.categories.iter().map(|(category, group)| Case {
        output: lines(group.pairs, &group.pck),
        ..Case::new(category, 0.0)
    });
    std::iter::once(all).chain(categories).collect()
}

/// A comparison's notes, and a case for each condition; one that tells what changed where there is none.
fn gate(compared: &Result<Comparison>) -> (Vec<(&'static str, String)>, Vec<Case>) {
    let comparison = match compared {
        Ok(comparison) => comparison,
        Err(error) => {
            return (Vec::new(), vec![Case::erring("baseline", error)]);
        }
    };
    let notes = comparison.notes.iter().chain(&comparison.origins);
    let notes = notes.map(|note| ("note", note.clone())).collect();
    let mut cases: Vec<Case> = comparison
        .conditions
        .iter()
        .map(|condition| {
            let finding = condition.finding();
            let trouble = condition.failed.then(|| Trouble::Failure(finding.clone()));
            Case { output: finding, trouble, ..Case::new(&condition.name(), 0.0) }
        })
        .collect();
    if cases.is_empty() {
        let mut output = comparison.verdict();
        comparison.category_verdict().into_iter().for_each(|verdict| {
            let _ = write!(output, "\n{verdict}");
        });
        cases.push(Case { output, ..Case::new("no condition", 0.0) });
    }
    (notes, cases)
}

/// One test case.
struct Case {
    name: String,
    seconds: f64,
    output: String,
    trouble: Option<Trouble>,
}

/// Why a case did not pass.
enum Trouble {
    /// Accuracy fell.
    Failure(String),
    /// Nothing could be measured or compared; of this type, and why.
    Error(&'static str, String),
}

impl Trouble {
    fn of(error: &Error) -> Self {
        Self::Error(fault(error).map_or("failed", |fault| fault.name()), format!("{error:#}"))
    }
}

impl Case {
    fn new(name: &str, seconds: f64) -> Self {
        Self { name: name.to_owned(), seconds, output: String::new(), trouble: None }
    }

    fn erring(name: &str, error: &Error) -> Self {
        Self { trouble: Some(Trouble::of(error)), ..Self::new(name, 0.0) }
    }

    fn fails(&self) -> bool {
        matches!(self.trouble, Some(Trouble::Failure(_)))
    }

    fn errs(&self) -> bool {
        matches!(self.trouble, Some(Trouble::Error(..)))
    }

    /// `class` is escaped.
    fn write(&self, class: &str, xml: &mut String) {
        let Self { name, seconds, output, trouble } = self;
        let _ = writeln!(
            xml,
            "    <testcase classname=\"{class}\" name=\"{}\" time=\"{seconds:.3}\">",
            escape(&one_line(name))
        );
        let told = match trouble {
            Some(Trouble::Failure(message)) => Some(("failure", "regression", message)),
            Some(Trouble::Error(kind, message)) => Some(("error", *kind, message)),
            None => None,
        };
        if let Some((element, kind, message)) = told {
            let message = escape(message);
            let _ = writeln!(
                xml,
                "      <{element} type=\"{kind}\" message=\"{message}\">{message}</{element}>"
            );
        }
        if !output.is_empty() {
            let _ = writeln!(xml, "      <system-out>{}</system-out>", escape(output));
        }
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
    use crate::failure::{Blame, Fault};

    #[test]
    fn cases_are_well_formed_and_named_after_categories() {
        let text = junit(&report(&[4, 1, 0]), None, None);
        let document = roxmltree::Document::parse(&text).unwrap();
        let names = document.descendants().filter(|node| node.has_tag_name("testcase"));
        let names: Vec<_> = names.filter_map(|node| node.attribute("name")).collect();
        assert_eq!(names, ["all pairs", "cat", "dog <&\">"]);
        assert!(!document.descendants().any(|node| node.has_tag_name("failure")));
        assert!(text.contains("3 pairs\nPCK@0.05 41.67 %\nPCK@0.1 41.67 %"), "{text}");
    }

    #[test]
    fn every_condition_is_a_case_that_fails_by_itself() {
        let (before, after) = (report(&[2, 2]), report(&[4, 0]));
        let options = CompareOptions {
            max_drop: Some(1.0),
            max_drop_category: Some(1.0),
            significant: true,
            ..CompareOptions::default()
        };
        let text = junit(&after, Some(&compare(&before, &after, &options)), None);
        let document = roxmltree::Document::parse(&text).unwrap();
        let gate = document
            .descendants()
            .find(|node| node.attribute("name") == Some("toy.test.gate"))
            .unwrap();
        let name = |node: roxmltree::Node| node.attribute("name").unwrap().to_owned();
        let cases = gate.children().filter(|node| node.has_tag_name("testcase"));
        assert_eq!(
            cases.map(name).collect::<Vec<_>>(),
            [
                "max-drop PCK@0.1",
                "significant PCK@0.1",
                "max-drop-category PCK@0.1 cat",
                "max-drop-category PCK@0.1 dog <&\">"
            ]
        );
        let failures = document.descendants().filter(|node| node.has_tag_name("failure"));
        let failures: Vec<_> = failures
            .map(|node| (name(node.parent_element().unwrap()), node.text().unwrap()))
            .collect();
        let message = "max-drop-category PCK@0.1 dog <&\">: 50.00 -> 0.00 (-50.00 points); a drop of 1 is allowed";
        assert_eq!(failures, [("max-drop-category PCK@0.1 dog <&\">".to_owned(), message)]);
        assert_eq!(document.root_element().attribute("failures"), Some("1"));
        assert_eq!(document.root_element().attribute("tests"), Some("7"));
    }

    #[test]
    fn what_keeps_from_a_report_or_a_comparison_is_an_error() {
        let error = || anyhow::anyhow!("no folder `a<b`").context("loading");
        let marked = Err(error()).blame(Fault::Baseline);
        for (text, class, case, kind) in [
            (failure("pf-pascal", &error()), "pf-pascal.set-up", "evaluation", "failed"),
            (
                junit(&report(&[4]), Some(&marked), None),
                "toy.test.gate",
                "baseline",
                "baseline-unusable",
            ),
            (junit(&report(&[4]), None, Some(&error())), "toy.test.results", "written", "failed"),
        ] {
            let document = roxmltree::Document::parse(&text).unwrap();
            let error = document.descendants().find(|node| node.has_tag_name("error")).unwrap();
            assert_eq!(error.attribute("message"), Some("loading: no folder `a<b`"));
            assert_eq!(error.attribute("type"), Some(kind));
            let parent = error.parent_element().unwrap();
            assert_eq!(
                (parent.attribute("classname"), parent.attribute("name")),
                (Some(class), Some(case))
            );
            assert_eq!(document.root_element().attribute("errors"), Some("1"));
        }
    }
}
