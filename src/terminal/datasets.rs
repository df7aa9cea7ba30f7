//! What `datasets` shows: the catalog, and what a check found.

use std::path::{Path, PathBuf};

use crate::data::inspect::{Inspection, Listing};
use crate::data::load::summary;
use crate::data::truth::TruthKind;
use crate::spelling::counted;
use crate::synth::rendered::Rendered;
use crate::terminal::Terminal;
use crate::visible::{Shown, one_line};

/// Digits of a fingerprint that are shown; JSON has all.
const FINGERPRINT_DIGITS: usize = 16;

/// Images in several splits, and turned ones, that are shown; JSON has all.
const SHOWN_SHARED: usize = 10;

impl Terminal {
    /// The datasets of a catalog, and which of their splits are there.
    pub(crate) fn show_datasets(&self, datasets: &[Listing], data_root: &Path) {
        let header = ["name", "layout", "protocol", "splits", "there", "where to get it"];
        let mut rows = vec![header.map(str::to_owned)];
        rows.extend(datasets.iter().map(|dataset| {
            let there = if dataset.present.is_empty() {
                "no".to_owned()
            } else {
                dataset.present.join(", ")
            };
            [
                dataset.name.clone(),
                dataset.entry.layout.name().to_owned(),
                dataset.entry.protocol.clone(),
                dataset.entry.split_names().join(", "),
                there,
                dataset.entry.source.clone(),
            ]
        }));
        self.result(&aligned(&rows, &[]));
        self.log(&format!("`there` is what lies below `{}` (--data-root)", data_root.shown()));
    }

    /// All about one dataset: what its folder must hold, and where what it holds comes from.
    pub(crate) fn describe_dataset(&self, dataset: &Listing) {
        let Listing { name, entry, folder, present } = dataset;
        let there = if present.is_empty() { "none".to_owned() } else { present.join(", ") };
        let mut lines = vec![
            format!("{} ({name}), layout {}", entry.title, entry.layout.name()),
            format!("  folder    {}", folder.shown()),
        ];
        lines.extend(entry.holds.iter().map(|line| format!("            {line}")));
        let fact = |title: &str, text: &str| format!("  {title:<8}  {text}");
        let splits = format!("{} (there: {there})", entry.split_names().join(", "));
        lines.push(fact("splits", &splits));
        lines.push(fact("source", &entry.source));
        lines.extend(entry.lists.iter().map(|lists| fact("lists", lists)));
        lines.extend(entry.licence.iter().map(|licence| fact("licence", licence)));
        if !entry.citation.is_empty() {
            lines.push(fact("cite", &entry.citation));
        }
        let advice = match entry.missing(folder).next() {
            Some(_) => format!("lpmflow datasets fetch {name}"),
            None if entry.files.is_empty() => {
                "no address is known by which it can be fetched".to_owned()
            }
            None => {
                format!("its files are there; whether all of them: lpmflow datasets check {name}")
            }
        };
        lines.push(fact("fetch", &advice));
        self.result(&(lines.join("\n") + "\n"));
    }

    /// Counts, then whatever is wrong.
    pub(crate) fn show_inspection(&self, inspection: &Inspection) {
        let Inspection { dataset, title, layout, folder, .. } = inspection;
        let folder = folder.shown();
        self.result(&format!("{title} ({dataset}), layout {}, in `{folder}`\n", layout.name()));
        let measured = match layout.annotations().truth {
            TruthKind::Keypoints => "keypoints",
            TruthKind::Flow | TruthKind::Outlines => "pixels",
        };
        let header = ["split", "pairs", "unusable", "images", "distinct", measured, "fingerprint"];
        let mut rows = vec![header.map(str::to_owned)];
        rows.extend(inspection.splits.iter().map(|split| {
            [
                split.name.clone(),
                split.pairs.to_string(),
                split.bad_pairs.to_string(),
                split.images.to_string(),
                split.distinct_images.to_string(),
                split.keypoints.to_string(),
                split.fingerprint.chars().take(FINGERPRINT_DIGITS).collect(),
            ]
        }));
        self.result(&aligned(&rows, &[1, 2, 3, 4, 5]));
        for split in &inspection.splits {
            let pairs: Vec<String> = split
                .categories
                .iter()
                .map(|(name, count)| format!("{} {count}", one_line(name)))
                .collect();
            self.result(&format!("\n{} pairs: {}", split.name, pairs.join(", ")));
            split.notes.iter().for_each(|note| self.result(&format!("  {note}")));
            if !split.problems.is_empty() {
                self.result(&summary(&split.problems));
            }
        }
        if !inspection.absent.is_empty() {
            self.result(&format!("\nnot there: {}", inspection.absent.join(", ")));
        }
        if !inspection.to_fetch.is_empty() {
            let missing =
                inspection.to_fetch.iter().filter(|path| !inspection.folder.join(path).exists());
            let missing: Vec<String> = missing.map(|path| path.shown().to_string()).collect();
            let names = if missing.is_empty() { "" } else { ": " };
            self.result(&format!(
                "\n`lpmflow datasets fetch {dataset}` gets what is missing{names}{}",
                missing.join(", ")
            ));
        }
        self.show_shared(inspection);
        self.show_suspects(inspection);
        self.show_turned(inspection);
        if inspection.is_sound() {
            self.result("\nevery pair can be used");
        }
    }

