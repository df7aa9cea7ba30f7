//! Runs beside one another: what they came to, and in which settings they differ.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use crate::train::report::record::RunRecord;

/// Results and settings of several runs; nothing of one alone.
pub(super) fn beside(runs: &[&RunRecord]) -> Markup {
    if runs.len() < 2 {
        return Markup::default();
    }
    let scores: BTreeSet<&str> = runs.iter().map(|run| run.history.score()).collect();
    html! {
        section {
            h2 { "Beside other runs" }
            @if scores.len() > 1 {
                p.notice { "These runs were validated by different rules (" (scores.into_iter().collect::<Vec<_>>().join(", "))
                    "): their percentages are not to be compared." }
            }
            (results(runs))
            (settings(runs))
        }
    }
}

fn results(runs: &[&RunRecord]) -> Markup {
    let percent = |pck: Option<f64>| pck.map(|pck| format!("{pck:.2}")).unwrap_or_default();
    html! {
        div.scroll tabindex="0" role="region" aria-label="Results by run" {
            table.numbers {
                thead { tr { th scope="col" { "Run" } th scope="col" { "before" } th scope="col" { "best" }
                    th scope="col" { "at step" } th scope="col" { "last" } th scope="col" { "steps" }
                    th scope="col" { "mean loss of the last epoch" } } }
                tbody {
                    @for run in runs {
                        @let history = &run.history;
                        @let validated = history.validated();
                        @let best = history.best();
                        tr {
                            th scope="row" { (run.name) }
                            td { (percent(validated.first().filter(|first| first.step == 0).map(|first| first.pck))) }
                            td { strong { (percent(best.map(|best| best.pck))) } }
                            td { @if let Some(best) = best { (best.step) } }
                            td { (percent(validated.last().map(|last| last.pck))) }
                            td { (history.steps()) }
                            td { @if let Some([_, loss]) = history.series("mean_loss").last() { (format!("{loss:.4}")) } }
                        }
                    }
                }
            }
        }
    }
}

fn settings(runs: &[&RunRecord]) -> Markup {
    let tables: Vec<BTreeMap<String, String>> = runs.iter().map(|run| flat(&run.config)).collect();
    let names: BTreeSet<&String> = tables.iter().flat_map(BTreeMap::keys).collect();
    let differs =
        |name: &&&String| tables.iter().any(|table| table.get(**name) != tables[0].get(**name));
    let different: Vec<&String> = names.iter().filter(differs).copied().collect();
    html! {
        @if different.is_empty() {
            p { "Their settings are the same." }
        } @else {
            details open {
                summary { "Settings that differ" }
                div.scroll tabindex="0" role="region" aria-label="Settings that differ" {
                    table.numbers {
                        thead { tr { th scope="col" { "Setting" } @for run in runs { th scope="col" { (run.name) } } } }
                        tbody {
                            @for name in different {
                                tr { th scope="row" { code { (name) } }
                                    @for table in &tables { td { (table.get(name).map_or("", String::as_str)) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Every setting of a configuration by its full name.
fn flat(config: &str) -> BTreeMap<String, String> {
    fn add(prefix: &str, table: &toml::Table, flat: &mut BTreeMap<String, String>) {
        for (key, value) in table {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                toml::Value::Table(table) => add(&name, table, flat),
                value => drop(flat.insert(name, value.to_string())),
            }
        }
    }
    let mut settings = BTreeMap::new();
    // It is this program's own; what a user made of it is shown as it stands.
    add("", &config.parse().unwrap_or_default(), &mut settings);
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_the_names_of_their_tables() {
        let flat = flat("seed = 1\n[data]\nphotos = \"a\"\n[data.more]\nlist = [1, 2]\n");
        assert_eq!(flat["data.photos"], "\"a\"");
        assert_eq!(flat["data.more.list"], "[1, 2]");
        assert_eq!(flat.len(), 3);
    }
}
