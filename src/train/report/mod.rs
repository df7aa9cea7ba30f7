//! `run.html`: a run on one page, its curves, what it found, how it was set, and other runs beside it. The page is one
//! file that loads nothing.

mod chart;
mod record;
mod tables;

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use maud::{DOCTYPE, Markup, html};

use crate::eval::report::html::STYLE;
use crate::output;
use crate::page;
use crate::train::folder::CONFIG;
use crate::train::folder::history::Validated;
use crate::train::report::chart::{Scale, Series, chart};
use crate::visible::{Shown, visible};
pub(crate) use record::RunRecord;

/// The page's name within the run folder.
pub(crate) const PAGE: &str = "run.html";

/// What the page says it was made by.
const MAKER: &str = "lpmflow train";

const OWN_STYLE: &str = include_str!("style.css");

/// Ensures that the page of the run in `folder` replaces no other file.
///
/// # Errors
/// When there is one of that name that is none of ours.
pub(crate) fn ensure_own(folder: &Path) -> Result<()> {
    let path = folder.join(PAGE);
    match page::is_made_by(&path, MAKER) {
        Err(error) => match error.downcast_ref::<std::io::Error>() {
            Some(cause) if cause.kind() == ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        },
        Ok(own) => {
            ensure!(
                own,
                "`{}` is there already, and is no page of a run: move it away",
                path.shown()
            );
            Ok(())
        }
    }
}

/// Writes the page of the run in `folder`, with other runs beside it; where it is.
///
/// # Errors
/// When a run cannot be read, or the page not be written.
pub(crate) fn write(folder: &Path, beside: &[PathBuf]) -> Result<PathBuf> {
    ensure_own(folder)?;
    let run = RunRecord::read(folder)?;
    let others = beside.iter().map(|folder| RunRecord::read(folder)).collect::<Result<Vec<_>>>()?;
    let path = folder.join(PAGE);
    let text = page(&run, &others)?;
    output::write(&path, |file| Ok(file.write_all(text.as_bytes())?))?;
    Ok(path)
}

fn page(run: &RunRecord, others: &[RunRecord]) -> Result<String> {
    let runs: Vec<&RunRecord> = [run].into_iter().chain(others).collect();
    let best = run.history.best();
    let title = match best {
        Some(best) => format!("{}: {:.1} %", run.name, best.pck),
        None => run.name.clone(),
    };
    let style = format!("{STYLE}{OWN_STYLE}");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (page::head(&title, &style, "", &page::maker(MAKER)))
            body {
                (header(run, best))
                main {
                    (validation(&runs))
                    (pictures(run, best)?)
                    (losses(&runs))
                    (tables::beside(&runs))
                    section {
                        h2 { "Configuration" }
                        details { summary { (CONFIG) } pre.config { (run.config) } }
                    }
                }
            }
        }
    };
    Ok(visible(&page.into_string()).into_owned())
}

fn header(run: &RunRecord, best: Option<Validated>) -> Markup {
    let history = &run.history;
    let before = history.validated().first().filter(|first| first.step == 0).copied();
    html! {
        header {
            p.eyebrow { "Training run · " (history.steps()) " steps" }
            h1 {
                @if let Some(best) = best {
                    span.value { (format!("{:.1}", best.pck)) span.unit { " %" } }
                    span.label { (history.score()) " of the validation pairs" }
                } @else {
                    span.label { "nothing was validated yet" }
                }
            }
            p.lead {
                strong { (run.name) }
                @if let Some(best) = best { ", at its best " (when(best.step)) }
                @if let Some(before) = before { "; before training " (format!("{:.1} %", before.pck)) }
                @if let Some(same) = history.same_position() {
                    ", and by taking the same position in both photos " (format!("{same:.1} %"))
                }
                "."
            }
        }
    }
}

/// A step in words.
fn when(step: u64) -> String {
    if step == 0 { "before training".to_owned() } else { format!("after {step} steps") }
}

fn validation(runs: &[&RunRecord]) -> Markup {
    let mut series: Vec<Series> = runs
        .iter()
        .map(|run| {
            let points = run.history.validated().into_iter();
            let points = points.map(|validated| [validated.step as f64, validated.pck]);
            Series { name: run.name.clone(), points: points.collect(), dots: true }
        })
        .collect();
    let last = runs.iter().map(|run| run.history.steps()).max().unwrap_or_default() as f64;
    if let Some(same) = runs[0].history.same_position() {
        let points = vec![[0.0, same], [last, same]];
        series.push(Series { name: "the same position".to_owned(), points, dots: false });
    }
    html! {
        section {
            h2 { "Validation" }
            p { (runs[0].history.score()) ", in percent, over optimizer steps." }
            figure.chart { (chart("Validation PCK in percent", &series, Scale::Percent)) }
        }
    }
}

