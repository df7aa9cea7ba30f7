//! Which files a prediction leaves, named by what they show and how they end.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::drawing::Drawing;
use crate::output::is_stream;
use crate::predict::annotation::Annotation;
use crate::predict::context::{Context, Written};
use crate::predict::correspondence::Needs;
use crate::predict::product::list::PRODUCTS;
use crate::predict::product::view::View;
use crate::predict::product::{Kind, Product as _};
use crate::visible::Shown;

/// A product in one of its formats.
#[derive(Clone, Copy)]
pub(crate) struct Format {
    kind: &'static Kind,
    /// The number of the ending.
    index: usize,
}

/// One file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// What it shows, and how.
    pub format: Format,
    /// Where it goes.
    pub path: PathBuf,
}

impl Output {
    /// A file that shows `kind` in the format of its ending; a stream (stdout, a device, a FIFO) may have
    /// none, and takes the kind's first format.
    ///
    /// # Errors
    /// When no such format exists.
    pub(crate) fn new(kind: &'static Kind, path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let fits = |ending: &str| {
            let (stem, end) = name.split_at_checked(name.len().saturating_sub(ending.len() + 1))?;
            (!stem.is_empty() && end[1..].eq_ignore_ascii_case(ending) && end.starts_with('.'))
                .then_some(())
        };
        let endings = (kind.endings)();
        let named = endings.iter().position(|(ending, _)| fits(ending).is_some());
        match named.or_else(|| is_stream(path).then_some(0)) {
            Some(index) => Ok(Self { format: Format { kind, index }, path: path.to_owned() }),
            None => bail!(
                "`{}` has no ending that the {} can be written in: use {}",
                path.shown(),
                kind.name,
                list(endings.iter().map(|(ending, _)| format!(".{ending}")))
            ),
        }
    }

    /// Every file that is written, for photos at these paths.
    pub(crate) fn files(&self, photos: [&Path; 2]) -> Vec<PathBuf> {
        let Format { kind, index } = self.format;
        let mut files = (kind.beside)(index, &self.path, photos);
        files.push(self.path.clone());
        files
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When something is missing in the context, or the file cannot be written.
    pub(crate) fn write(&self, context: &Context) -> Result<Written> {
        (self.format.kind.write)(self.format.index, context, &self.path)
    }
}

impl Format {
    /// What a list of pairs writes under `NAME.ending`: `flo`, `warp.png`, `matches.jpg`, ...
    ///
    /// # Errors
    /// When no such product or format exists.
    pub(crate) fn in_list(ending: &str) -> Result<Self> {
        let mut known = Self::all();
        match known.find(|format| format.name().eq_ignore_ascii_case(ending)) {
            Some(format) => Ok(format),
            None => {
                bail!("there is no format `{ending}`: use {}", list(Self::all().map(Self::name)))
            }
        }
    }

    /// Every format of every product that a list of pairs can write.
    fn all() -> impl Iterator<Item = Self> {
        let formats = |kind: &'static Kind| {
            let formats = (0..(kind.endings)().len()).filter(|index| (kind.in_lists)(*index));
            formats.map(move |index| Self { kind, index })
        };
        PRODUCTS.iter().flat_map(formats)
    }

    /// As [`Format::in_list`] takes it.
    fn name(self) -> String {
        self.kind.in_list(self.ending())
    }

    /// The end of its files' names.
    pub(crate) fn ending(self) -> &'static str {
        (self.kind.endings)()[self.index].0
    }

    /// Whether it shows that.
    pub(crate) fn is_of(self, kind: &Kind) -> bool {
        self.kind.name == kind.name
    }

    /// Whether it is a page in which people point at a pair's photos.
    pub(crate) fn is_view(self) -> bool {
        self.kind.name == View::NAME
    }

    /// What is to be known of a pair.
    pub(crate) fn needs(self, drawing: Drawing) -> Needs {
        (self.kind.needs)(self.index, drawing)
    }

    /// Whether it can be made of what is drawn on the source.
    ///
    /// # Errors
    /// When it cannot.
    pub(crate) fn check(self, annotation: Option<&Annotation>) -> Result<()> {
        (self.kind.check)(self.index, annotation)
    }

    /// Whether the photos themselves are needed, and not only their sizes.
    pub(crate) fn needs_photos(self, drawing: Drawing) -> bool {
        (self.kind.needs_photos)(self.index, drawing)
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        (self.kind.name, self.index) == (other.kind.name, other.index)
    }
}

