//! Keypoints to transfer: `[[x, y], ...]`, `x y` a line, or an SPair-71k pair annotation.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::data::lists::bytes;
use crate::data::lists::encoding::decode;
use crate::data::lists::json;
use crate::data::lists::points::{begins_with_a_number, plain_points, points, points_of};
use crate::geometry::{BoundingBox, Point, Size};
use crate::predict::score::Threshold;
use crate::visible::Shown;

/// What messages call one.
const THING: &str = "keypoint";

/// Positions in the source photo, and what is known of the target photo.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Keypoints {
    /// Positions in the source photo, in its pixels.
    pub source: Vec<Point>,
    /// Where they truly lie in the target photo.
    pub truth: Option<Truth>,
    /// The sizes that the annotation states for source and target.
    pub sizes: Option<(Size, Size)>,
}

/// Where keypoints truly lie in the target photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Truth {
    /// The positions, one for each source keypoint.
    pub target: Vec<Point>,
    /// What the scoring threshold refers to.
    pub threshold: Threshold,
}

/// The annotation of a pair as SPair-71k has it; the other fields are of no use here.
#[derive(Deserialize)]
struct PairAnnotation<'a> {
    #[serde(borrow)]
    src_kps: &'a RawValue,
    #[serde(borrow)]
    trg_kps: Option<&'a RawValue>,
    trg_bndbox: Option<BoundingBox>,
    src_imsize: Option<Vec<usize>>,
    trg_imsize: Option<Vec<usize>>,
}

impl Keypoints {
    /// Reads keypoints from a file, or from standard input if the file is called `-`.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let attempt = || -> Result<Self> { Self::parse(&decode(bytes::read_or_stdin(path)?)?) };
        attempt().with_context(|| format!("reading keypoints `{}`", path.shown()))
    }

    /// Keypoints of which nothing is known but where they are.
    pub(crate) fn at(source: Vec<Point>) -> Self {
        Self { source, ..Self::default() }
    }

    /// Keypoints whose places in the target are known; its object's box, if there is one, says how near is right.
    pub(crate) fn known(
        source: Vec<Point>,
        target: Vec<Point>,
        bounds: Option<BoundingBox>,
    ) -> Self {
        let threshold = bounds
            .map(Threshold::TargetBox)
            .or_else(|| BoundingBox::around(&target).map(Threshold::TargetKeypoints));
        let truth = threshold.map(|threshold| Truth { target, threshold });
        Self { source, truth, sizes: None }
    }

    /// Reads keypoints from text: one value of JSON, or a point a line, in JSON or as two plain numbers.
    ///
    /// # Errors
    /// When the text is neither or holds something else.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match json::whole::<Box<RawValue>>(text) {
            Ok(value) => Self::from_json(&value),
            Err(error) => match lines(text) {
                Some(values) => Ok(Self::at(points(values, THING)?)),
                None if begins_with_a_number(text) => Ok(Self::at(plain_points(text)?)),
                None => {
                    Err(error).context("the text is no JSON (which knows no NaN and no Infinity)")
                }
            },
        }
    }

    /// Reads keypoints from a JSON value, which is still as it is written.
    ///
    /// # Errors
    /// When the value holds something else.
    pub(crate) fn from_json(value: &RawValue) -> Result<Self> {
        match value.get().as_bytes().first() {
            Some(b'[') => Ok(Self::at(points_of(value, THING)?)),
            Some(b'{') => Self::from_annotation(
                &serde_json::from_str(value.get())
                    .context("the object is no SPair-71k pair annotation")?,
            ),
            _ => bail!("expected [[x, y], ...] or an SPair-71k pair annotation"),
        }
    }

    fn from_annotation(annotation: &PairAnnotation) -> Result<Self> {
        let source = points_of(annotation.src_kps, THING).context("`src_kps`")?;
        let truth = match annotation.trg_kps {
            None => None,
            Some(value) => {
                let target = points_of(value, THING).context("`trg_kps`")?;
                ensure!(
                    target.len() == source.len(),
                    "`src_kps` has {} points but `trg_kps` has {}",
                    source.len(),
                    target.len()
                );
                Self::known(Vec::new(), target, annotation.trg_bndbox).truth
            }
        };
        let size = |sides: &[usize]| match *sides {
            [width, height, ..] => Ok(Size::new(height, width)),
            _ => bail!("`src_imsize` and `trg_imsize` are [width, height, channels]"),
        };
        let sizes = match (&annotation.src_imsize, &annotation.trg_imsize) {
            (Some(source), Some(target)) => Some((size(source)?, size(target)?)),
            _ => None,
        };
        Ok(Self { source, truth, sizes })
    }

    /// Checks that the keypoints belong to photos of these sizes.
    ///
    /// # Errors
    /// When a keypoint lies outside the source photo or the annotation states other sizes.
    pub(crate) fn check(&self, source: Size, target: Size) -> Result<()> {
        if let Some(stated) = self.sizes {
            for (role, photo, stated) in
                [("source", source, stated.0), ("target", target, stated.1)]
            {
                ensure!(
                    photo == stated,
                    "the annotation is for a {role} photo of {stated} pixels, but the photo has {photo} \
                     (--exif says whether its EXIF orientation turns it)"
                );
            }
        }
        for (index, point) in self.source.iter().enumerate() {
            // From the outer edge of pixel 0 to the last pixel in datasets that count from 1.
            let inside = |coordinate: f64, side: usize| (-0.5..=side as f64).contains(&coordinate);
            ensure!(
                inside(point.x, source.width) && inside(point.y, source.height),
                "keypoint {index} at ({}, {}) lies outside the source photo of {source} pixels",
                point.x,
                point.y
            );
        }
        Ok(())
    }
}

