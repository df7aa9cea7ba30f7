//! From reports to a leaderboard.

use anyhow::{Context, Result, ensure};

use crate::eval::compare::{CompareOptions, ensure_same_pairs, same_rules, transfer_note};
use crate::eval::leaderboard::board::{Duel, GroupRow, Leaderboard, Score, System, Table, merit};
use crate::eval::leaderboard::significance::{METHOD, holm, permutation};
use crate::eval::pck::Tally;
use crate::eval::protocol::name::ProtocolName;
use crate::eval::protocol::rules::Average;
use crate::eval::report::{ProtocolReport, Report};
use crate::eval::summary::Group;

impl Leaderboard {
    /// The leaderboard of reports with their names; protocol and alpha of `options` decide, or the first report's
    /// headline.
    ///
    /// # Errors
    /// When the reports do not measure the same thing, or lack the number that is to decide.
    pub(crate) fn new(reports: &[(String, Report)], options: &CompareOptions) -> Result<Self> {
        let [(_, first), others @ ..] = reports else { unreachable!("there is a report") };
        for (name, report) in others {
            ensure_same_pairs(&first.dataset, &report.dataset)
                .with_context(|| format!("comparing `{}` with `{name}`", reports[0].0))?;
        }
        let shared = shared(reports)?;
        let protocol = options.protocol.unwrap_or(first.headline.protocol);
        let alpha = options.alpha.clone().unwrap_or_else(|| first.headline.alpha.clone());
        ensure!(
            shared.iter().any(|row| row[0].name == protocol)
                && reports.iter().all(|(_, report)| has(report, protocol, &alpha)),
            "`{protocol}` at alpha {alpha} is not in all reports; choose with --protocol and --alpha"
        );
        let samples = Samples { reports };
        let mut tables: Vec<Table> = shared.iter().map(|row| table(row)).collect();
        let duels = match samples.are_kept() {
            true => {
                samples.judge(&mut tables, &shared)?;
                samples.duels(protocol, &alpha)?
            }
            false => Vec::new(),
        };
        let rules = shared.iter().map(|row| {
            (row[0].name, row.iter().map(|protocol| protocol.transfer).collect::<Vec<_>>())
        });
        let names: Vec<&str> = reports.iter().map(|(name, _)| &**name).collect();
        let groups = |of: fn(&ProtocolReport) -> Vec<(String, &Group)>| {
            groups(reports, protocol, &alpha, of)
        };
        Ok(Self {
            dataset: first.dataset.clone(),
            systems: reports.iter().map(system).collect(),
            categories: groups(|protocol| {
                protocol.categories.iter().map(|(name, group)| (name.clone(), group)).collect()
            }),
            difficulty: groups(|protocol| {
                let grades = protocol.difficulty.iter().flat_map(|(kind, grades)| {
                    grades.iter().map(move |(grade, group)| (format!("{kind}: {grade}"), group))
                });
                grades.collect()
            }),
            method: samples.are_kept().then(|| METHOD.to_owned()),
            notes: transfer_note(&rules.collect::<Vec<_>>(), &names).into_iter().collect(),
            protocol,
            alpha,
            tables,
            duels,
        })
    }
}

fn has(report: &Report, protocol: ProtocolName, alpha: &str) -> bool {
    report.protocol(protocol).is_some_and(|scores| scores.overall.contains_key(alpha))
}

fn system((name, report): &(String, Report)) -> System {
    let model = &report.model;
    System {
        name: name.clone(),
        kind: model.kind,
        weights: model.weights.clone(),
        sha256: model.sha256.clone(),
        parameters: model.parameters,
    }
}

/// The protocols that all reports have, each as every report has it.
fn shared(reports: &[(String, Report)]) -> Result<Vec<Vec<&ProtocolReport>>> {
    let mut shared = Vec::new();
    for first in &reports[0].1.protocols {
        let all: Option<Vec<&ProtocolReport>> =
            reports.iter().map(|(_, report)| report.protocol(first.name)).collect();
        let Some(all) = all else { continue };
        all.iter().try_for_each(|other| same_rules(first.name, first.rules(), other.rules()))?;
        shared.push(all);
    }
    Ok(shared)
}

