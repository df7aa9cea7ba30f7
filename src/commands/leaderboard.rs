//! What `lpmflow compare` writes beside its table: Markdown, LaTeX, a page, and all pairs to look through.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, ensure};

use crate::cli::compare::CompareArguments;
use crate::cli::leaderboard::ComparisonOutputs;
use crate::commands::outside::is_replaceable;
use crate::commands::{Outcome, usage_error};
use crate::data::Pair;
use crate::data::catalog::Catalog;
use crate::data::layouts::Layout;
use crate::data::photo::decode_annotated;
use crate::eval::browser::{self, Browser};
use crate::eval::changed::Changed;
use crate::eval::changed::html::{Photos, Sides, section};
use crate::eval::column::is_alpha;
use crate::eval::compare::{CompareOptions, Comparison};
use crate::eval::leaderboard::html::page;
use crate::eval::leaderboard::latex::latex;
use crate::eval::leaderboard::markdown as leaderboard;
use crate::eval::leaderboard::{Leaderboard, distinct_names};
use crate::eval::protocol::Protocol;
use crate::eval::reload::pairs_of;
use crate::eval::report::html::verdict;
use crate::eval::report::{Report, markdown};
use crate::failure::{Blame, Fault};
use crate::output::{self, Attempts, Stdout, write_text};
use crate::terminal::{Terminal, print_error};
use crate::visible::Shown;

/// Reports and what they are called.
type Named = Vec<(String, Report)>;

/// Ensures that all outputs can be written, and that no flag is of no use.
///
/// # Errors
/// When one of them cannot.
pub(super) fn check(arguments: &CompareArguments, terminal: &Terminal) -> Result<()> {
    let outputs = &arguments.outputs;
    let refuse = |message: &str| Err(usage_error("compare", message));
    if !arguments.further.is_empty() && !arguments.gate.is_empty() {
        return refuse("conditions are on the change from one report to another: give two");
    }
    if let Some(mistake) = arguments.gate.mistake() {
        return refuse(mistake);
    }
    let reports = paths(arguments);
    if !outputs.names.is_empty() && outputs.names.len() != reports.len() {
        return refuse(&format!("{} names for {} reports", outputs.names.len(), reports.len()));
    }
    if outputs.names.iter().any(|name| name.trim().is_empty()) {
        return refuse("--names leaves a report without one");
    }
    if let Some(twice) = repeated(&outputs.names) {
        return refuse(&format!("--names calls two reports `{twice}`"));
    }
    let folder = outputs.browse.as_ref().filter(|path| !browser::is_page(path));
    folder.map_or(Ok(()), |folder| output::check_folder(folder))?;
    let files = [&outputs.markdown, &outputs.latex, &outputs.html].into_iter().flatten();
    let files = files.chain(outputs.browse.iter().filter(|path| browser::is_page(path)));
    let files = files.map(PathBuf::as_path);
    if output::check(files, reports.iter().copied())? == Stdout::Taken {
        if arguments.json {
            return refuse("--json and one of the outputs both want stdout");
        }
        terminal.yield_stdout();
    }
    Ok(())
}

/// A name that two reports are called by.
fn repeated(names: &[String]) -> Option<&String> {
    let mut seen = HashSet::new();
    names.iter().find(|name| !seen.insert(*name))
}

fn paths(arguments: &CompareArguments) -> Vec<&Path> {
    let further = arguments.further.iter();
    [&arguments.before, &arguments.after].into_iter().chain(further).map(PathBuf::as_path).collect()
}

/// The reports with names that tell them apart.
fn named(arguments: &CompareArguments, reports: Vec<Report>) -> Named {
    let names = match &arguments.outputs.names[..] {
        [] => distinct_names(&reports, &paths(arguments)),
        given => given.to_vec(),
    };
    names.into_iter().zip(reports).collect()
}

/// Shows three reports or more, and writes what is wanted of them.
///
/// # Errors
/// When they do not measure the same thing, or a result cannot be written.
pub(super) fn run(
    arguments: &CompareArguments,
    options: &CompareOptions,
    terminal: &Terminal,
) -> Result<Outcome> {
    let compared = || -> Result<_> {
        let reports = paths(arguments).into_iter().map(Report::read).collect::<Result<_>>()?;
        let reports = named(arguments, reports);
        let board = Leaderboard::new(&reports, options).context("comparing the reports")?;
        Ok((reports, board))
    };
    let compared = compared().blame(Fault::Data).inspect_err(|error| tell(arguments, error));
    let (reports, board) = compared?;
    if arguments.json {
        terminal.json(&board)?;
    } else {
        terminal.show_leaderboard(&board);
    }
    write(arguments, &reports, &board, None, terminal)?;
    Ok(Outcome::Done)
}

