//! The page's frame; what moves in it is `index.js`.

use std::path::Path;

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::page::{head, is_made_by, maker};
use crate::predict::batch::index::rows::{Failure, Row, Rows, Shot};
use crate::spelling::counted;

const STYLE: &str = include_str!("index.css");
const SCRIPT: &str = include_str!("index.js");

/// The script in the page is all that it may run.
const POLICY: &str = "; script-src 'unsafe-inline'";

/// What the page calls its maker.
const MAKER: &str = "lpmflow index";

/// The orders to choose from: id and name.
const ORDERS: [(&str, &str); 3] =
    [("best", "best match first"), ("worst", "worst match first"), ("name", "by name")];

/// Whether a file is such a page, as far as its beginning tells.
///
/// # Errors
/// When it cannot be read.
pub(super) fn is_index(path: &Path) -> Result<bool> {
    is_made_by(path, MAKER)
}

/// The page; `addresses` are the photos' pictures.
pub(super) fn page(rows: &Rows, addresses: &[String]) -> String {
    let title = format!("{}: {}", rows.title, counted(rows.matched.len(), "matched pair"));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title, STYLE, POLICY, &maker(MAKER)))
            (pictures(addresses))
            body {
                header {
                    h1 { (title) }
                    (summary(rows))
                    (tools())
                }
                main {
                    ul #pairs {
                        @for (position, row) in rows.matched.iter().enumerate() { (pair(position, row)) }
                    }
                    p #none hidden { "No pair has that in its name." }
                    @if !rows.failed.is_empty() { (failures(&rows.failed)) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// Each photo stands in the page once, and is decoded where it is seen.
fn pictures(addresses: &[String]) -> Markup {
    html! {
        style {
            @for (number, address) in addresses.iter().enumerate() {
                (PreEscaped(format!(".p{number}{{background-image:url({address})}}")))
            }
        }
    }
}

fn summary(rows: &Rows) -> Markup {
    let hardly = |row: &&Row| row.verdict.is_some_and(|verdict| verdict.hardly_matches);
    let hardly = rows.matched.iter().filter(hardly).count();
    html! {
        p.lead {
            "Open a pair to point at one photo and see the same place in the other."
            @if hardly > 0 { " Of " (counted(hardly, "pair")) " hardly anything corresponds." }
        }
        @if !rows.failed.is_empty() {
            p.notice { a href="#failed" { (counted(rows.failed.len(), "pair")) " failed" } "." }
        }
        @if rows.missing > 0 {
            p.notice { "The run ended early, before " (counted(rows.missing, "pair")) " of the list: run it again \
                        to go on." }
        }
    }
}

/// There once the script runs.
fn tools() -> Markup {
    html! {
        form #tools hidden {
            label { "Find " input #find type="search" placeholder="part of a name" spellcheck="false"; }
            label { "Order " select #order {
                @for (id, name) in ORDERS { option value=(id) { (name) } }
            } }
            output #count role="status" {}
        }
    }
}

fn pair(position: usize, row: &Row) -> Markup {
    let confidence = row.verdict.map(|verdict| verdict.best_confidence);
    let class = match row.verdict {
        Some(verdict) if verdict.hardly_matches => "pair hardly",
        _ => "pair",
    };
    let [source, target] = &row.photos;
    html! {
        li class=(class) data-name=(row.name) data-rank=(position) {
            a.open href=(row.view) {
                span.photos { (photo(source, "Source")) (photo(target, "Target")) }
                span.name { (row.name) }
            }
            @if let Some(verdict) = row.verdict { p.verdict { (verdict.in_words()) } }
            p.foot {
                @if let Some(confidence) = confidence {
                    span.sure title="mean confidence of the most certain tenth of the source" {
                        span.bar aria-hidden="true" { span style=(format!("width: {:.0}%", confidence * 100.0)) {} }
                        "confidence " b { (format!("{confidence:.2}")) }
                    }
                }
                span.files { @for file in &row.files { a href=(file) { (ending(file, &row.name)) } " " } }
            }
        }
    }
}

fn photo(shot: &Shot, role: &str) -> Markup {
    let class = match shot.picture {
        Some(number) => format!("photo p{number}"),
        None => "photo".to_owned(),
    };
    html! { span class=(class) role="img" aria-label=(format!("{role} {}", shot.name)) {} }
}

/// What a file of a pair is called behind the pair's name.
fn ending<'a>(file: &'a str, name: &str) -> &'a str {
    file.strip_prefix(name).map_or(file, |ending| ending.trim_start_matches('.'))
}

fn failures(failed: &[Failure]) -> Markup {
    html! {
        section #failed {
            h2 { (counted(failed.len(), "pair")) " failed" }
            ul {
                @for failure in failed {
                    li data-name=(failure.name) { b { (failure.name) } " " span { (failure.why) } }
                }
            }
        }
    }
}