impl Eq for Format {}

impl fmt::Debug for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name())
    }
}

fn list(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::product::{flow::FlowFile, warp::Warp};

    const FLOW: &Kind = &Kind::of::<FlowFile>();
    const WARP: &Kind = &Kind::of::<Warp>();

    #[test]
    fn formats_follow_the_ending_whatever_its_case() {
        let format =
            |kind, name: &str| format!("{:?}", Output::new(kind, Path::new(name)).unwrap().format);
        assert_eq!(format(FLOW, "a/b.c.FLO"), "flo");
        assert_eq!(format(FLOW, "b.kitti.png"), "kitti.png");
        assert_eq!(format(FLOW, "kitti.png"), "png");
        assert_eq!(format(FLOW, "bkitti.png"), "png");
        assert_eq!(format(WARP, "b.jpeg"), "warp.jpeg");
        assert_eq!(format!("{:?}", Format::in_list("matches.webp").unwrap()), "matches.webp");
    }

    #[test]
    fn formats_say_what_they_need() {
        let needs = |ending: &str| {
            let format = Format::in_list(ending).unwrap();
            let drawing = Drawing::default();
            (format.needs(drawing), format.needs_photos(drawing))
        };
        assert_eq!(needs("flo"), (Needs::Matches, false));
        assert_eq!(needs("npz"), (Needs::Confidence, false));
        assert_eq!(needs("kitti.png"), (Needs::Confidence, false));
        assert_eq!(needs("warp.png"), (Needs::Confidence, true));
        assert_eq!(needs("matches.png"), (Needs::BothWays, true));
        assert_eq!(needs("matches.csv"), (Needs::BothWays, false));
        assert_eq!(needs("view.html"), (Needs::Everything, true));
        assert_eq!(needs("morph.webp"), (Needs::BothWays, true));
        assert_eq!(needs("features.png"), (Needs::Features, true));
        assert_eq!(needs("confidence.npy"), (Needs::Confidence, false));
        assert_eq!(needs("confidence.grey.png"), (Needs::Confidence, false));
        assert_eq!(needs("confidence.png"), (Needs::Confidence, true));
        assert_eq!(needs("colours.jpg"), (Needs::BothWays, true));
        let explained = Drawing { legend: true, ..Drawing::default() };
        let png = Format::in_list("png").unwrap();
        assert!(png.needs_photos(explained) && png.needs(explained) == Needs::Confidence);
        assert!(!Format::in_list("flo").unwrap().needs_photos(explained));
    }

    #[test]
    fn unknown_endings_are_refused_with_the_known_ones() {
        let error = |kind, name: &str| Output::new(kind, Path::new(name)).unwrap_err().to_string();
        let message = error(FLOW, "out/flow.tif");
        assert!(message.contains("`out/flow.tif`") && message.contains(".kitti.png"), "{message}");
        for name in ["flow", ".flo", "", "é", "out/"] {
            error(FLOW, name);
        }
        assert!(error(WARP, "a.flo").contains("use .png, .jpg, .jpeg, .webp"));
        assert!(Format::in_list("warp").unwrap_err().to_string().contains("warp.png"));
    }

    #[test]
    fn streams_without_an_ending_have_the_first_format() {
        let format =
            |kind, name: &str| format!("{:?}", Output::new(kind, Path::new(name)).unwrap().format);
        assert_eq!(format(FLOW, "-"), "flo");
        assert_eq!(format(WARP, "/dev/null"), "warp.png");
    }
}
