//! A leaderboard on stdout.

use crate::eval::column::label;
use crate::eval::leaderboard::{GroupRow, Leaderboard, Score};
use crate::terminal::Terminal;
use crate::terminal::tables::Table;

impl Terminal {
    /// Scores by protocol, classes and difficulty, every two systems, and what marks mean.
    pub(crate) fn show_leaderboard(&self, board: &Leaderboard) {
        self.result(&format!("{}\n", board.title()));
        self.result(&scores(board));
        self.result(&format!("\n{}", board.legend("*", "~")));
        board.notes.iter().for_each(|note| self.result(&format!("note: {note}")));
        for (kind, rows) in [("category", &board.categories), ("difficulty", &board.difficulty)] {
            if !rows.is_empty() {
                self.result(&format!("\n{}", groups(board, kind, rows)));
            }
        }
        let Some(method) = &board.method else { return };
        self.result(&format!("\nevery two by `{}` {}:", board.protocol, label(&board.alpha)));
        board.duels_in_words().iter().for_each(|duel| self.result(&format!("  {duel}")));
        self.result(method);
    }
}

fn scores(board: &Leaderboard) -> String {
    let mut table = Table::default();
    let (mut spans, mut heads) = (vec![String::new()], vec!["system".to_owned()]);
    for one in &board.tables {
        table.starts.push(heads.len());
        spans.push(one.protocol.to_string());
        spans.extend(vec![String::new(); one.alphas.len() - 1]);
        heads.extend(one.alphas.iter().map(|alpha| format!("{alpha} ")));
    }
    table.spans = spans;
    table.rows.push(heads);
    for (number, system) in board.systems.iter().enumerate() {
        let cells = board.tables.iter().flat_map(|one| &one.rows[number]).map(cell);
        table.rows.push([system.name.clone()].into_iter().chain(cells).collect());
    }
    table.draw()
}

/// A score and its mark, or the room for one.
fn cell(score: &Score) -> String {
    let mark = match (score.best, score.is_tied()) {
        (true, _) => '*',
        (false, true) => '~',
        (false, false) => ' ',
    };
    format!("{:.1}{mark}", score.score)
}

fn groups(board: &Leaderboard, kind: &str, rows: &[GroupRow]) -> String {
    let mut table = Table::default();
    let names = board.systems.iter().map(|system| format!("{} ", system.name));
    table.rows.push(
        [format!("{kind}, {} {}", board.protocol, board.alpha), "pairs".to_owned()]
            .into_iter()
            .chain(names)
            .collect(),
    );
    for row in rows {
        let cell = |(system, score): (usize, &Option<f64>)| match score {
            Some(score) => {
                format!("{score:.1}{}", if board.leads(row, system) { '*' } else { ' ' })
            }
            None => String::new(),
        };
        let cells = row.scores.iter().enumerate().map(cell);
        table
            .rows
            .push([row.name.clone(), row.pairs.to_string()].into_iter().chain(cells).collect());
    }
    table.draw()
}
