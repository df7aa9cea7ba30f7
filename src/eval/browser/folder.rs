//! A folder of pages: one for each category, one of the worst pairs of all where there are many, and the way to them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use maud::{DOCTYPE, html};

use crate::eval::browser::page::{Frame, MAKER, page_of};
use crate::eval::browser::subject::Browser;
use crate::eval::column::label;
use crate::eval::report::html::STYLE;
use crate::output;
use crate::page::{head, is_made_by, maker};
use crate::pck;
use crate::spelling::counted;
use crate::visible::{Shown, visible};

/// Pairs beyond which one page is too much.
pub(crate) const MOST_IN_A_PAGE: usize = 2000;

/// Pairs in the page of the worst.
const WORST: usize = 300;

/// A page of the folder, as its index tells of it.
struct Chapter {
    title: String,
    file: String,
    positions: Vec<usize>,
}

/// The name of the page of the worst.
const WORST_PAGE: &str = "worst.html";

/// Writes the folder; pages of an earlier run in it are replaced, or removed where there are none such any more.
///
/// # Errors
/// When it cannot be written, or holds an `index.html` that is no such page.
pub(super) fn write_folder(browser: &Browser, folder: &Path) -> Result<()> {
    output::make_folder(folder)
        .with_context(|| format!("making the folder `{}`", folder.shown()))?;
    let index = folder.join("index.html");
    ensure!(
        !index.try_exists()? || is_made_by(&index, MAKER)?,
        "`{}` is there and is no such page of lpmflow's: choose another folder",
        index.shown()
    );
    let mut chapters = Vec::new();
    for (number, (category, positions)) in browser.categories().into_iter().enumerate() {
        let parts = positions.chunks(MOST_IN_A_PAGE);
        for (part, positions) in parts.enumerate() {
            let further = if part == 0 { String::new() } else { format!(" ({})", part + 1) };
            chapters.push(Chapter {
                title: format!("{category}{further}"),
                file: format!("{:02}{further}-{}.html", number + 1, file_name(category))
                    .replace([' ', '(', ')'], ""),
                positions: positions.to_vec(),
            });
        }
    }
    // Where it would hold every pair, they are all there by category.
    let worst = (browser.pairs.len() > WORST).then(|| Chapter {
        title: format!("The {WORST} worst of all"),
        file: WORST_PAGE.to_owned(),
        positions: browser.worst(),
    });
    for chapter in chapters.iter().chain(&worst) {
        let title = format!("{}: {}", browser.title(), chapter.title);
        let text = page_of(browser, &chapter.positions, &Frame { title: &title, back: true })?;
        output::write_text(&folder.join(&chapter.file), &text)?;
    }
    output::write_text(&index, &browser.index(&chapters, worst.as_ref()))?;
    let now: Vec<&str> = chapters.iter().chain(&worst).map(|chapter| &*chapter.file).collect();
    remove_others(folder, &now)
}

/// Removes the pages of an earlier run that are not among those of now: what is called as they are and bears their mark.
fn remove_others(folder: &Path, now: &[&str]) -> Result<()> {
    let context = || format!("removing pages of an earlier run from `{}`", folder.shown());
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let (path, name) = (entry.path(), entry.file_name());
        let is_other = name.to_str().is_some_and(|name| is_page_name(name) && !now.contains(&name));
        if is_other
            && entry.file_type().with_context(context)?.is_file()
            && is_made_by(&path, MAKER)?
        {
            fs::remove_file(&path).with_context(context)?;
        }
    }
    Ok(())
}

/// Whether a page of the folder may be called so: `01-car.html`, or that of the worst.
fn is_page_name(name: &str) -> bool {
    let number = name.split('-').next().unwrap_or_default();
    let is_numbered = number.len() >= 2
        && number.len() < name.len()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && name.ends_with(".html");
    is_numbered || name == WORST_PAGE
}

impl Browser<'_> {
    /// How many keypoints are right of the pairs at some positions, in percent.
    fn right(&self, system: usize, positions: &[usize]) -> f64 {
        let alpha: f64 = self.alpha.parse().unwrap_or_default();
        let kept = positions.iter().filter_map(|position| self.kept(system, *position));
        let errors = kept.filter_map(|kept| kept.errors.get(&self.protocol.name)).flatten();
        let (mut right, mut all) = (0_usize, 0_usize);
        for error in errors {
            all += 1;
            right += usize::from(error.is_some_and(|error| error <= alpha));
        }
        pck::percent(right as f64, all as f64)
    }

    /// The pairs with the fewest keypoints right by the last of the systems.
    fn worst(&self) -> Vec<usize> {
        let system = self.reports.len() - 1;
        let mut positions: Vec<usize> = (0..self.pairs.len()).collect();
        positions.sort_by_cached_key(|position| {
            let right = self.right(system, &[*position]);
            (right * 1e6) as u64
        });
        positions.truncate(WORST);
        positions
    }

    fn index(&self, chapters: &[Chapter], worst: Option<&Chapter>) -> String {
        let what = format!("{}: {}", self.title(), counted(self.pairs.len(), "pair"));
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                (head(&what, STYLE, "", &maker(MAKER)))
                body {
                    header { h1 { span.headline { (what) } }
                        p.lead { "Keypoints right in percent, all counted alike: " (label(self.alpha)) " under "
                            code { (self.protocol.name) } "." } }
                    main {
                        section {
                            @if let Some(worst) = worst { p { a href=(worst.file) { (worst.title) } } }
                            div.scroll tabindex="0" role="region" aria-label="Categories" {
                                table.numbers {
                                    thead { tr { th scope="col" { "Category" } th scope="col" { "Pairs" }
                                        @for (name, _) in self.reports { th scope="col" { (name) } } } }
                                    tbody {
                                        @for chapter in chapters {
                                            tr { th scope="row" { a href=(chapter.file) { (chapter.title) } }
                                                td { (chapter.positions.len()) }
                                                @for system in 0..self.reports.len() {
                                                    td { (format!("{:.1}", self.right(system, &chapter.positions))) }
                                                }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        };
        visible(&page.into_string()).into_owned()
    }
}

/// A category's name as far as every file system takes it.
fn file_name(category: &str) -> String {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    category.chars().map(plain).take(40).collect()
}