/// Writes what is wanted of two reports; nothing where nothing is.
///
/// # Errors
/// As [`run`].
pub(super) fn of_two(
    arguments: &CompareArguments,
    reports: [Report; 2],
    comparison: &Comparison,
    options: &CompareOptions,
    terminal: &Terminal,
) -> Result<()> {
    let ComparisonOutputs { markdown, latex, html, browse, .. } = &arguments.outputs;
    if [markdown, latex, html, browse].into_iter().all(Option::is_none) {
        return Ok(());
    }
    let reports = named(arguments, reports.into());
    let board = Leaderboard::new(&reports, options).context("comparing the reports")?;
    write(arguments, &reports, &board, Some(comparison), terminal)
}

/// What kept a comparison from its result, as Markdown where that is wanted: good news of an earlier one do not stay.
pub(super) fn tell(arguments: &CompareArguments, error: &Error) {
    let path = arguments.outputs.markdown.as_ref();
    let Some(path) = path.filter(|path| is_replaceable(path, markdown::is_one)) else { return };
    if let Err(error) = write_text(path, &markdown::failure("comparison", error)) {
        print_error(&error);
    }
}

/// Writes what is wanted, whatever became of the others.
///
/// # Errors
/// When some could not be written; the error names each.
fn write(
    arguments: &CompareArguments,
    reports: &Named,
    board: &Leaderboard,
    comparison: Option<&Comparison>,
    terminal: &Terminal,
) -> Result<()> {
    let outputs = &arguments.outputs;
    let exif = outputs.exif.into();
    let pairs =
        (outputs.html.is_some() || outputs.browse.is_some()).then(|| -> Result<Vec<Pair>> {
            let catalog = Catalog::load(outputs.datasets.as_deref())?;
            pairs_of(&reports[0].1, &catalog, &outputs.data_root, exif)
        });
    let protocol = || -> Result<Protocol> {
        let layout: Layout = board.dataset.layout.parse()?;
        Protocol::for_layout(board.protocol, layout)
    };
    let decode = |path: &Path| decode_annotated(path, exif);
    let mut attempts = Attempts::default();
    let mut attempt = |path: &Option<PathBuf>, write: &dyn Fn(&Path) -> Result<()>| {
        let Some(path) = path else { return };
        if attempts.record(write(path)) {
            terminal.log(&format!("wrote `{}`", path.shown()));
        }
    };
    let first = comparison.map(markdown::comparison).unwrap_or_default();
    attempt(&outputs.markdown, &|path| write_text(path, &leaderboard::markdown(board, &first)));
    attempt(&outputs.latex, &|path| write_text(path, &latex(board)));
    attempt(&outputs.html, &|path| {
        let [(before, first), (after, second)] = &reports[..] else {
            return write_text(path, &page(board, &maud::html! {}));
        };
        let changed = is_alpha(&board.alpha)
            .then(|| Changed::new(first, second, board.protocol, board.alpha.parse()?))
            .transpose();
        let changed = changed.unwrap_or_else(|error| {
            terminal.warn(&format!("the page does not say what changed: {error:#}"));
            None
        });
        let protocol = protocol()?;
        let photos = match &pairs {
            Some(Ok(pairs)) => Some(Photos { pairs, protocol: &protocol, decode: &decode }),
            Some(Err(error)) if changed.is_some() => {
                terminal.warn(&format!("the page has no pictures: {error:#}"));
                None
            }
            _ => None,
        };
        let sides = Sides { names: [before, after], reports: [first, second] };
        let section = changed.map(|changed| section(&changed, sides, photos));
        let further = maud::html! { (comparison.map(verdict).unwrap_or_default()) (section.unwrap_or_default()) };
        write_text(path, &page(board, &further))
    });
    attempt(&outputs.browse, &|path| {
        let pairs = match &pairs {
            Some(Ok(pairs)) => pairs,
            Some(Err(error)) => return Err(anyhow!("{error:#}")).blame(Fault::Data),
            None => return Ok(()),
        };
        ensure!(
            is_alpha(&board.alpha),
            "--browse shows keypoints, and {} is measured by areas",
            board.dataset.name
        );
        let protocol = protocol()?;
        if browser::is_page(path) && pairs.len() > browser::MOST_IN_A_PAGE {
            terminal.warn(&format!(
                "`{}` holds {} pairs: --browse with the name of a folder makes a page for each category",
                path.shown(),
                pairs.len()
            ));
        }
        let browser =
            Browser { pairs, reports, protocol: &protocol, alpha: &board.alpha, decode: &decode };
        browser::write(&browser, path)
    });
    attempts.conclude()
}
