//! The worst and the best pairs, and those that got worse, as pictures with what is annotated drawn into them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use maud::{Markup, html};

use crate::data::Pair;
use crate::eval::column::Column;
use crate::eval::compare::Comparison;
use crate::eval::pck::Measured;
use crate::eval::predictions::image_name;
use crate::eval::report::html::marks::{Marks, legend};
use crate::eval::report::html::outlines;
use crate::eval::report::html::photo::{Decode, Pictures, photo, pictures};
use crate::eval::summary::Evaluation;
use crate::spelling::counted;

/// Pairs in each gallery.
const SHOWN: usize = 6;
/// How often a gallery shows the same photo, as one that fails with all others would fill it.
const SHOWN_AGAIN: usize = 2;
/// The pages behind pairs, by the pairs' positions in the evaluation, or why there is none.
pub(crate) type Views = BTreeMap<usize, Result<String>>;

/// Pairs that are shown together.
struct Gallery<'a> {
    title: &'a str,
    lead: String,
    /// The pairs' positions in the evaluation, and what to say of each beside its score.
    pairs: Vec<(usize, Option<String>)>,
}

/// What is shown of an evaluation.
fn galleries(evaluation: &Evaluation, comparison: Option<&Comparison>) -> [Gallery<'static>; 3] {
    let (worst, best) = worst_and_best(evaluation);
    let varied = || format!("No photo is shown more than {SHOWN_AGAIN} times.");
    let plain = |positions: Vec<usize>| positions.into_iter().map(|place| (place, None)).collect();
    let flips = comparison.and_then(|comparison| Some(&comparison.flipped.as_ref()?.worse));
    let worse = flips.into_iter().flat_map(|flips| flips.pairs.iter().take(SHOWN));
    let lost = worse.filter_map(|flip| {
        let place = evaluation.pairs.iter().position(|pair| pair.index == flip.index)?;
        Some((place, Some(format!("it was {:.0} %", flip.before))))
    });
    let count = flips.map_or(0, |flips| flips.count);
    [
        Gallery {
            title: "Pairs that got worse",
            lead: format!(
                "{} got worse since the baseline; these lost most.",
                counted(count, "pair")
            ),
            pairs: lost.collect(),
        },
        Gallery { title: "Worst pairs", lead: varied(), pairs: plain(worst) },
        Gallery { title: "Best pairs", lead: varied(), pairs: plain(best) },
    ]
}

/// The positions of the pairs that are shown.
pub(crate) fn shown(evaluation: &Evaluation, comparison: Option<&Comparison>) -> BTreeSet<usize> {
    let galleries = galleries(evaluation, comparison);
    galleries.iter().flat_map(|gallery| &gallery.pairs).map(|(place, _)| *place).collect()
}

/// All galleries.
pub(super) fn section(
    evaluation: &Evaluation,
    comparison: Option<&Comparison>,
    decode: Decode,
    views: &Views,
) -> Markup {
    let galleries = galleries(evaluation, comparison);
    let shown = galleries.iter().flat_map(|gallery| &gallery.pairs);
    let paths: BTreeSet<&Path> = shown
        .map(|(place, _)| evaluation.pairs[*place])
        .flat_map(|pair| [&*pair.source.path, &*pair.target.path])
        .collect();
    let pictures = pictures(paths, decode);
    html! {
        @for Gallery { title, lead, pairs } in galleries.iter().filter(|gallery| !gallery.pairs.is_empty()) {
            section {
                h2 { (title) }
                p { (lead) }
                @if evaluation.headline.alpha().is_some() { (legend()) } @else { (outlines::legend()) }
                div.gallery {
                    @for (place, remark) in pairs {
                        figure {
                            (figure(evaluation, *place, &pictures, remark.as_deref()))
                            @if let Some(view) = views.get(place) { (opening(view)) }
                        }
                    }
                }
            }
        }
    }
}

/// Positions of the pairs to show, by the score that decides, then by mean distance.
fn worst_and_best(evaluation: &Evaluation) -> (Vec<usize>, Vec<usize>) {
    let measured = &evaluation.protocols[0].measured;
    let mut order: Vec<usize> = (0..measured.len()).collect();
    let rank = |measured: &Measured| {
        let score = measured.percent(evaluation.headline).unwrap_or_default();
        (score, -measured.mean_relative_distance())
    };
    let ranks: Vec<(f64, f64)> = measured.iter().map(rank).collect();
    order.sort_by(|&first, &second| {
        let (first, second) = (ranks[first], ranks[second]);
        first.0.total_cmp(&second.0).then(first.1.total_cmp(&second.1))
    });
    let (worst, best) = order.split_at(order.len() / 2);
    let worst = varied(worst.iter().copied(), &evaluation.pairs);
    (worst, varied(best.iter().rev().copied(), &evaluation.pairs))
}

