//! What `predict` shows of its work.

use std::path::Path;
use std::time::Duration;

use crate::predict::batch::Summary;
use crate::predict::correspondence::Resolution;
use crate::predict::record::{PairOutcome, Prediction, Record};
use crate::spelling::counted;
use crate::terminal::Terminal;
use crate::visible::Shown;

impl Terminal {
    /// Sizes, scale, score, files and time of one pair.
    pub(crate) fn log_prediction(&self, prediction: &Prediction, grid: Resolution, time: Duration) {
        let Prediction { source_size, target_size, .. } = prediction;
        self.log(&format!("source {source_size} pixels, target {target_size}"));
        if let Some(magnitude) = prediction.magnitude {
            let pixels = match grid {
                Resolution::Original => "target pixels",
                Resolution::Network => "pixels of the network's grid",
            };
            self.log(&format!(
                "magnitude: 99 % of the flow is below {magnitude:.2} {pixels} (the colour wheel's scale)"
            ));
        }
        if let Some(score) = prediction.keypoints.as_ref().and_then(|points| points.score.as_ref())
        {
            let pck: Vec<String> =
                score.pck.iter().map(|(alpha, pck)| format!("PCK@{alpha} {pck:.1} %")).collect();
            self.log(&format!(
                "{} of {}; threshold: alpha times the {}, {:.1} pixels",
                pck.join(", "),
                counted(score.distance.len(), "keypoint"),
                score.threshold,
                score.side
            ));
        }
        for file in &prediction.files {
            let invalid = match file.invalid_pixels {
                0 => String::new(),
                1 => {
                    " (1 pixel moves farther than the format can say and is marked invalid)".into()
                }
                count => format!(
                    " ({count} pixels move farther than the format can say and are marked invalid)"
                ),
            };
            let unmatched = match file.unmatched_pixels {
                0 => String::new(),
                count => format!(" ({count} pixels have no match that is certain enough)"),
            };
            self.log(&format!("wrote `{}`{invalid}{unmatched}", file.path.shown()));
        }
        self.log(&format!("took {:.2} s", time.as_secs_f64()));
        match prediction.verdict {
            Some(verdict) if verdict.hardly_matches => self.warn(&verdict.in_words()),
            Some(verdict) => self.log(&verdict.in_words()),
            None => {}
        }
    }

    /// Why a pair of a list failed, if it did.
    pub(crate) fn warn_of_failure(&self, record: &Record) {
        let PairOutcome::Failed { error } = &record.outcome else { return };
        match record.line {
            Some(line) if record.source.is_some() => self.warn(&format!("line {line}: {error}")),
            _ => self.warn(error),
        }
    }

    /// How many pairs of a list ended how.
    pub(crate) fn log_summary(&self, summary: &Summary, folder: &Path, time: Duration) {
        let Summary { done, skipped, failed, hardly_matching, interrupted, ref index } = *summary;
        if let Some(index) = index {
            self.log(&format!("wrote `{}`, the page that lists all pairs", index.shown()));
        }
        let early = if interrupted { ", interrupted: run it again to go on" } else { "" };
        self.log(&format!(
            "{} done, {skipped} done before, {failed} failed{early}; files are in `{}`; took {:.1} s",
            counted(done, "pair"),
            folder.shown(),
            time.as_secs_f64()
        ));
        if hardly_matching > 0 {
            self.warn(&format!(
                "of {hardly_matching} of these pairs hardly anything corresponds: their lines say \
                 `\"hardly_matches\":true`"
            ));
        }
    }
}