/// The table of a protocol, without probabilities.
fn table(row: &[&ProtocolReport]) -> Table {
    let in_all = |alpha: &&String| row.iter().all(|report| report.overall.contains_key(*alpha));
    let alphas: Vec<String> = row[0].overall.keys().filter(in_all).cloned().collect();
    let best = |alpha: &str| {
        let merits = row.iter().map(|report| merit(alpha, report.overall[alpha]));
        merits.fold(f64::NEG_INFINITY, f64::max)
    };
    let score = |report: &ProtocolReport, alpha: &String| {
        let score = report.overall[alpha];
        let best = (merit(alpha, score) - best(alpha)).abs() < 1e-9;
        Score { score, interval95: report.interval95[alpha], best, p: None }
    };
    let rows = row.iter().map(|report| alphas.iter().map(|alpha| score(report, alpha)).collect());
    Table {
        protocol: row[0].name,
        description: row[0].description.clone(),
        rows: rows.collect(),
        alphas,
    }
}

/// The scores of single pairs.
struct Samples<'a> {
    reports: &'a [(String, Report)],
}

impl Samples<'_> {
    fn are_kept(&self) -> bool {
        self.reports.iter().all(|(_, report)| report.pairs.is_some())
    }

    /// How much a system's pairs add to its score beyond those of another.
    fn differences(
        &self,
        [one, other]: [usize; 2],
        (protocol, average): (ProtocolName, Average),
        alpha: &str,
    ) -> Result<Vec<f64>> {
        let pairs = |system: usize| self.reports[system].1.pairs.iter().flatten();
        let difference = |(one, other): (Tally, Tally)| match one.weight > 0.0 && other.weight > 0.0
        {
            true => one.right - other.right,
            false => 0.0,
        };
        ensure!(
            pairs(one).map(|pair| pair.index).eq(pairs(other).map(|pair| pair.index)),
            "the lists of pairs of `{}` and `{}` differ",
            self.reports[one].0,
            self.reports[other].0
        );
        let both = pairs(one).zip(pairs(other)).map(|(one, other)| {
            let samples =
                (one.sample(protocol, alpha, average)?, other.sample(protocol, alpha, average)?);
            Ok(difference(samples))
        });
        both.collect()
    }

    /// Compares every system with the best of each column, and corrects for all that.
    fn judge(&self, tables: &mut [Table], shared: &[Vec<&ProtocolReport>]) -> Result<()> {
        let (mut places, mut differences) = (Vec::new(), Vec::new());
        for (number, (table, row)) in tables.iter().zip(shared).enumerate() {
            let protocol = (table.protocol, row[0].average);
            for (column, alpha) in table.alphas.iter().enumerate() {
                let Some(best) = table.rows.iter().position(|row| row[column].best) else {
                    continue;
                };
                for system in
                    (0..table.rows.len()).filter(|system| !table.rows[*system][column].best)
                {
                    places.push((number, system, column));
                    differences.push(self.differences([best, system], protocol, alpha)?);
                }
            }
        }
        let corrected = holm(&permutation(&differences));
        for ((table, system, column), p) in places.into_iter().zip(corrected) {
            tables[table].rows[system][column].p = Some(p);
        }
        Ok(())
    }

    /// Every two systems by the deciding score, corrected for all of them.
    fn duels(&self, protocol: ProtocolName, alpha: &str) -> Result<Vec<Duel>> {
        let scores: Vec<&ProtocolReport> =
            self.reports.iter().filter_map(|(_, report)| report.protocol(protocol)).collect();
        let systems = scores.len();
        let sides: Vec<[usize; 2]> = (0..systems)
            .flat_map(|one| (one + 1..systems).map(move |other| [one, other]))
            .collect();
        let rules = (protocol, scores[0].average);
        let differences = sides
            .iter()
            .map(|sides| self.differences(*sides, rules, alpha))
            .collect::<Result<Vec<_>>>()?;
        let duel = |([one, other], p): ([usize; 2], f64)| {
            let difference = scores[one].overall[alpha] - scores[other].overall[alpha];
            Duel { one, other, difference, p }
        };
        Ok(sides.into_iter().zip(holm(&permutation(&differences))).map(duel).collect())
    }
}

/// Groups that the first report has, with every system's score.
fn groups(
    reports: &[(String, Report)],
    protocol: ProtocolName,
    alpha: &str,
    of: fn(&ProtocolReport) -> Vec<(String, &Group)>,
) -> Vec<GroupRow> {
    let all: Vec<Vec<(String, &Group)>> =
        reports.iter().filter_map(|(_, report)| report.protocol(protocol)).map(of).collect();
    let row = |(name, group): &(String, &Group)| {
        let score = |groups: &Vec<(String, &Group)>| {
            let (_, group) = groups.iter().find(|(other, _)| other == name)?;
            group.pck.get(alpha).copied()
        };
        GroupRow { name: name.clone(), pairs: group.pairs, scores: all.iter().map(score).collect() }
    };
    all[0].iter().map(row).collect()
}
