//! What a file of `predict` can show.
//!
//! A further product is one new file beside this one and one line in [`list`]: the flag, the help, the formats
//! of a list of pairs, the checks and the writing follow from it.

pub(crate) mod blend;
pub(crate) mod colours;
pub(crate) mod confidence;
pub(crate) mod features;
pub(crate) mod flow;
pub(crate) mod list;
pub(crate) mod matches;
pub(crate) mod morph;
#[cfg(test)]
mod toy;
pub(crate) mod transfer;
pub(crate) mod view;
pub(crate) mod warp;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::drawing::Drawing;
use crate::predict::annotation::Annotation;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::Needs;

/// What a file can show, and the formats it can have.
pub(crate) trait Product {
    /// A file format.
    type Format: Copy + PartialEq + 'static;

    /// What messages call it; a list of pairs writes it as `NAME.ending`.
    const NAME: &'static str;
    /// Its flag, without dashes; of what another flag asks for, none.
    const FLAG: Option<&'static str> = Some(Self::NAME);
    /// What the flag does, in a line.
    const HELP: &'static str;
    /// What the long help adds.
    const DETAILS: Option<&'static str> = None;
    /// Every format with the end of its file names; another end of the same format stands right behind it. The
    /// first end that fits decides, so `kitti.png` stands before `png`.
    const ENDINGS: &'static [(&'static str, Self::Format)];
    /// The ending by which help shows what a list of pairs can write.
    const EXAMPLE: &'static str = Self::ENDINGS[0].0;
    /// Whether it is what the command is about: then its flag is `-o` as well, which may be repeated, its details
    /// speak of the endings, and a list of pairs writes it under the bare ending.
    const MAIN: bool = false;
    /// Whether the photos themselves are needed, and not only their sizes.
    fn needs_photos(_format: Self::Format, _drawing: Drawing) -> bool {
        false
    }

    /// Whether a list of pairs can write it.
    fn in_lists(_format: Self::Format) -> bool {
        true
    }

    /// Files that are written beside the one at `path`, for photos at these paths.
    fn beside(_format: Self::Format, _path: &Path, _photos: [&Path; 2]) -> Vec<PathBuf> {
        Vec::new()
    }

    /// What is to be known of a pair.
    fn needs(_format: Self::Format, _drawing: Drawing) -> Needs {
        Needs::Matches
    }

    /// Whether it can be made of what is drawn on the source.
    ///
    /// # Errors
    /// When it cannot.
    fn check(_format: Self::Format, _annotation: Option<&Annotation>) -> Result<()> {
        Ok(())
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When something is missing in the context, or the file cannot be written.
    fn write(format: Self::Format, context: &Context, path: &Path) -> Result<Written>;
}

/// A product in the list of products.
#[derive(Debug)]
pub(crate) struct Kind {
    /// See [`Product::NAME`].
    pub name: &'static str,
    /// See [`Product::FLAG`].
    pub flag: Option<&'static str>,
    /// See [`Product::HELP`].
    pub help: &'static str,
    /// See [`Product::DETAILS`].
    pub details: Option<&'static str>,
    /// See [`Product::EXAMPLE`].
    pub example: &'static str,
    /// See [`Product::MAIN`].
    pub main: bool,
    /// The ends of file names, and whether each is the first of its format.
    pub endings: fn() -> Vec<(&'static str, bool)>,
    /// See [`Product::needs_photos`], of the format of an ending's number.
    pub needs_photos: fn(usize, Drawing) -> bool,
    /// See [`Product::in_lists`], likewise.
    pub in_lists: fn(usize) -> bool,
    /// See [`Product::beside`], likewise.
    pub beside: fn(usize, &Path, [&Path; 2]) -> Vec<PathBuf>,
    /// See [`Product::needs`], likewise.
    pub needs: fn(usize, Drawing) -> Needs,
    /// See [`Product::check`], likewise.
    pub check: fn(usize, Option<&Annotation>) -> Result<()>,
    /// See [`Product::write`], likewise.
    pub write: fn(usize, &Context, &Path) -> Result<Written>,
}

impl Kind {
    /// A product's line in the list.
    pub(crate) const fn of<P: Product>() -> Self {
        Self {
            name: P::NAME,
            flag: P::FLAG,
            help: P::HELP,
            details: P::DETAILS,
            example: P::EXAMPLE,
            main: P::MAIN,
            endings: || {
                let seen =
                    |index: usize| index > 0 && P::ENDINGS[index - 1].1 == P::ENDINGS[index].1;
                let endings = P::ENDINGS.iter().enumerate();
                endings.map(|(index, (ending, _))| (*ending, !seen(index))).collect()
            },
            needs_photos: |index, drawing| P::needs_photos(P::ENDINGS[index].1, drawing),
            in_lists: |index| P::in_lists(P::ENDINGS[index].1),
            beside: |index, path, photos| P::beside(P::ENDINGS[index].1, path, photos),
            needs: |index, drawing| P::needs(P::ENDINGS[index].1, drawing),
            check: |index, annotation| P::check(P::ENDINGS[index].1, annotation),
            write: |index, context, path| P::write(P::ENDINGS[index].1, context, path),
        }
    }

    /// One ending for each format.
    pub(crate) fn formats(&self) -> impl Iterator<Item = &'static str> {
        (self.endings)().into_iter().filter(|(_, first)| *first).map(|(ending, _)| ending)
    }

    /// What a list of pairs puts behind a pair's name for this ending.
    pub(crate) fn in_list(&self, ending: &str) -> String {
        if self.main { ending.to_owned() } else { format!("{}.{ending}", self.name) }
    }
}
