//! What is wanted of a pair of photos.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};

use crate::drawing::Drawing;
use crate::geometry::Size;
use crate::predict::annotation::{Annotation, Drawn};
use crate::predict::correspondence::{Needs, Resolution};
use crate::predict::keypoints::Keypoints;
use crate::predict::limits::Limits;
use crate::predict::output::{Format, Output};

/// What is wanted of a pair of photos.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The files to write.
    pub outputs: Vec<Output>,
    /// The positions to transfer.
    pub keypoints: Option<Keypoints>,
    /// What is drawn on the source and to be carried across.
    pub annotation: Option<Arc<Annotation>>,
    /// The labels that truly lie on the target.
    pub truth: Option<Arc<Annotation>>,
    /// Whether there is to be a verdict, whatever the files need.
    pub judged: bool,
    /// The grid of flows and confidences.
    pub resolution: Resolution,
    /// Which matches count.
    pub limits: Limits,
    /// How pictures are drawn.
    pub drawing: Drawing,
}

impl Plan {
    /// What is to be known of the pair.
    pub(crate) fn needs(&self) -> Needs {
        let asked = self.keypoints.is_some() || self.limits.min_confidence.is_some() || self.judged;
        let least = match (&self.truth, asked) {
            (Some(_), _) => Needs::BothWays,
            (None, true) => Needs::Confidence,
            (None, false) => Needs::Matches,
        };
        self.formats().map(|format| format.needs(self.drawing)).fold(least, Needs::max)
    }

    /// Whether the photos themselves are needed, and not only their sizes.
    pub(crate) fn needs_photos(&self) -> bool {
        self.formats().any(|format| format.needs_photos(self.drawing))
    }

    /// Checks that all this can be done with photos of these sizes.
    ///
    /// # Errors
    /// When keypoints or what is drawn belong to other photos, or a file cannot hold it.
    pub(crate) fn check(&self, source: Size, target: Size) -> Result<()> {
        if let Some(keypoints) = &self.keypoints {
            keypoints.check(source, target)?;
        }
        let annotation = self.annotation.as_deref();
        if let Some(annotation) = annotation {
            annotation.check(source)?;
        }
        if let Some(truth) = &self.truth {
            let drawn = annotation.map(|annotation| &annotation.drawn);
            let (Some(Drawn::Labels(labels)), Drawn::Labels(truth)) = (drawn, &truth.drawn) else {
                bail!("the truth is a map of labels, and so must be what is carried across");
            };
            ensure!(
                truth.size == target,
                "the true labels have {} pixels, but the target photo has {target}",
                truth.size
            );
            labels.ensure_comparable(truth)?;
        }
        self.formats().try_for_each(|format| format.check(annotation))
    }

    fn formats(&self) -> impl Iterator<Item = Format> {
        self.outputs.iter().map(|output| output.format)
    }
}