/// The values of a text that has one a line, if it has several.
fn lines(text: &str) -> Option<Vec<&RawValue>> {
    let items = json::items(text, &[]).ok()?;
    let values: Option<Vec<&RawValue>> =
        items.into_iter().map(|item| json::parse(item.text).ok()).collect();
    values.filter(|values| values.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNOTATION: &str = r#"{"src_imsize": [20, 10, 3], "trg_imsize": [40, 10, 3],
        "trg_bndbox": [0, 0, 20, 5], "category": "bird",
        "src_kps": [[0, 0], [19, 9]], "trg_kps": [[0.5, 0], [30, 9]]}"#;

    fn error(text: &str) -> String {
        format!("{:#}", Keypoints::parse(text).unwrap_err())
    }

    #[test]
    fn what_is_not_a_list_of_points_is_refused_with_its_place() {
        assert!(error("[[1, 2], [3]]").contains("keypoint 1 is [3], not two numbers"));
        assert!(error("[[1, null]]").contains("keypoint 0 is [1,null]"));
        assert!(error("[1, 2]").contains("keypoint 0 is 1"));
        assert!(error("[[NaN, 2]]").contains("no NaN"));
        assert!(error("7").contains("expected [[x, y], ...]"));
        assert!(error(r#"{"keypoints": []}"#).contains("missing field `src_kps`"));
        assert!(
            error(r#"{"src_kps": [[1, 2]], "trg_kps": []}"#)
                .contains("1 points but `trg_kps` has 0")
        );
        assert!(Keypoints::parse("[]").unwrap().source.is_empty());
        let points = |text: &str| Keypoints::parse(text).unwrap().source;
        for text in ["[1, 2]\n[3, 4]\n", "1 2\n\n3\t4\r\n", "1,2\n3; 4", "+1 2.0\n3e0 4"] {
            assert_eq!(points(text), points("[[1, 2], [3, 4]]"), "{text}");
        }
        assert_eq!(points("60 30"), points("[[60, 30]]"));
        assert!(error("1 2\n3").contains("line 2 is `3`, not two numbers"), "{}", error("1 2\n3"));
        assert!(error("1 2\n3 inf").contains("line 2 is `3 inf`"));
    }

    #[test]
    fn points_outside_the_photo_and_photos_of_another_size_are_refused() {
        let size = Size::new(10, 20);
        let outside = Keypoints::parse("[[19.5, 3], [3, 10.25]]").unwrap();
        let message = outside.check(size, size).unwrap_err().to_string();
        assert_eq!(
            message,
            "keypoint 1 at (3, 10.25) lies outside the source photo of 20x10 pixels"
        );
        let annotation = Keypoints::parse(ANNOTATION).unwrap();
        assert!(annotation.check(size, Size::new(10, 40)).is_ok());
        let message = annotation.check(size, Size::new(40, 10)).unwrap_err().to_string();
        assert!(
            message.contains("target photo of 40x10 pixels, but the photo has 10x40"),
            "{message}"
        );
    }
}
