//! How well each target of a run matches, the best first.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::output;
use crate::predict::record::{PairOutcome, Record};
use crate::predict::verdict::Verdict;
use crate::visible::Shown;

/// What the file is called.
pub(crate) const RANKING: &str = "ranking.csv";

const COLUMNS: [&str; 6] =
    ["rank", "target", "source", "best_confidence", "likely_area", "hardly_matches"];

/// The targets of a run, as far as they were matched.
#[derive(Debug, Default)]
pub(crate) struct Ranking {
    entries: Vec<Ranked>,
}

#[derive(Debug)]
struct Ranked {
    source: String,
    target: String,
    verdict: Verdict,
}

impl Ranking {
    /// Adds what became of a pair, if it was matched.
    pub(crate) fn add(&mut self, record: &Record) {
        let (PairOutcome::Done(prediction) | PairOutcome::Skipped(prediction)) = &record.outcome
        else {
            return;
        };
        if let (Some(source), Some(target), Some(verdict)) =
            (record.label.source.clone(), record.label.target.clone(), prediction.verdict)
        {
            self.entries.push(Ranked { source, target, verdict });
        }
    }

    /// Whether there is anything to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts the best first: by the confidence of the tenth of the source that is the most certain, then by the area
    /// that found its counterpart.
    pub(crate) fn sort(&mut self) {
        let order = |ranked: &Ranked| (ranked.verdict.best_confidence, ranked.verdict.likely_area);
        self.entries.sort_by(|a, b| {
            let ((first, first_area), (second, second_area)) = (order(a), order(b));
            second.total_cmp(&first).then(second_area.total_cmp(&first_area))
        });
    }

    /// Writes it as CSV.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        output::write(path, |file| {
            let mut table = csv::Writer::from_writer(file);
            table.write_record(COLUMNS)?;
            for (index, Ranked { source, target, verdict }) in self.entries.iter().enumerate() {
                let Verdict { best_confidence, likely_area, hardly_matches } = *verdict;
                let [best, area] = [best_confidence, likely_area].map(|value| value.to_string());
                let (rank, hardly) = ((index + 1).to_string(), hardly_matches.to_string());
                table.write_record([&rank, target, source, &best, &area, &hardly])?;
            }
            Ok(table.flush()?)
        })
    }

    /// The best few, with their confidence.
    pub(crate) fn best(&self, count: usize) -> impl Iterator<Item = (&str, f64)> {
        self.entries.iter().take(count).map(|entry| (&*entry.target, entry.verdict.best_confidence))
    }
}

/// Ensures that a ranking replaces nothing but one.
///
/// # Errors
/// When the file is there and is none.
pub(crate) fn ensure_ranking(path: &Path) -> Result<()> {
    match fs::read(path) {
        Ok(bytes) if !bytes.starts_with(COLUMNS.join(",").as_bytes()) => bail!(
            "`{}` is there and is no ranking of an earlier run, but that is where this one's goes: move it, or choose \
             another --output-dir",
            path.shown()
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Size, Turn};
    use crate::predict::record::{PairLabel, Prediction};

    #[test]
    fn the_best_stands_first() {
        let mut ranking = Ranking::default();
        for (target, best_confidence) in [("a.png", 0.2), ("b.png", 0.9), ("c.png", 0.5)] {
            let verdict = Verdict { best_confidence, hardly_matches: false, likely_area: 0.25 };
            let done = PairOutcome::Done(Prediction {
                source_size: Size::square(1),
                target_size: Size::square(1),
                magnitude: None,
                flow_scale: None,
                files: Vec::new(),
                keypoints: None,
                labels: None,
                source_index: None,
                turn: Turn::NONE,
                better_turn: None,
                verdict: Some(verdict),
            });
            let label = PairLabel::of_photos(["s.png", target].map(Path::new));
            ranking.add(&Record { line: None, frame: None, label, outcome: done });
        }
        let (label, outcome) = (PairLabel::default(), PairOutcome::Failed { error: "no".into() });
        ranking.add(&Record { line: None, frame: None, label, outcome });
        ranking.sort();
        assert_eq!(ranking.best(2).collect::<Vec<_>>(), [("b.png", 0.9), ("c.png", 0.5)]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(RANKING);
        ranking.write(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().nth(1), Some("1,b.png,s.png,0.9,0.25,false"));
        ensure_ranking(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        assert!(ensure_ranking(&path).is_err());
    }
}
