//! What changed, as sections of a page: by category, by part, and the pairs that changed most as pictures.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use maud::{Markup, html};

use crate::data::Pair;
use crate::eval::changed::{Changed, Counts, PairChange};
use crate::eval::predictions::image_name;
use crate::eval::protocol::Protocol;
use crate::eval::report::Report;
use crate::eval::report::html::marks::{Marks, legend};
use crate::eval::report::html::photo::{Decode, Pictures, photo, pictures};

/// Pairs of each side that are shown as pictures, and parts that are listed.
const SHOWN: usize = 8;

/// The two reports that are compared.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a> {
    /// What they are called, the earlier first.
    pub names: [&'a str; 2],
    /// The reports.
    pub reports: [&'a Report; 2],
}

/// What pictures are made of.
#[derive(Clone, Copy)]
pub(crate) struct Photos<'a> {
    /// The pairs, in the order of the reports.
    pub pairs: &'a [Pair],
    /// The protocol that decides.
    pub protocol: &'a Protocol,
    /// How photos are read.
    pub decode: Decode<'a>,
}

/// The sections. Without photos, or where these do not fit, there are no pictures.
pub(crate) fn section(changed: &Changed, sides: Sides, photos: Option<Photos>) -> Markup {
    let [before, after] = sides.names;
    html! {
        section {
            h2 { "What changed" }
            p { "From " strong { (before) } " to " strong { (after) } ", by " code { (changed.protocol) } " at alpha "
                (changed.alpha) ": " (changed.in_words()) "." }
            (table("Category", changed.categories.iter().map(|(name, counts)| (name.as_str(), *counts))))
            @if !changed.parts.is_empty() { (parts(changed)) }
        }
        @if let Some(photos) = photos {
            (gallery("Most lost", changed.largest(true, SHOWN), changed, sides, photos))
            (gallery("Most gained", changed.largest(false, SHOWN), changed, sides, photos))
        }
    }
}

/// Counts in rows, and a bar of what was lost to the left and gained to the right.
fn table<'a>(kind: &str, rows: impl Iterator<Item = (&'a str, Counts)>) -> Markup {
    let rows: Vec<_> = rows.collect();
    let share = |count: usize, all: usize| 100.0 * count as f64 / all.max(1) as f64;
    let largest = rows
        .iter()
        .flat_map(|(_, counts)| [counts.lost, counts.gained].map(|count| share(count, counts.all)));
    let largest = largest.fold(1e-9, f64::max);
    html! {
        div.scroll tabindex="0" role="region" aria-label=(format!("Changes by {kind}")) {
            table.numbers.changes {
                thead { tr { th scope="col" { (kind) } th scope="col" { "Keypoints" } th scope="col" { "Lost" }
                    th.sides scope="col" { span.hidden { "Share of keypoints lost and gained" } }
                    th scope="col" { "Gained" } th scope="col" { "Points" } } }
                tbody {
                    @for (name, counts) in &rows {
                        tr { th scope="row" { (name) } td { (counts.all) } td { (counts.lost) }
                            td.sides { div {
                                span.lost style=(format!("width: {:.1}%", 50.0 * share(counts.lost, counts.all) / largest)) {}
                                span.gained style=(format!("width: {:.1}%", 50.0 * share(counts.gained, counts.all) / largest)) {}
                            } }
                            td { (counts.gained) }
                            td { (format!("{:+.1}", 100.0 * counts.net() as f64 / counts.all.max(1) as f64)) }
                        }
                    }
                }
            }
        }
    }
}

fn parts(changed: &Changed) -> Markup {
    let all = &changed.parts;
    let listed: Vec<_> = if all.len() <= 2 * SHOWN {
        all.iter().collect()
    } else {
        all[..SHOWN].iter().chain(&all[all.len() - SHOWN..]).collect()
    };
    let rows = listed.into_iter().map(|(name, counts)| (name.as_str(), *counts));
    html! {
        details {
            summary { @if all.len() > 2 * SHOWN { "The parts that lost and gained most" } @else { "By part" } }
            (table("Part", rows))
        }
    }
}

fn gallery(
    title: &str,
    shown: Vec<&PairChange>,
    changed: &Changed,
    sides: Sides,
    photos: Photos,
) -> Markup {
    let paths: BTreeSet<&Path> = shown
        .iter()
        .map(|change| &photos.pairs[change.position])
        .flat_map(|pair| [&*pair.source.path, &*pair.target.path])
        .collect();
    let pictures = pictures(paths, photos.decode);
    html! {
        @if !shown.is_empty() {
            section {
                h2 { (title) }
                (legend())
                div.gallery.wide {
                    @for change in shown {
                        figure {
                            @match figure(change, changed, sides, photos, &pictures) {
                                Ok(figure) => (figure),
                                Err(error) => p.unreadable { (format!("{error:#}")) },
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A pair: the source once, and the target by each of the two.
fn figure(
    change: &PairChange,
    changed: &Changed,
    sides: Sides,
    photos: Photos,
    pictures: &Pictures,
) -> Result<Markup> {
    let pair = &photos.pairs[change.position];
    let marks = |report: &Report| {
        let kept = report.pairs.iter().flatten().nth(change.position).cloned().unwrap_or_default();
        Marks::kept(pair, photos.protocol, &kept, changed.alpha)
    };
    let [before, after] = [marks(sides.reports[0])?, marks(sides.reports[1])?];
    let picture = |path: &Path| &pictures[path];
    let (source, target) = (picture(&pair.source.path), picture(&pair.target.path));
    let Counts { gained, lost, all } = change.counts;
    Ok(html! {
        div.pair {
            (photo(&pair.source, "Source", source, &after.on_source(pair)))
            (photo(&pair.target, sides.names[0], target, &before.on_target(pair)))
            (photo(&pair.target, sides.names[1], target, &after.on_target(pair)))
        }
        figcaption {
            strong { (format!("{:.0} % → {:.0} %", before.pck, after.pck)) }
            " " (pair.category) ": source, then the target by " (sides.names[0]) " and by " (sides.names[1])
            "; " (gained) " gained, " (lost) " lost of " (all)
            span.names { (image_name(&pair.source.path)) " → " (image_name(&pair.target.path)) }
        }
    })
}
