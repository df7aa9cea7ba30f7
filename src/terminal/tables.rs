//! Evaluations and comparisons as tables on stdout.

use crate::eval::column::is_alpha;
use crate::eval::compare::{Change, Comparison};
use crate::eval::report::markdown::{left_out, model_name};
use crate::eval::report::words::details;
use crate::eval::report::{ProtocolReport, Report};
use crate::eval::summary::{Group, PckByAlpha};
use crate::spelling::counted;
use crate::terminal::Terminal;
use crate::visible::one_line;

/// Between columns, and between the columns of one protocol and the next.
const GAP: usize = 2;
const WIDE_GAP: usize = 4;

impl Terminal {
    /// PCK per category, per difficulty and overall, protocols side by side, and what they mean.
    pub(crate) fn show_report(&self, report: &Report) {
        let dataset = &report.dataset;
        self.result(&format!(
            "{}, {}: {}, {} in percent of {}.{}\n",
            dataset.name,
            dataset.split,
            counted(dataset.pairs, "pair"),
            if is_alpha(&report.headline.alpha) { "PCK" } else { "areas" },
            model_name(&report.model),
            left_out(report)
        ));
        self.result(&report_table(report));
        for (number, sentence) in details(report).iter().enumerate() {
            let space = if number == 0 { "\n" } else { "" };
            self.result(&format!("{space}{sentence}"));
        }
        for protocol in &report.protocols {
            self.result(&format!("\n{}: {}", protocol.name, protocol.description));
        }
    }

    /// What changed, protocol by protocol, and the deciding PCK by category.
    pub(crate) fn show_comparison(&self, comparison: &Comparison) {
        self.result(&comparison_table(comparison));
        self.result(&format!("\n{}", comparison.verdict()));
        if let Some(categories) = comparison.category_verdict() {
            self.result(&categories);
        }
        for condition in comparison.other_regressions() {
            self.result(&format!("regression: {}", condition.finding()));
        }
        if let Some(flipped) = &comparison.flipped {
            self.result(&format!(
                "{} got worse, {} got better",
                counted(flipped.worse.count, "pair"),
                counted(flipped.better.count, "pair")
            ));
        }
    }
}

fn report_table(report: &Report) -> String {
    let first = &report.protocols[0];
    let mut table = Table::default();
    let mut names = vec![String::new(), String::new()];
    let mut heads = vec!["category".to_owned(), "pairs".to_owned()];
    for protocol in &report.protocols {
        table.starts.push(heads.len());
        names.push(protocol.name.to_string());
        names.extend(vec![String::new(); protocol.overall.len() - 1]);
        heads.extend(protocol.overall.keys().cloned());
    }
    table.spans = names;
    table.rows.push(heads);
    let row = |label: &str, pairs: usize, pck: &dyn Fn(&ProtocolReport) -> Option<PckByAlpha>| {
        let cells = report.protocols.iter().flat_map(|protocol| match pck(protocol) {
            Some(pck) => {
                let cell = |alpha: &String| pck.get(alpha).map(|value| format!("{value:.1}"));
                protocol.overall.keys().map(|alpha| cell(alpha).unwrap_or_default()).collect()
            }
            None => vec![String::new(); protocol.overall.len()],
        });
        [label.to_owned(), pairs.to_string()].into_iter().chain(cells).collect()
    };
    let pck = |group: Option<&Group>| group.map(|group| group.pck.clone());
    for (category, group) in &first.categories {
        let of = |protocol: &ProtocolReport| pck(protocol.categories.get(category));
        table.rows.push(row(category, group.pairs, &of));
    }
    table.rows.push(row("all", report.dataset.pairs, &|protocol| Some(protocol.overall.clone())));
    for (end, label) in ["  95 % from", "  to"].into_iter().enumerate() {
        let bound = |protocol: &ProtocolReport| {
            let ends = protocol.interval95.iter();
            Some(ends.map(|(alpha, interval)| (alpha.clone(), interval[end])).collect())
        };
        let mut bounds: Vec<String> = row(label, 0, &bound);
        bounds[1].clear();
        table.rows.push(bounds);
    }
    for (kind, grades) in &first.difficulty {
        table.rows.push(Vec::new());
        for (grade, group) in grades {
            let of = |protocol: &ProtocolReport| {
                pck(protocol.difficulty.get(kind).and_then(|grades| grades.get(grade)))
            };
            table.rows.push(row(&format!("{kind}: {grade}"), group.pairs, &of));
        }
    }
    table.draw()
}

