//! A leaderboard as Markdown.

use std::fmt::Write;

use crate::eval::column::label;
use crate::eval::leaderboard::{GroupRow, Leaderboard, Score};
use crate::eval::report::markdown::escape;
use crate::visible::visible;

/// The whole leaderboard, after what is to be said first.
pub(crate) fn markdown(board: &Leaderboard, first: &str) -> String {
    let mut text = format!("## {}\n{first}", escape(&board.title()));
    // Writing to a string cannot fail.
    for table in &board.tables {
        let heads: String =
            table.alphas.iter().map(|alpha| format!(" {} |", label(alpha))).collect();
        let rule = "---:|".repeat(table.alphas.len());
        let _ = writeln!(text, "\n| `{}` |{heads}\n|---|{rule}", table.protocol);
        for (system, scores) in board.systems.iter().zip(&table.rows) {
            let cells: String = scores.iter().map(|score| format!(" {} |", cell(score))).collect();
            let _ = writeln!(text, "| {} |{cells}", escape(&system.name));
        }
    }
    let _ = writeln!(text, "\n{}.", board.legend("Bold", "†"));
    for note in &board.notes {
        let _ = writeln!(text, "\nNote: {note}.");
    }
    groups(&mut text, board, "category", &board.categories);
    groups(&mut text, board, "difficulty", &board.difficulty);
    duels(&mut text, board);
    let _ = writeln!(text, "\n<details><summary>Systems and protocols</summary>\n");
    for system in &board.systems {
        let _ = writeln!(text, "- {}: {}", escape(&system.name), escape(&system.what()));
    }
    for table in &board.tables {
        let _ = writeln!(text, "- `{}`: {}", table.protocol, table.description);
    }
    let _ = writeln!(text, "\n</details>");
    visible(&text).into_owned()
}

fn cell(score: &Score) -> String {
    let [low, high] = score.interval95;
    let interval = format!("({low:.1} to {high:.1})");
    match (score.best, score.is_tied()) {
        (true, _) => format!("**{:.1}** {interval}", score.score),
        (false, true) => format!("{:.1}† {interval}", score.score),
        (false, false) => format!("{:.1} {interval}", score.score),
    }
}

fn groups(text: &mut String, board: &Leaderboard, kind: &str, rows: &[GroupRow]) {
    if rows.is_empty() {
        return;
    }
    let names: String =
        board.systems.iter().map(|system| format!(" {} |", escape(&system.name))).collect();
    let rule = "---:|".repeat(board.systems.len() + 1);
    let what = format!("{kind}, `{}` {}", board.protocol, label(&board.alpha));
    let _ = writeln!(text, "\n| {what} | pairs |{names}\n|---|{rule}");
    for row in rows {
        let cell = |(system, score): (usize, &Option<f64>)| match score {
            Some(score) if board.leads(row, system) => format!(" **{score:.1}** |"),
            Some(score) => format!(" {score:.1} |"),
            None => " |".to_owned(),
        };
        let cells: String = row.scores.iter().enumerate().map(cell).collect();
        let _ = writeln!(text, "| {} | {} |{cells}", escape(&row.name), row.pairs);
    }
}

fn duels(text: &mut String, board: &Leaderboard) {
    let Some(method) = &board.method else { return };
    let _ = writeln!(text, "\nEvery two by `{}` {}:\n", board.protocol, label(&board.alpha));
    for duel in board.duels_in_words() {
        let _ = writeln!(text, "- {}", escape(&duel));
    }
    let _ = writeln!(text, "\n{}.", method);
}
