//! Which files a prediction leaves, named by what they show and how they end.

use std::path::{Path, PathBuf, absolute};

use anyhow::{Result, bail, ensure};

use crate::atomic;
use crate::predict::confidence_file::{self, ConfidenceFormat};
use crate::predict::flow_file::{self, FlowFormat};
use crate::predict::picture::{self, PictureFormat};

/// What one file shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// The flow.
    Flow(FlowFormat),
    /// The target pulled onto the source.
    Warp(PictureFormat),
    /// Both photos side by side with lines between what corresponds.
    Matches(PictureFormat),
    /// How far each match can be trusted.
    Confidence(ConfidenceFormat),
}

/// One file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What it shows.
    pub product: Product,
    /// Where it goes.
    pub path: PathBuf,
}

/// What a file may show when its name alone says the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The flow.
    Flow,
    /// The target pulled onto the source.
    Warp,
    /// Both photos side by side.
    Matches,
    /// How far each match can be trusted.
    Confidence,
}

impl Output {
    /// A file that shows `subject` in the format of its ending.
    ///
    /// # Errors
    /// When no such format exists.
    pub fn new(subject: Subject, path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let fits = |ending: &str| {
            let (stem, end) = name.split_at_checked(name.len().saturating_sub(ending.len() + 1))?;
            (!stem.is_empty() && end[1..].eq_ignore_ascii_case(ending) && end.starts_with('.'))
                .then_some(())
        };
        match subject.products().into_iter().find(|(ending, _)| fits(ending).is_some()) {
            Some((_, product)) => Ok(Self { product, path: path.to_owned() }),
            None => bail!(
                "`{}` has no ending that a {} can be written in: use {}",
                path.display(),
                subject.name(),
                list(subject.products().into_iter().map(|(ending, _)| format!(".{ending}")))
            ),
        }
    }
}

impl Product {
    /// What a batch writes under `NAME.ending`: `flo`, `warp.png`, `matches.jpg`, ...
    ///
    /// # Errors
    /// When no such product exists.
    pub fn from_ending(ending: &str) -> Result<Self> {
        let known = Self::endings();
        match known.iter().find(|(name, _)| name.eq_ignore_ascii_case(ending)) {
            Some((_, product)) => Ok(*product),
            None => bail!(
                "there is no format `{ending}`: use {}",
                list(known.into_iter().map(|(name, _)| name))
            ),
        }
    }

    /// Every product of a batch with its ending.
    pub fn endings() -> Vec<(String, Self)> {
        let subjects = [Subject::Flow, Subject::Warp, Subject::Matches, Subject::Confidence];
        let named = |subject: Subject| {
            subject.products().into_iter().map(move |(ending, product)| match subject {
                Subject::Flow => (ending.to_owned(), product),
                _ => (format!("{}.{ending}", subject.name()), product),
            })
        };
        subjects.into_iter().flat_map(named).collect()
    }

    /// Whether the backward flow is needed.
    pub fn needs_confidence(self) -> bool {
        matches!(self, Self::Flow(FlowFormat::Npz) | Self::Matches(_) | Self::Confidence(_))
    }

    /// Whether the photos themselves are needed, and not only their sizes.
    pub fn needs_photos(self) -> bool {
        matches!(self, Self::Warp(_) | Self::Matches(_))
    }
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::Warp => "warp",
            Self::Matches => "matches",
            Self::Confidence => "confidence",
        }
    }

    /// The formats it can be written in, by the ends of their file names.
    fn products(self) -> Vec<(&'static str, Product)> {
        fn all<F: Copy>(
            endings: &[(&'static str, F)],
            product: fn(F) -> Product,
        ) -> Vec<(&'static str, Product)> {
            endings.iter().map(|(ending, format)| (*ending, product(*format))).collect()
        }
        match self {
            Self::Flow => all(&flow_file::ENDINGS, Product::Flow),
            Self::Warp => all(&picture::ENDINGS, Product::Warp),
            Self::Matches => all(&picture::ENDINGS, Product::Matches),
            Self::Confidence => all(&confidence_file::ENDINGS, Product::Confidence),
        }
    }
}

/// Checks, before any work is done, that every output can be written and none is an input or named
/// twice.
///
/// # Errors
/// On the first output that cannot.
pub fn check(outputs: &[Output], inputs: &[&Path]) -> Result<()> {
    for (index, Output { path, .. }) in outputs.iter().enumerate() {
        let twin = |earlier: &Output| absolute(&earlier.path).ok() == absolute(path).ok();
        ensure!(
            !outputs[..index].iter().any(twin),
            "`{}` is named for two outputs",
            path.display()
        );
        let same = |input: &&&Path| {
            std::fs::canonicalize(input).ok().is_some_and(|input| {
                std::fs::canonicalize(path).is_ok_and(|output| output == input)
            })
        };
        if let Some(input) = inputs.iter().find(same) {
            bail!(
                "the output `{}` would overwrite the input `{}`",
                path.display(),
                input.display()
            );
        }
        atomic::check_writable(path)?;
    }
    Ok(())
}

fn list(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_follow_the_ending_whatever_its_case() {
        let product = |subject, name: &str| Output::new(subject, Path::new(name)).unwrap().product;
        assert_eq!(product(Subject::Flow, "a/b.c.FLO"), Product::Flow(FlowFormat::Flo));
        assert_eq!(product(Subject::Flow, "b.kitti.png"), Product::Flow(FlowFormat::Kitti));
        let wheel = Product::Flow(FlowFormat::Wheel(PictureFormat::Png));
        assert_eq!(product(Subject::Flow, "kitti.png"), wheel);
        assert_eq!(product(Subject::Flow, "bkitti.png"), wheel);
        assert_eq!(product(Subject::Warp, "b.jpeg"), Product::Warp(PictureFormat::Jpeg));
        assert_eq!(
            Product::from_ending("matches.webp").unwrap(),
            Product::Matches(PictureFormat::Webp)
        );
    }

    #[test]
    fn unknown_endings_are_refused_with_the_known_ones() {
        let error =
            |subject, name: &str| Output::new(subject, Path::new(name)).unwrap_err().to_string();
        let message = error(Subject::Flow, "out/flow.tif");
        assert!(message.contains("`out/flow.tif`") && message.contains(".kitti.png"), "{message}");
        for name in ["flow", ".flo", "", "é", "out/"] {
            error(Subject::Flow, name);
        }
        assert!(error(Subject::Warp, "a.flo").contains("use .png, .jpg, .jpeg, .webp"));
        assert!(Product::from_ending("warp").unwrap_err().to_string().contains("warp.png"));
    }

    #[test]
    fn an_output_named_twice_or_equal_to_an_input_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let output = Output::new(Subject::Flow, &path).unwrap();
        assert!(check(std::slice::from_ref(&output), &[&path]).is_ok());
        let twice = check(&[output.clone(), output.clone()], &[]).unwrap_err().to_string();
        assert!(twice.contains("two outputs"), "{twice}");
        std::fs::write(&path, "photo").unwrap();
        let overwritten = check(&[output], &[&folder.path().join("./a.png")]).unwrap_err();
        assert!(overwritten.to_string().contains("would overwrite the input"));
    }
}
