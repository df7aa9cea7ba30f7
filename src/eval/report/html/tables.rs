//! The page's tables: protocols side by side, categories and difficulty.

use indexmap::IndexMap;
use maud::{Markup, html};

use crate::eval::column::{is_alpha, label};
use crate::eval::report::{ProtocolReport, Report};
use crate::eval::summary::Group;

/// PCK under each protocol, and what they mean.
pub(super) fn protocols(report: &Report) -> Markup {
    let alphas: Vec<&String> = report.protocols[0].overall.keys().collect();
    let cell = |protocol: &ProtocolReport, alpha: &String| {
        let [low, high] = protocol.interval95[alpha];
        html! {
            td { strong { (format!("{:.1}", protocol.overall[alpha])) }
                 span.range { (format!("{low:.1}–{high:.1}")) } }
        }
    };
    html! {
        section {
            h2 { "The same predictions under each protocol" }
            p { (what(report)) " in percent over all pairs, with its 95 % interval." }
            div.scroll tabindex="0" role="region" aria-label="Scores by protocol" {
                table.numbers {
                    thead { tr { th scope="col" { "Protocol" }
                        @for alpha in &alphas { th scope="col" { (head(alpha)) } } } }
                    tbody {
                        @for protocol in &report.protocols {
                            tr { th scope="row" { code { (protocol.name) } }
                                @for alpha in &alphas { (cell(protocol, alpha)) } }
                        }
                    }
                }
            }
            (spelled_out(&report.protocols[..1]))
            @if report.protocols.len() > 1 {
                details {
                    summary { "The other protocols in words" }
                    (spelled_out(&report.protocols[1..]))
                }
            }
        }
    }
}

/// PCK of each category as bars, and as numbers.
pub(super) fn categories(report: &Report) -> Markup {
    let (protocol, alpha) = (&report.protocols[0], &report.headline.alpha);
    html! {
        section {
            h2 { "By category" }
            p { (label(alpha)) " under " code { (protocol.name) } ". The line marks all pairs: "
                (format!("{:.1}", protocol.overall[alpha])) "." }
            (bars("Category", &protocol.categories, report))
            details {
                summary { "All protocols and columns" }
                (all_categories(report))
            }
        }
    }
}

/// PCK of each grade of difficulty; nothing where there are no grades.
pub(super) fn difficulty(report: &Report) -> Markup {
    let kinds = &report.protocols[0].difficulty;
    if kinds.is_empty() {
        return Markup::default();
    }
    html! {
        section {
            h2 { "By difficulty" }
            p { "The dataset's own grades of each pair; " (label(&report.headline.alpha)) "." }
            div.cards {
                @for (kind, grades) in kinds {
                    div { h3 { (kind) } (bars(kind, grades, report)) }
                }
            }
        }
    }
}

/// What the numbers are.
fn what(report: &Report) -> &'static str {
    if is_alpha(&report.headline.alpha) { "PCK" } else { "Measures of areas" }
}

/// The head of a column.
fn head(alpha: &str) -> String {
    if is_alpha(alpha) { format!("α = {alpha}") } else { alpha.to_owned() }
}

/// Text whose backticks mark code.
pub(crate) fn with_code(text: &str) -> Markup {
    html! {
        @for (number, part) in text.split('`').enumerate() {
            @if number % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn spelled_out(protocols: &[ProtocolReport]) -> Markup {
    html! {
        dl.protocols {
            @for protocol in protocols {
                dt { code { (protocol.name) } }
                dd { (with_code(&protocol.description)) }
            }
        }
    }
}

fn bars(kind: &str, groups: &IndexMap<String, Group>, report: &Report) -> Markup {
    let alpha = &report.headline.alpha;
    let overall = report.headline.pck;
    html! {
        table.bars style=(format!("--overall: {overall:.2}%")) {
            thead.hidden { tr { th scope="col" { (kind) } th scope="col" { (label(alpha)) " in percent" }
                th scope="col" { "Pairs" } } }
            tbody {
                @for (name, group) in groups {
                    @let pck = group.pck.get(alpha).copied().unwrap_or_default();
                    tr {
                        th scope="row" { (name) }
                        td.bar { div { span style=(format!("width: {pck:.2}%")) {}
                            b { (format!("{pck:.1}")) } } }
                        td.count { (group.pairs) span { @if group.pairs == 1 { " pair" } @else { " pairs" } } }
                    }
                }
            }
        }
    }
}

fn all_categories(report: &Report) -> Markup {
    let alphas = report.protocols[0].overall.len();
    html! {
        div.scroll tabindex="0" role="region" aria-label="Scores by category and protocol" {
            table.numbers {
                thead {
                    tr { th rowspan="2" scope="col" { "Category" }
                        @for protocol in &report.protocols {
                            th colspan=(alphas) scope="colgroup" { code { (protocol.name) } } } }
                    tr { @for protocol in &report.protocols { @for alpha in protocol.overall.keys() {
                        th scope="col" { (alpha) } } } }
                }
                tbody {
                    @for category in report.protocols[0].categories.keys() {
                        tr { th scope="row" { (category) }
                            @for protocol in &report.protocols {
                                @for alpha in protocol.overall.keys() {
                                    td { @if let Some(pck) = protocol.categories[category].pck.get(alpha) {
                                        (format!("{pck:.1}")) } } } } }
                    }
                }
                tfoot { tr { th scope="row" { "All" }
                    @for protocol in &report.protocols { @for pck in protocol.overall.values() {
                        td { (format!("{pck:.1}")) } } } } }
            }
        }
    }
}