/// The first of these pairs, but no photo more often than [`SHOWN_AGAIN`].
fn varied(positions: impl Iterator<Item = usize>, pairs: &[&Pair]) -> Vec<usize> {
    let mut shown: BTreeMap<&Path, usize> = BTreeMap::new();
    let is_new = |position: &usize| {
        let photos = [&*pairs[*position].source.path, &*pairs[*position].target.path];
        let new =
            photos.iter().all(|photo| shown.get(photo).is_none_or(|count| *count < SHOWN_AGAIN));
        if new {
            photos.iter().for_each(|photo| *shown.entry(photo).or_default() += 1);
        }
        new
    };
    positions.filter(is_new).take(SHOWN).collect()
}

/// A pair's photos with their keypoints.
fn figure(
    evaluation: &Evaluation,
    position: usize,
    pictures: &Pictures,
    remark: Option<&str>,
) -> Markup {
    let pair = evaluation.pairs[position];
    let Some(alpha) = evaluation.headline.alpha() else {
        return outlined(evaluation, position, pictures, remark);
    };
    let marks = match Marks::new(evaluation, position, alpha) {
        Ok(marks) => marks,
        Err(error) => return html! { p.unreadable { (format!("{error:#}")) } },
    };
    let drawn = match marks.right.len() {
        drawn if drawn < marks.measured => format!("; {drawn} of them drawn, evenly spread"),
        _ => String::new(),
    };
    html! {
        div.pair {
            (photo(&pair.source, "Source", &pictures[&*pair.source.path], &marks.on_source(pair)))
            (photo(&pair.target, "Target", &pictures[&*pair.target.path], &marks.on_target(pair)))
        }
        figcaption {
            strong { (format!("{:.0} %", marks.pck)) }
            " " (pair.category) ", " (marks.correct) " of " (marks.measured) " right" (drawn)
            @if let Some(remark) = remark { "; " (remark) }
            span.names { (names(pair)) }
        }
    }
}

/// A pair's photos with the outlines of the object.
fn outlined(
    evaluation: &Evaluation,
    position: usize,
    pictures: &Pictures,
    remark: Option<&str>,
) -> Markup {
    let (pair, prediction) = (evaluation.pairs[position], &evaluation.predictions[position]);
    let measured = &evaluation.protocols[0].measured[position];
    let score =
        |column: &Column| Some(format!("{} {:.0} %", column.label(), measured.percent(*column)?));
    let scores: Vec<String> = evaluation.columns.iter().filter_map(score).collect();
    let (source, target) = (&pictures[&*pair.source.path], &pictures[&*pair.target.path]);
    html! {
        div.pair {
            (photo(&pair.source, "Source", source, &outlines::on_source(pair)))
            (photo(&pair.target, "Target", target, &outlines::on_target(pair, prediction)))
        }
        figcaption {
            strong { (scores.join(", ")) } " " (pair.category)
            @if let Some(remark) = remark { "; " (remark) }
            span.names { (names(pair)) }
        }
    }
}

/// A pair's page, which browsers do not build before it is opened: its scripts reach nothing outside it.
fn opening(view: &Result<String>) -> Markup {
    html! {
        @match view {
            Ok(page) => {
                details.view {
                    summary { "Point at this pair" }
                    iframe title="The pair, to point at" loading="lazy" sandbox="allow-scripts allow-modals"
                        allow="clipboard-write" srcdoc=(page) {}
                }
            }
            Err(error) => p.unreadable { (format!("{error:#}")) },
        }
    }
}

fn names(pair: &Pair) -> String {
    format!("{} → {}", image_name(&pair.source.path), image_name(&pair.target.path))
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::eval::compare::{CompareOptions, compare};
    use crate::eval::testing::{evaluated, pairs_and_predictions, report};

    #[test]
    fn galleries_do_not_overlap_and_are_ordered() {
        let (pairs, predictions) = pairs_and_predictions(&[4, 0, 2]);
        let (evaluation, _) = evaluated(&pairs, &predictions);
        assert_eq!(worst_and_best(&evaluation), (vec![1], vec![0, 2]));
    }

    #[test]
    fn pairs_that_got_worse_come_first_and_say_what_they_were() {
        let (pairs, predictions) = pairs_and_predictions(&[4, 1, 2]);
        let (evaluation, after) = evaluated(&pairs, &predictions);
        let comparison = compare(&report(&[4, 3, 2]), &after, &CompareOptions::default()).unwrap();
        let decode = |_: &Path| Ok(RgbImage::new(10, 10));
        let page = section(&evaluation, Some(&comparison), &decode, &Views::new()).into_string();
        let (first, rest) = page.split_once("Worst pairs").unwrap();
        assert!(
            first.contains("1 pair got worse") && first.contains("right; it was 75 %"),
            "{first}"
        );
        assert_eq!(first.matches("<figure>").count(), 1);
        assert!(!rest.contains("it was"));
        assert_eq!(shown(&evaluation, Some(&comparison)).len(), 3);
    }
}
