//! How a protocol measures a pair: distances, and the length that alpha multiplies.

use anyhow::{Context, Result, bail, ensure};

use crate::data::truth::Truth;
use crate::data::{AnnotatedImage, Pair};
use crate::eval::dense::Dense;
use crate::eval::pck::{Measured, Rounding};
use crate::eval::predictions::{Prediction, pair_label};
use crate::eval::protocol::Protocol;
use crate::eval::protocol::rules::{MeasureFrame, ThresholdReference};
use crate::eval::transfer::PAPER_FRAME_SIDE;
use crate::geometry::{BoundingBox, Point};
use crate::visible::Shown;

/// The width to which the authors' loader pads keypoint lists.
const PADDED_COLUMNS: usize = 40;

impl Protocol {
    /// Ensures that a pair can be measured.
    ///
    /// # Errors
    /// When it lacks what the protocol measures with.
    pub(crate) fn ensure_measurable(&self, pair: &Pair) -> Result<()> {
        if self.measures_areas() { Ok(()) } else { self.threshold(pair).map(drop) }
    }

    /// The length that alpha multiplies for a pair, in pixels of the protocol's frame.
    ///
    /// # Errors
    /// When the pair has no keypoints or nothing to take the length from.
    pub(crate) fn threshold(&self, pair: &Pair) -> Result<f64> {
        let attempt = || {
            ensure!(!pair.target.keypoints.is_empty(), "the pair has no common keypoints");
            let length = self.threshold.length(self.frame, pair)?;
            ensure!(
                length.is_finite() && length > 0.0,
                "{} is {length}, so that no threshold can refer to it",
                self.threshold.description()
            );
            Ok(length)
        };
        attempt().with_context(|| format!("scoring {} under `{}`", pair_label(pair), self.name))
    }

    /// Measures a pair's prediction.
    ///
    /// # Errors
    /// When the pair has no threshold, or the prediction does not hold what it is measured by.
    pub(crate) fn measure(&self, pair: &Pair, prediction: &Prediction) -> Result<Measured> {
        if pair.truth == Truth::Keypoints {
            return self.measure_keypoints(pair, prediction);
        }
        match &prediction.dense {
            Some(Dense::Distances(distances)) => {
                let threshold = self.threshold(pair)?;
                Ok(Measured::new(distances.clone(), threshold, self.rounding(), self.ties))
            }
            Some(Dense::Areas(areas)) => Ok(Measured::of_areas(*areas)),
            None => bail!("scoring {}: points are no prediction of its pixels", pair_label(pair)),
        }
    }

    /// The same by the keypoints alone, whatever the pair is measured by.
    ///
    /// # Errors
    /// When the pair has no threshold, or the counts differ.
    pub(crate) fn measure_keypoints(
        &self,
        pair: &Pair,
        prediction: &Prediction,
    ) -> Result<Measured> {
        let (expected, found) = (pair.target.keypoints.len(), prediction.points.len());
        ensure!(
            expected == found,
            "scoring {}: it has {expected} keypoints, but {found} predicted points",
            pair_label(pair)
        );
        let distances = self.distances(pair, prediction);
        Ok(Measured::new(distances, self.threshold(pair)?, self.rounding(), self.ties))
    }

    /// The predicted points in the protocol's frame: those moved by its own rule if there are any.
    fn predicted(&self, pair: &Pair, prediction: &Prediction) -> Vec<Point> {
        let placed = self.frame.placed(pair.target.size);
        match prediction.framed(self.frame) {
            Some(points) => points.to_vec(),
            None => {
                prediction.points.iter().map(|point| placed.frame_from_original(*point)).collect()
            }
        }
    }

    fn distances(&self, pair: &Pair, prediction: &Prediction) -> Vec<f64> {
        let placed = self.frame.placed(pair.target.size);
        let keypoints =
            pair.target.keypoints.iter().map(|point| placed.frame_from_keypoint(*point));
        let distance = |(point, keypoint): (Point, Point)| match self.frame {
            MeasureFrame::TargetOriginal => point.distance(keypoint),
            // Parity: 32-bit, as the limits of these.
            _ => {
                let dx = point.x as f32 - keypoint.x as f32;
                let dy = point.y as f32 - keypoint.y as f32;
                f64::from((dx * dx + dy * dy).sqrt())
            }
        };
        self.predicted(pair, prediction).into_iter().zip(keypoints).map(distance).collect()
    }