fn losses(runs: &[&RunRecord]) -> Markup {
    let of = |key: &str| -> Vec<Series> {
        let series = |run: &&RunRecord| {
            let (name, points) = (run.name.clone(), run.history.series(key));
            Series { name, points, dots: false }
        };
        runs.iter().map(series).filter(|series| !series.points.is_empty()).collect()
    };
    let small = |title: &str, key: &str| {
        let series = of(key);
        html! {
            @if !series.is_empty() {
                div { h3 { (title) } (chart(title, &series, Scale::Fitting)) }
            }
        }
    };
    let history = &runs[0].history;
    let readable = |key: &str| key.replace('_', " ");
    html! {
        @let loss = of("loss");
        @if !loss.is_empty() {
            section {
                h2 { "Loss" }
                p { "What is minimised, on training pairs, over optimizer steps." }
                figure.chart { (chart("Loss", &loss, Scale::Fitting)) }
            }
        }
        section {
            h2 { "Parts" }
            p { "The loss's terms, each before its weight, and how the run went." }
            div.cards {
                @for term in history.terms() { (small(&readable(&term), &term)) }
                (small("gradient norm", "gradient_norm"))
                @for rate in history.rates() { (small(&readable(&rate), &rate)) }
                (small("pairs per second", "pairs_per_second"))
            }
        }
    }
}

/// The pairs that are shown: before training, at its best and now.
fn pictures(run: &RunRecord, best: Option<Validated>) -> Result<Markup> {
    let Some(last) = run.pictures.iter().map(|picture| picture.step).max() else {
        return Ok(Markup::default());
    };
    let first = run.pictures.iter().map(|picture| picture.step).min().unwrap_or_default();
    let mut stages = vec![first, best.map_or(last, |best| best.step), last];
    stages.sort_unstable();
    stages.dedup();
    let label = |step: u64| {
        let best = best.is_some_and(|best| best.step == step);
        format!("{}{}", when(step), if best { ", the best" } else { "" })
    };
    let mut rows: Vec<Vec<(String, String)>> = Vec::new();
    for pair in run.pictures.chunk_by(|one, other| one.pair == other.pair) {
        let mut row = Vec::new();
        for picture in pair.iter().filter(|picture| stages.contains(&picture.step)) {
            let path = &picture.path;
            let jpeg = fs::read(path).with_context(|| format!("reading `{}`", path.shown()))?;
            row.push((label(picture.step), page::address(&jpeg)));
        }
        rows.push(row);
    }
    Ok(html! {
        section {
            h2 { "What it found" }
            p { "Some validation pairs: green points are right; red ones are joined with where they should be, a yellow \
                 ring. All pictures are in the run folder and in TensorBoard." }
            @for (number, row) in rows.iter().enumerate() {
                div.stages role="group" aria-label=(format!("Pair {}", number + 1)) {
                    @for (label, address) in row {
                        figure { img src=(address) alt=(format!("Pair {}, {label}", number + 1)); figcaption { (label) } }
                    }
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::folder::METRICS;

    fn record(name: &str, metrics: &str, config: &str) -> RunRecord {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(METRICS), metrics).unwrap();
        fs::write(folder.join(CONFIG), config).unwrap();
        RunRecord::read(&folder).unwrap()
    }

    #[test]
    fn a_page_has_curves_of_all_runs_and_the_settings_that_differ() {
        let line = "{\"step\":0,\"start_pck\":50.0,\"same_position_pck\":20.0,\"score\":\"PCK@0.1\"}\n\
                    {\"step\":2,\"loss\":2.0,\"a\":1.0,\"weights\":{\"a\":2.0},\"learning_rate\":0.1}\n\
                    {\"step\":4,\"mean_loss\":1.5,\"validation_pck\":61.26}\n";
        let run = record("run <one>", line, "seed = 1\n[data]\nrepeat = 2\n");
        let other = record("other", &line.replace("61.26", "70"), "seed = 2\n[data]\nrepeat = 2\n");
        let text = page(&run, &[other]).unwrap();
        for expected in ["61.3", "run &lt;one&gt;", "seed", "the same position", "after 4 steps"] {
            assert!(text.contains(expected), "`{expected}` is not in {text}");
        }
        assert!(
            !text.contains("<td>repeat") && !text.contains("<th scope=\"row\"><code>data.repeat")
        );
        assert!(!text.contains("<script") && !text.contains("http:") && !text.contains("NaN"));
        let alone = page(&run, &[]).unwrap();
        assert!(!alone.contains("Beside other runs") && alone.contains("repeat = 2"));
    }

    #[test]
    fn a_file_of_that_name_that_is_no_page_of_a_run_stays() {
        let folder = tempfile::tempdir().unwrap();
        ensure_own(folder.path()).unwrap();
        fs::write(folder.path().join(PAGE), "mine").unwrap();
        let error = ensure_own(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is no page of a run"), "{error}");
    }
}
