//! What `predict` shows of its work.

use std::path::Path;
use std::time::Duration;

use crate::predict::batch::Summary;
use crate::predict::correspondence::Resolution;
use crate::predict::ranking::Ranking;
use crate::predict::record::{PairOutcome, Prediction, Record};
use crate::predict::turning;
use crate::spelling::counted;
use crate::terminal::Terminal;
use crate::visible::{Shown, one_line};

/// Targets of a ranking that are told.
const BEST_TOLD: usize = 3;

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
            self.log(&format!("magnitude: 99 % of the flow is below {magnitude:.2} {pixels}"));
        }
        if let Some(scale) = prediction.flow_scale {
            self.log(&format!("full colours: a displacement of {}", scale.in_words()));
        }
        if let Some(rule) = prediction.keypoints.as_ref().and_then(|points| points.rule.as_ref()) {
            self.log(rule);
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
        if let Some(labels) = &prediction.labels {
            self.log(&format!(
                "labels: mean IoU {:.3} (at the same place {:.3}), LT-ACC {:.3} ({:.3})",
                labels.mean_iou.found,
                labels.mean_iou.unmoved,
                labels.label_transfer_accuracy.found,
                labels.label_transfer_accuracy.unmoved
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
            let lost = match file.lost_annotations {
                0 => String::new(),
                count => format!(" (nothing was found of {})", counted(count, "annotation")),
            };
            self.log(&format!("wrote `{}`{invalid}{unmatched}{lost}", file.path.shown()));
        }
        self.log(&format!("took {:.2} s", time.as_secs_f64()));
        if let Some(said) = turning::in_words(prediction.turn) {
            self.log(&said);
        }
        if let Some(turn) = prediction.better_turn {
            self.warn(&format!(
                "the target would match far better turned: {}",
                turning::flag(turn)
            ));
        }
        match prediction.verdict {
            Some(verdict) if verdict.hardly_matches => self.warn(&verdict.in_words()),
            Some(verdict) => self.log(&verdict.in_words()),
            None => {}
        }
    }

    /// Why a pair of a list failed, if it did.
    pub(crate) fn warn_of_failure(&self, record: &Record) {
        let PairOutcome::Failed { error } = &record.outcome else { return };
        match (record.line, &record.label.target) {
            (Some(line), Some(_)) => self.warn(&format!("line {line}: {error}")),
            (None, Some(target)) => self.warn(&format!("`{}`: {error}", one_line(target))),
            _ => self.warn(error),
        }
    }

    /// The targets that match best.
    pub(crate) fn log_ranking(&self, ranking: &Ranking, file: Option<&Path>) {
        let best: Vec<String> = ranking
            .best(BEST_TOLD)
            .map(|(target, confidence)| format!("`{}` ({confidence:.2})", one_line(target)))
            .collect();
        let file = file.map(|file| format!("; all are in `{}`", file.shown()));
        self.log(&format!("best: {}{}", best.join(", "), file.unwrap_or_default()));
    }

    /// How many pairs of a list ended how.
    pub(crate) fn log_summary(&self, summary: &Summary, folder: Option<&Path>, time: Duration) {
        let Summary { done, skipped, failed, hardly_matching, interrupted, ref index } = *summary;
        if let Some(index) = index {
            self.log(&format!("wrote `{}`, the page that lists all pairs", index.shown()));
        }
        let early = if interrupted { ", interrupted: run it again to go on" } else { "" };
        let files = folder.map(|folder| format!("; files are in `{}`", folder.shown()));
        self.log(&format!(
            "{} done, {skipped} done before, {failed} failed{early}{}; took {:.1} s",
            counted(done, "pair"),
            files.unwrap_or_default(),
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