    fn show_shared(&self, inspection: &Inspection) {
        let shared = &inspection.shared_images;
        if shared.is_empty() {
            return;
        }
        self.result(&format!(
            "\nimages with the same pixels in several splits ({}):",
            shared.len()
        ));
        for image in shared.iter().take(SHOWN_SHARED) {
            let places: Vec<String> = image
                .places
                .iter()
                .map(|(split, path)| {
                    let path = path.strip_prefix(&inspection.folder).unwrap_or(path);
                    format!("{split} {}", path.shown())
                })
                .collect();
            self.result(&format!("  {}", places.join(", ")));
        }
        if shared.len() > SHOWN_SHARED {
            self.result(&format!("  and {} more", shared.len() - SHOWN_SHARED));
        }
    }

    fn show_suspects(&self, inspection: &Inspection) {
        let suspects = &inspection.suspects;
        if suspects.is_empty() {
            return;
        }
        self.result(&format!(
            "\nimages of different splits that seem to show one picture ({}):",
            suspects.len()
        ));
        for suspect in suspects.iter().take(SHOWN_SHARED) {
            let place = |(split, path): &(String, PathBuf)| {
                let path = path.strip_prefix(&inspection.folder).unwrap_or(path);
                format!("{split} {}", path.shown())
            };
            let [one, other] = suspect.places.each_ref().map(place);
            let how = if suspect.mirrored { ", mirrored" } else { "" };
            self.result(&format!("  {one}, {other} ({:.3} alike{how})", suspect.correlation));
        }
        if suspects.len() > SHOWN_SHARED {
            self.result(&format!("  and {} more", suspects.len() - SHOWN_SHARED));
        }
    }

    fn show_turned(&self, inspection: &Inspection) {
        let turned = &inspection.turned;
        if turned.is_empty() {
            return;
        }
        let what = if inspection.exif_applied {
            "that was applied (--exif apply)"
        } else {
            "that eval ignores, as the field's readers do, unless --exif apply"
        };
        self.result(&format!("\nimages with an EXIF orientation, {what} ({}):", turned.len()));
        for photo in turned.iter().take(SHOWN_SHARED) {
            let path = photo.path.strip_prefix(&inspection.folder).unwrap_or(&photo.path);
            self.result(&format!("  {}: {}", path.shown(), photo.orientation));
        }
        if turned.len() > SHOWN_SHARED {
            self.result(&format!("  and {} more", turned.len() - SHOWN_SHARED));
        }
    }

    /// What was made, and what to do with it.
    pub(crate) fn show_rendered(&self, made: &Rendered, name: &str, data_root: &Path) {
        let pairs: Vec<String> =
            made.pairs.iter().map(|(split, count)| format!("{split} {count}")).collect();
        self.result(&format!(
            "wrote {} and their pairs ({}) to `{}`",
            counted(made.images, "photo"),
            pairs.join(", "),
            made.folder.shown()
        ));
        self.log(&format!(
            "try it: lpmflow eval --dataset {name} --data-root {}",
            data_root.shown()
        ));
    }
}

/// Rows in columns as wide as their widest cell; the named ones hold numbers.
fn aligned<const N: usize>(rows: &[[String; N]], numbers: &[usize]) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().enumerate().map(|(column, cell)| match widths[column] {
            width if numbers.contains(&column) => format!("{cell:>width$}"),
            width => format!("{cell:<width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
