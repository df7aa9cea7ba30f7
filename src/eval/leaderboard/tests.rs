//! Leaderboards of three small reports, in all forms.

use maud::Markup;

use super::*;
use crate::eval::compare::CompareOptions;
use crate::eval::leaderboard::latex::latex;
use crate::eval::leaderboard::markdown::markdown;
use crate::eval::report::{DatasetReport, Report};
use crate::eval::testing::report;
use anyhow::Result;

/// Reports of 40 pairs with 4 keypoints, of which as many are right as these say.
fn board(correct: &[&dyn Fn(usize) -> usize]) -> Result<Leaderboard> {
    let reports = correct.iter().enumerate().map(|(system, correct)| {
        (format!("system_{system}"), report(&(0..40).map(correct).collect::<Vec<_>>()))
    });
    Leaderboard::new(&reports.collect::<Vec<_>>(), &CompareOptions::default())
}

/// One that is good, one that is as good by chance, and one that is not.
fn three() -> Leaderboard {
    let wavering = |pair: usize| if pair < 3 { [4, 1, 3][pair] } else { 3 };
    board(&[&|_| 3, &wavering, &|_| 1]).unwrap()
}

#[test]
fn the_best_is_marked_and_what_falls_short_by_chance_is_told_from_what_does_not() {
    let board = three();
    let column: Vec<Score> = board.tables[0].rows.iter().map(|row| row[1]).collect();
    assert_eq!(column.iter().map(|score| score.best).collect::<Vec<_>>(), [true, false, false]);
    assert!(column[0].p.is_none() && column[1].is_tied() && !column[2].is_tied(), "{column:?}");
    // Four comparisons in the table: two columns, two others each.
    assert_eq!(column[2].p, Some(4.0 / 10_001.0));
    assert_eq!(board.duels.len(), 3);
    assert_eq!(board.duels[1].difference, 50.0);
    assert!(board.duels[1].is_decided() && !board.duels[0].is_decided());
    assert_eq!(board.categories[1].name, "dog <&\">");
    assert!(board.leads(&board.categories[1], 0) && !board.leads(&board.categories[1], 2));
}

#[test]
fn every_form_names_systems_marks_and_method() {
    let board = three();
    let text = markdown(&board, "");
    assert!(text.contains("| system\\_0 | **75.0** (75.0 to 75.0) |"), "{text}");
    assert!(text.contains("| system\\_1 | 74.4† ("), "{text}");
    assert!(text.contains("Bold: best; †: not worse") && text.contains("Holm"), "{text}");
    let text = latex(&board);
    assert!(text.contains("system\\_0 & \\textbf{75.0} & \\textbf{75.0} \\\\"), "{text}");
    assert!(text.contains("system\\_1 & 74.4$^\\dagger$"), "{text}");
    assert_eq!(text.matches("\\begin{tabular}").count(), text.matches("\\end{tabular}").count());
    let page = html::page(&board, &Markup::default());
    assert!(page.contains("<strong>75.0</strong>") && page.contains("74.4†"), "{page}");
    assert!(page.contains("dog &lt;&amp;&quot;&gt;") && !page.contains("http:"), "{page}");
}

#[test]
fn reports_without_pairs_have_scores_alone_and_unlike_ones_are_refused() {
    let named = |report| ("a".to_owned(), report);
    let bare = Report { pairs: None, ..report(&[2, 3]) };
    let options = CompareOptions::default();
    let board =
        Leaderboard::new(&[named(report(&[2, 2])), ("b".to_owned(), bare.clone())], &options)
            .unwrap();
    assert!(board.method.is_none() && board.duels.is_empty());
    assert!(board.tables[0].rows[1][1].best);
    assert!(markdown(&board, "").contains("without a test"));
    let other = DatasetReport { split: "val".into(), ..bare.dataset.clone() };
    let other = Report { dataset: other, ..bare };
    let error = Leaderboard::new(&[named(report(&[2, 2])), ("b".to_owned(), other)], &options);
    let text = format!("{:#}", error.unwrap_err());
    assert!(text.contains("comparing `a` with `b`: they are of different splits"), "{text}");
}
