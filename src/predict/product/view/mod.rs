//! A page in which people point at one photo and see the place in the other.

mod page;
mod parts;

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use crate::drawing::Drawing;
use crate::output;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::Needs;
use crate::predict::product::Product;
pub(crate) use page::is_view;

/// The page in some hundred thousand bytes, for reports that hold several.
///
/// # Errors
/// As [`View`]'s writing.
pub(crate) fn small_page(context: &Context) -> Result<String> {
    page::page(&parts::Parts::new(context, &parts::SMALL)?)
}

/// Both photos, and what corresponds, in one page.
#[derive(Debug)]
pub(crate) struct View;

impl Product for View {
    type Format = ();

    const NAME: &'static str = "view";
    const FLAG: Option<&'static str> = Some("html");
    const HELP: &'static str = "Write a page in which you point at one photo and see the other";
    const DETAILS: Option<&'static str> = Some(
        "One file that needs nothing else, for any browser: pointing at either photo shows where that point lies in \
         the other, how likely that is, and where else it could be; lines, warp, flow and confidence can be laid \
         over. Without any other output, `view.html` is written.",
    );
    const ENDINGS: &'static [(&'static str, ())] = &[("html", ()), ("htm", ())];

    fn needs_photos((): (), _drawing: Drawing) -> bool {
        true
    }

    fn needs((): (), _drawing: Drawing) -> Needs {
        Needs::Everything
    }

    fn write((): (), context: &Context, path: &Path) -> Result<Written> {
        let page = page::page(&parts::Parts::new(context, &parts::LARGE)?)?;
        output::write(path, |file| Ok(file.write_all(page.as_bytes())?))?;
        Ok(Written::default())
    }
}
