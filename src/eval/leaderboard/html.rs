//! A leaderboard as a page of its own, and its sections for a page that says more.

use maud::{DOCTYPE, Markup, html};

use crate::eval::column::label;
use crate::eval::leaderboard::{Duel, GroupRow, Leaderboard, Score, Table, points, probability};
use crate::eval::report::html::{STYLE, with_code};
use crate::page;
use crate::visible::visible;

/// The page.
pub(crate) fn page(board: &Leaderboard, further: &Markup) -> String {
    let title =
        format!("{} {}: {} systems", board.dataset.name, board.dataset.split, board.systems.len());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (page::head(&title, STYLE, "", &html! {}))
            body {
                header {
                    p.eyebrow { (board.title()) }
                    h1 { span.headline { (heading(board)) } }
                    p.lead { (label(&board.alpha)) " under " code { (board.protocol) } " decides." }
                    @for note in &board.notes { p.notice { (with_code(note)) "." } }
                }
                main {
                    (further)
                    (scores(board))
                    (duels(board))
                    (groups(board, "By category", "Category", &board.categories))
                    (groups(board, "By difficulty", "Difficulty", &board.difficulty))
                    (systems(board))
                }
            }
        }
    };
    visible(&page.into_string()).into_owned()
}

/// Who leads, in a sentence.
fn heading(board: &Leaderboard) -> String {
    let Some((table, column)) = board.deciding() else { return board.title() };
    let leaders: Vec<&str> = board
        .systems
        .iter()
        .zip(&table.rows)
        .filter(|(_, row)| row[column].best)
        .map(|(system, _)| system.name.as_str())
        .collect();
    let score = table.rows.iter().map(|row| row[column]).find(|score| score.best);
    let score = score.map(|score| format!(" {:.1} %", score.score)).unwrap_or_default();
    format!("{}{score}", leaders.join(", "))
}

fn scores(board: &Leaderboard) -> Markup {
    html! {
        section {
            h2 { "Scores" }
            p { "In percent, with 95 % intervals. " (board.legend("Bold", "†")) "." }
            @for table in &board.tables { (table_of(board, table)) }
        }
    }
}

fn table_of(board: &Leaderboard, table: &Table) -> Markup {
    html! {
        div.scroll.board tabindex="0" role="region" aria-label=(format!("Scores under {}", table.protocol)) {
            table.numbers {
                thead { tr { th scope="col" { code { (table.protocol) } }
                    @for alpha in &table.alphas { th scope="col" { (label(alpha)) } } } }
                tbody {
                    @for (system, row) in board.systems.iter().zip(&table.rows) {
                        tr { th scope="row" { (system.name) } @for score in row { (cell(score)) } }
                    }
                }
            }
        }
    }
}

fn cell(score: &Score) -> Markup {
    let [low, high] = score.interval95;
    let value = format!("{:.1}", score.score);
    let title = score.p.map(|p| format!("against the best: {}", probability(p)));
    html! {
        td title=[title] {
            @if score.best { strong { (value) } } @else { (value) @if score.is_tied() { "†" } }
            span.range { (format!("{low:.1}–{high:.1}")) }
        }
    }
}

/// Every two systems, as a table: rows less columns.
fn duels(board: &Leaderboard) -> Markup {
    let Some(method) = board.method.as_ref().filter(|_| !board.duels.is_empty()) else {
        return Markup::default();
    };
    let find = |row: usize, column: usize| {
        let is = |duel: &&Duel| {
            (duel.one.min(duel.other), duel.one.max(duel.other))
                == (row.min(column), row.max(column))
        };
        let duel = board.duels.iter().find(is)?;
        let sign = if duel.one == row { 1.0 } else { -1.0 };
        Some((sign * duel.difference, duel))
    };
    html! {
        section {
            h2 { "Every two of them" }
            p { (label(&board.alpha)) " under " code { (board.protocol) }
                ": the row's score less the column's, in points; bold where that is more than chance. " (method) "." }
            div.scroll tabindex="0" role="region" aria-label="Every two systems" {
                table.numbers {
                    thead { tr { th scope="col" { "System" } @for system in &board.systems { th scope="col" { (system.name) } } } }
                    tbody {
                        @for (row, system) in board.systems.iter().enumerate() {
                            tr { th scope="row" { (system.name) }
                                @for column in 0..board.systems.len() {
                                    td { @if let Some((difference, duel)) = find(row, column) {
                                        @let text = points(difference);
                                        @if duel.is_decided() { strong { (text) } } @else { (text) }
                                        span.range { (probability(duel.p)) }
                                    } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn groups(board: &Leaderboard, title: &str, kind: &str, rows: &[GroupRow]) -> Markup {
    html! {
        @if !rows.is_empty() {
            section {
                h2 { (title) }
                p { (label(&board.alpha)) " under " code { (board.protocol) } "; bold: best." }
                div.scroll tabindex="0" role="region" aria-label=(title) {
                    table.numbers {
                        thead { tr { th scope="col" { (kind) } th scope="col" { "Pairs" }
                            @for system in &board.systems { th scope="col" { (system.name) } } } }
                        tbody {
                            @for row in rows {
                                tr { th scope="row" { (row.name) } td { (row.pairs) }
                                    @for (system, score) in row.scores.iter().enumerate() {
                                        td { @if let Some(score) = score {
                                            @let text = format!("{score:.1}");
                                            @if board.leads(row, system) { strong { (text) } } @else { (text) }
                                        } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn systems(board: &Leaderboard) -> Markup {
    html! {
        section {
            h2 { "Systems and protocols" }
            dl.protocols {
                @for system in &board.systems { dt { (system.name) } dd { (system.what()) } }
                @for table in &board.tables { dt { code { (table.protocol) } } dd { (with_code(&table.description)) } }
            }
        }
    }
}
