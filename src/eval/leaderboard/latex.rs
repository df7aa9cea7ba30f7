//! A leaderboard as LaTeX tables, with `booktabs` alone.

use std::fmt::Write;

use crate::eval::column::is_alpha;
use crate::eval::leaderboard::{GroupRow, Leaderboard, Score};
use crate::visible::{one_line, visible};

/// A table with a row for each system and columns for each protocol and alpha, and one by category (and difficulty).
pub(crate) fn latex(board: &Leaderboard) -> String {
    let mut text = "% \\usepackage{booktabs}\n".to_owned();
    scores(&mut text, board);
    groups(&mut text, board, "category", &board.categories);
    groups(&mut text, board, "difficulty", &board.difficulty);
    visible(&text).into_owned()
}

// Writing to a string cannot fail.
fn scores(text: &mut String, board: &Leaderboard) {
    let columns: String = board.tables.iter().map(|table| "r".repeat(table.alphas.len())).collect();
    let _ = writeln!(
        text,
        "\\begin{{table}}\n\\centering\n\\begin{{tabular}}{{l{columns}}}\n\\toprule"
    );
    let spans: Vec<String> = board
        .tables
        .iter()
        .map(|table| {
            format!(
                "\\multicolumn{{{}}}{{c}}{{{}}}",
                table.alphas.len(),
                escape(&table.protocol.to_string())
            )
        })
        .collect();
    let _ = writeln!(text, " & {} \\\\", spans.join(" & "));
    let mut first = 2;
    for table in &board.tables {
        let last = first + table.alphas.len() - 1;
        let _ = write!(text, "\\cmidrule(lr){{{first}-{last}}}");
        first = last + 1;
    }
    let heads = board.tables.iter().flat_map(|table| &table.alphas).map(|alpha| head(alpha));
    let _ = writeln!(text, "\n & {} \\\\\n\\midrule", heads.collect::<Vec<_>>().join(" & "));
    for (number, system) in board.systems.iter().enumerate() {
        let cells = board.tables.iter().flat_map(|table| &table.rows[number]).map(cell);
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(text, "{} & {} \\\\", escape(&system.name), cells.join(" & "));
    }
    let method = board.method.as_ref().map(|method| format!(" {}.", escape(method)));
    let _ = writeln!(
        text,
        "\\bottomrule\n\\end{{tabular}}\n\\caption{{{}. {}.{}}}\n\\end{{table}}",
        escape(&board.title()),
        escape(&board.legend("Bold", "dagger")),
        method.unwrap_or_default()
    );
}

fn groups(text: &mut String, board: &Leaderboard, kind: &str, rows: &[GroupRow]) {
    if rows.is_empty() {
        return;
    }
    let names: Vec<String> = board.systems.iter().map(|system| escape(&system.name)).collect();
    let columns = "r".repeat(names.len() + 1);
    let _ = writeln!(
        text,
        "\n\\begin{{table}}\n\\centering\n\\begin{{tabular}}{{l{columns}}}\n\\toprule\n{kind} & pairs & {} \\\\\n\\midrule",
        names.join(" & ")
    );
    for row in rows {
        let cell = |(system, score): (usize, &Option<f64>)| match score {
            Some(score) if board.leads(row, system) => format!("\\textbf{{{score:.1}}}"),
            Some(score) => format!("{score:.1}"),
            None => String::new(),
        };
        let cells: Vec<String> = row.scores.iter().enumerate().map(cell).collect();
        let _ =
            writeln!(text, "{} & {} & {} \\\\", escape(&row.name), row.pairs, cells.join(" & "));
    }
    let _ = writeln!(
        text,
        "\\bottomrule\n\\end{{tabular}}\n\\caption{{{} by {kind}: {} at {}. Bold: best.}}\n\\end{{table}}",
        escape(&board.title()),
        escape(&board.protocol.to_string()),
        head(&board.alpha)
    );
}

fn head(alpha: &str) -> String {
    if is_alpha(alpha) { format!("$\\alpha={alpha}$") } else { escape(alpha) }
}

fn cell(score: &Score) -> String {
    match (score.best, score.is_tied()) {
        (true, _) => format!("\\textbf{{{:.1}}}", score.score),
        (false, true) => format!("{:.1}$^\\dagger$", score.score),
        (false, false) => format!("{:.1}", score.score),
    }
}

/// Text that LaTeX takes literally.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in one_line(text).chars() {
        match character {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '<' => escaped.push_str("$<$"),
            '>' => escaped.push_str("$>$"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_literal() {
        assert_eq!(escape("a_b & 5 % {x}\\"), "a\\_b \\& 5 \\% \\{x\\}\\textbackslash{}");
    }
}