    /// Parity: how the evaluator of the protocol's frame computes its limits.
    fn rounding(&self) -> Rounding {
        match (self.frame, self.threshold) {
            (MeasureFrame::TargetOriginal | MeasureFrame::Stretched320x224, _) => Rounding::Double,
            (
                MeasureFrame::Paper512
                | MeasureFrame::Stretched256
                | MeasureFrame::Stretched240
                | MeasureFrame::Stretched224
                | MeasureFrame::Scaled300,
                _,
            ) => Rounding::Single,
            (MeasureFrame::Padded840, ThresholdReference::FrameSide) => Rounding::Single,
            (MeasureFrame::Padded840, _) => Rounding::SingleAlpha,
            (MeasureFrame::Stretched770 | MeasureFrame::Padded770, _) => Rounding::SingleProduct,
        }
    }
}

impl ThresholdReference {
    /// The point that keypoint lists are padded with, where it counts.
    fn padding(self) -> Option<Point> {
        match self {
            Self::TargetKeypointsPadded | Self::SourceKeypointsPadded => {
                Some(Point::new(-1.0, -1.0))
            }
            Self::TargetKeypointsPaddedTwice => Some(Point::new(-2.0, -2.0)),
            _ => None,
        }
    }

    /// The length that alpha multiplies, for one pair, in pixels of `frame`.
    fn length(self, frame: MeasureFrame, pair: &Pair) -> Result<f64> {
        let corners = |image: &AnnotatedImage| -> Result<Vec<Point>> {
            let bounds = image.bounding_box.with_context(|| {
                format!("`{}` has no object box to take the threshold from", image.path.shown())
            })?;
            Ok(vec![Point::new(bounds.x1, bounds.y1), Point::new(bounds.x2, bounds.y2)])
        };
        let (image, mut points) = match self {
            Self::SourceBox => (&pair.source, corners(&pair.source)?),
            Self::TargetBox => (&pair.target, corners(&pair.target)?),
            Self::TargetKeypoints
            | Self::TargetKeypointsPadded
            | Self::TargetKeypointsPaddedTwice => (&pair.target, pair.target.keypoints.clone()),
            Self::SourceKeypointsPadded => (&pair.source, pair.source.keypoints.clone()),
            Self::TargetImage => return Ok(pair.target.size.longer_side() as f64),
            Self::Nothing => bail!("areas have no threshold"),
            Self::PaperFrameSide => return Ok(PAPER_FRAME_SIDE),
            Self::FrameSide => return frame.side().context("the target as it is has no side"),
        };
        let placed = frame.placed(image.size);
        match frame {
            MeasureFrame::TargetOriginal | MeasureFrame::Padded840 | MeasureFrame::Padded770 => {}
            MeasureFrame::Paper512
            | MeasureFrame::Stretched256
            | MeasureFrame::Stretched240
            | MeasureFrame::Stretched224
            | MeasureFrame::Stretched320x224
            | MeasureFrame::Scaled300
            | MeasureFrame::Stretched770 => {
                points.iter_mut().for_each(|point| *point = placed.frame_from_original(*point));
            }
        }
        if let Some(padding) = self.padding().filter(|_| points.len() < PADDED_COLUMNS) {
            points.push(padding);
        }
        let bounds = BoundingBox::around(&points).context("the pair has no common keypoints")?;
        let length = bounds.longer_side();
        Ok(match frame {
            // Parity: boxes are scaled as the longer side is.
            MeasureFrame::Padded840 => length * (840.0 / image.size.longer_side() as f64),
            MeasureFrame::Padded770 => {
                f64::from((length * (770.0 / image.size.longer_side() as f64)) as f32)
            }
            MeasureFrame::TargetOriginal
            | MeasureFrame::Paper512
            | MeasureFrame::Stretched256
            | MeasureFrame::Stretched240
            | MeasureFrame::Stretched224
            | MeasureFrame::Stretched320x224
            | MeasureFrame::Scaled300
            | MeasureFrame::Stretched770 => length,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::{pair, prediction, protocol};
    use crate::geometry::Size;

    fn measure(name: &str, layout: &str, pair: &Pair, points: &[(f64, f64)]) -> Measured {
        let protocol = protocol(name, layout).unwrap();
        protocol.measure(pair, &prediction(0, points)).unwrap()
    }

    #[test]
    fn thresholds_come_from_the_box_that_the_protocol_names() {
        let mut pair = pair(&[(5.0, 5.0), (9.0, 9.0)], &[(20.0, 10.0), (50.0, 30.0)]);
        pair.source.size = Size::new(100, 200);
        pair.target.size = Size::new(64, 128);
        pair.source.bounding_box = Some([0.0, 10.0, 100.0, 90.0].into());
        pair.target.bounding_box = Some([1.0, 1.0, 61.0, 31.0].into());
        let threshold =
            |name, layout| measure(name, layout, &pair, &[(0.0, 0.0), (0.0, 0.0)]).threshold;
        assert_eq!(threshold("standard", "spair71k"), 60.0);
        // 80 source pixels of 100 high: 80 * 512 / 100.
        assert!((threshold("paper", "spair71k") - 409.6).abs() < 1e-4);
        assert_eq!(threshold("image", "spair71k"), 128.0);
        assert_eq!(threshold("paper-image", "spair71k"), 512.0);
        assert_eq!(threshold("keypoint-box", "pf-willow"), 30.0);
        // Keypoints at 80..200 x 80..240 of the frame: 240 down to the padding at -1.
        assert_eq!(threshold("paper", "pf-willow"), 241.0);
    }

    #[test]
    fn errors_along_the_squeezed_side_weigh_less_in_the_paper_frame() {
        let mut pair = pair(&[(0.0, 0.0)], &[(0.0, 0.0)]);
        pair.target.size = Size::new(512, 1024);
        let measured = measure("paper-image", "spair71k", &pair, &[(10.0, 0.0)]);
        assert_eq!(*measured.distances, [5.0]);
        let measured = measure("image", "spair71k", &pair, &[(10.0, 0.0)]);
        assert_eq!(*measured.distances, [10.0]);
    }

    #[test]
    fn frames_of_other_evaluators_have_lengths_and_distances_of_their_own() {
        let mut pair = pair(&[(0.0, 0.0)], &[(10.0, 20.0)]);
        pair.target.size = Size::new(385, 192);
        pair.target.bounding_box = Some([0.0, 0.0, 96.0, 154.0].into());
        let measured = |name, layout| {
            let measured = measure(name, layout, &pair, &[(10.0, 25.0)]);
            (measured.threshold, measured.distances[0])
        };
        let near = |(threshold, distance): (f64, f64), wanted: [f64; 2]| {
            assert!((threshold - wanted[0]).abs() < 1e-4 && (distance - wanted[1]).abs() < 1e-4);
        };
        near(measured("geoaware-image", "spair71k"), [154.0 * 840.0 / 385.0, 5.0 * 840.0 / 385.0]);
        near(measured("diy-sc", "pf-pascal"), [840.0, 5.0 * 840.0 / 385.0]);
        // Stretched, 96 of 192 columns are the longer side.
        near(measured("marco", "spair71k"), [385.0, 10.0]);
        near(measured("marco", "coco"), [308.0, 10.0]);
        near(measured("marco", "pf-willow"), [770.0, 10.0]);
    }

    #[test]
    fn missing_box_is_an_error_that_names_the_image_and_the_protocol() {
        let mut pair = pair(&[(0.0, 0.0)], &[(0.0, 0.0)]);
        pair.target.bounding_box = None;
        let protocol = protocol("standard", "spair71k").unwrap();
        let error = protocol.measure(&pair, &prediction(0, &[(1.0, 1.0)])).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("`standard`") && text.contains("has no object box"), "{text}");
    }
}
