//! A leaderboard, and what all of its forms have in common.

use serde::Serialize;

use crate::eval::bootstrap::Interval;
use crate::eval::column::fall;
use crate::eval::leaderboard::significance::LEVEL;
use crate::eval::protocol::name::ProtocolName;
use crate::eval::report::{DatasetReport, ModelKind};
use crate::spelling::counted;

/// Several systems on the same pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Leaderboard {
    /// What all were evaluated on.
    pub dataset: DatasetReport,
    /// The systems, in the order of the reports.
    pub systems: Vec<System>,
    /// The protocol that classes and difficulty are told by.
    pub protocol: ProtocolName,
    /// The alpha that they are told at, as reports write it.
    pub alpha: String,
    /// The scores under every protocol that all reports have.
    pub tables: Vec<Table>,
    /// Every two systems by the deciding score; empty where a report has not kept its pairs' scores.
    pub duels: Vec<Duel>,
    /// The deciding score by category.
    pub categories: Vec<GroupRow>,
    /// The deciding score by difficulty: kind and grade.
    pub difficulty: Vec<GroupRow>,
    /// What the probabilities rest on; none where there are none.
    pub method: Option<String>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// A system of the leaderboard.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct System {
    /// What it is called here.
    pub name: String,
    /// Where its predictions come from.
    pub kind: ModelKind,
    /// Name of the weights, the baseline or the file.
    pub weights: String,
    /// Their digest.
    pub sha256: Option<String>,
    /// How many parameters.
    pub parameters: Option<u64>,
}

/// The scores under one protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Table {
    /// The protocol.
    pub protocol: ProtocolName,
    /// It in words.
    pub description: String,
    /// The columns: alphas, or measures of areas.
    pub alphas: Vec<String>,
    /// A row for each system, and in it a score for each column.
    pub rows: Vec<Vec<Score>>,
}

/// One score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Score {
    /// In percent.
    pub score: f64,
    /// Its 95 % bootstrap interval.
    pub interval95: Interval,
    /// Whether none is better.
    pub best: bool,
    /// The corrected probability of a difference from the best as large by chance; none of the best itself, and where pairs were
    /// not kept.
    pub p: Option<f64>,
}

impl Score {
    /// Whether it falls short of the best by no more than chance.
    pub(crate) fn is_tied(&self) -> bool {
        self.p.is_some_and(|p| p >= LEVEL)
    }
}

/// Two systems by the deciding score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Duel {
    /// The one, by its position.
    pub one: usize,
    /// The other.
    pub other: usize,
    /// The score of the one less that of the other, in points.
    pub difference: f64,
    /// The corrected probability of a difference as large by chance.
    pub p: f64,
}

impl Duel {
    /// Whether the two differ by more than chance.
    pub(crate) fn is_decided(&self) -> bool {
        self.p < LEVEL
    }
}

/// A part of the pairs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct GroupRow {
    /// The category, or kind and grade of difficulty.
    pub name: String,
    /// How many pairs.
    pub pairs: usize,
    /// The score of each system; none where it has none.
    pub scores: Vec<Option<f64>>,
}

impl Leaderboard {
    /// What was evaluated on, in a line.
    pub(crate) fn title(&self) -> String {
        let dataset = &self.dataset;
        format!("{} {}: {}", dataset.name, dataset.split, counted(dataset.pairs, "pair"))
    }

    /// The table and the column that decide.
    pub(crate) fn deciding(&self) -> Option<(&Table, usize)> {
        let table = self.tables.iter().find(|table| table.protocol == self.protocol)?;
        Some((table, table.alphas.iter().position(|alpha| *alpha == self.alpha)?))
    }

    /// What marks of the best, and of those that fall short of it by chance, mean.
    pub(crate) fn legend(&self, best: &str, tied: &str) -> String {
        match self.method {
            Some(_) => {
                format!(
                    "{best}: best; {tied}: not worse than the best beyond chance (p of 0.05 or more)"
                )
            }
            None => format!("{best}: best; without a test, as a report has not kept its pairs"),
        }
    }

    /// Whether a system has the best score of a group.
    pub(crate) fn leads(&self, row: &GroupRow, system: usize) -> bool {
        let merit = |score: &f64| merit(&self.alpha, *score);
        let best = row.scores.iter().flatten().map(merit).fold(f64::NEG_INFINITY, f64::max);
        row.scores[system].is_some_and(|score| merit(&score) >= best - 1e-9)
    }

    /// Duels in words: who leads whom, by how much, and whether that is more than chance.
    pub(crate) fn duels_in_words(&self) -> Vec<String> {
        let name = |system: usize| &self.systems[system].name;
        let words = |duel: &Duel| {
            let chance = if duel.is_decided() { "" } else { ", within chance" };
            let (one, other) = (name(duel.one), name(duel.other));
            let difference = points(duel.difference);
            format!("{one} against {other}: {difference} points, {}{chance}", probability(duel.p))
        };
        self.duels.iter().map(words).collect()
    }
}

impl System {
    /// What it is, beside its name.
    pub(crate) fn what(&self) -> String {
        let digest = self.sha256.iter().map(|digest| format!("{digest:.8}"));
        let size =
            self.parameters.iter().map(|count| format!("{:.2} M parameters", *count as f64 / 1e6));
        [self.weights.clone()].into_iter().chain(digest).chain(size).collect::<Vec<_>>().join(", ")
    }
}

/// How good a score is: of LOC-ERR less is better.
pub(super) fn merit(alpha: &str, score: f64) -> f64 {
    -fall(alpha, score)
}

/// A difference as it is printed, in points; what rounds to nothing has no sign of its own.
pub(crate) fn points(difference: f64) -> String {
    let text = format!("{difference:+.2}");
    if text == "-0.00" { "+0.00".to_owned() } else { text }
}

/// A probability as it is printed.
pub(crate) fn probability(p: f64) -> String {
    if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") }
}
