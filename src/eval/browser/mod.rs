//! All pairs to look through, two systems side by side: one page, or a folder of pages by category.

mod data;
mod folder;
mod page;
mod subject;

use std::path::Path;

use anyhow::Result;

use crate::output;
pub(crate) use folder::MOST_IN_A_PAGE;
use folder::write_folder;
use page::{Frame, page_of};
pub(crate) use subject::Browser;

/// Writes one page, if the path ends with `.html`, or a folder of pages.
///
/// # Errors
/// When a report does not hold its pairs' keypoints, or something cannot be written.
pub(crate) fn write(browser: &Browser, path: &Path) -> Result<()> {
    browser.ensure_complete()?;
    if !is_page(path) {
        return write_folder(browser, path);
    }
    let all: Vec<usize> = (0..browser.pairs.len()).collect();
    let frame = Frame { title: &browser.title(), back: false };
    output::write_text(path, &page_of(browser, &all, &frame)?)
}

/// Whether a path names one page and not a folder.
pub(crate) fn is_page(path: &Path) -> bool {
    let is_html = |ending: &std::ffi::OsStr| {
        ending.eq_ignore_ascii_case("html") || ending.eq_ignore_ascii_case("htm")
    };
    path == Path::new("-") || path.extension().is_some_and(is_html)
}