fn comparison_table(comparison: &Comparison) -> String {
    let mut table = Table::default();
    let heads = ["protocol", "alpha", "before", "after", "change", "95 % interval"];
    table.rows.push(heads.map(str::to_owned).to_vec());
    for change in &comparison.changes {
        let Change { protocol, alpha, before, after, difference, interval95 } = change;
        let interval = interval95.map(|[low, high]| format!("{low:+.2} to {high:+.2}"));
        table.rows.push(vec![
            protocol.to_string(),
            alpha.clone(),
            format!("{before:.2}"),
            format!("{after:.2}"),
            format!("{difference:+.2}"),
            interval.unwrap_or_else(|| "no pairs kept".to_owned()),
        ]);
    }
    let mut categories = Table::default();
    let headline = &comparison.headline;
    let deciding = format!("{} {}", headline.protocol, headline.alpha);
    categories.rows.push(vec![deciding, "before".into(), "after".into(), "change".into()]);
    for (category, [before, after]) in &comparison.categories {
        categories.rows.push(vec![
            category.clone(),
            format!("{before:.2}"),
            format!("{after:.2}"),
            format!("{:+.2}", after - before),
        ]);
    }
    format!("{}\n\n{}", table.draw(), categories.draw())
}

/// Cells in columns: the first to the left, all others to the right. An empty row is a blank line.
#[derive(Default)]
pub(super) struct Table {
    /// Titles over several columns, each at its first column; empty without such titles.
    pub spans: Vec<String>,
    /// The columns where a title begins.
    pub starts: Vec<usize>,
    /// The rows, heads first.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn draw(mut self) -> String {
        // Names of categories may be anything.
        for cell in self.rows.iter_mut().flatten() {
            *cell = one_line(cell).into_owned();
        }
        let widths = self.widths();
        let mut lines = Vec::new();
        if !self.spans.is_empty() {
            lines.push(self.span_line(&widths));
        }
        for row in &self.rows {
            let cell = |(column, text): (usize, &String)| match column {
                0 => format!("{text:<width$}", width = widths[0]),
                _ => format!("{text:>width$}", width = self.gap(column) + widths[column]),
            };
            lines.push(row.iter().enumerate().map(cell).collect::<String>());
        }
        lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
    }

    fn gap(&self, column: usize) -> usize {
        if self.starts.contains(&column) { WIDE_GAP } else { GAP }
    }

    /// The width of each column: of its widest cell, and wide enough for the titles.
    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &Vec<String>, column: usize| {
            row.get(column).map_or(0, |text| text.chars().count())
        };
        let widest = |column| self.rows.iter().map(|row| cell(row, column)).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..columns).map(widest).collect();
        for (number, &start) in self.starts.iter().enumerate() {
            let end = self.starts.get(number + 1).copied().unwrap_or(columns);
            let inner: usize = widths[start..end].iter().sum::<usize>() + GAP * (end - start - 1);
            widths[start] += self.spans[start].chars().count().saturating_sub(inner);
        }
        widths
    }

    /// Each title at the left edge of its columns.
    fn span_line(&self, widths: &[usize]) -> String {
        let mut line = String::new();
        let mut edge = 0;
        for (column, width) in widths.iter().enumerate() {
            edge += if column == 0 { 0 } else { self.gap(column) };
            if !self.spans[column].is_empty() {
                line.push_str(&" ".repeat(edge - line.chars().count()));
                line.push_str(&self.spans[column]);
            }
            edge += width;
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_under_their_titles() {
        let row = |cells: &[&str]| cells.iter().map(|cell| cell.to_string()).collect::<Vec<_>>();
        let table = Table {
            spans: row(&["", "", "a", "", "per-keypoint"]),
            starts: vec![2, 4],
            rows: vec![
                row(&["category", "pairs", "0.05", "0.1", "0.1"]),
                row(&["cat", "12", "5.0", "100.0", "7.0"]),
                Vec::new(),
                row(&["all", "12"]),
            ],
        };
        assert_eq!(
            table.draw().lines().collect::<Vec<_>>(),
            [
                "                   a              per-keypoint",
                "category  pairs    0.05    0.1             0.1",
                "cat          12     5.0  100.0             7.0",
                "",
                "all          12",
            ]
        );
    }
}
