//! SPair-71k: a list of pair names, one JSON annotation a pair (Min et al. 2019).

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use rayon::prelude::*;
use serde::Deserialize;

use crate::data::formats::check::checked;
use crate::data::formats::text::{lines, read_text};
use crate::data::formats::{Annotations, Contents, Format, Record, Request};
use crate::data::parts::Part;
use crate::data::photo::images::ImageSizes;
use crate::data::problem::{Fault, Problem};
use crate::data::truth::{Truth, TruthKind};
use crate::data::{AnnotatedImage, Difficulty, Pair};
use crate::geometry::{BoundingBox, Point, Size};
use crate::visible::Shown;

/// The parts of a pair's annotation that matter here; files hold more.
#[derive(Debug, Deserialize)]
struct Annotation {
    category: String,
    src_imname: String,
    trg_imname: String,
    /// Width, height, channels.
    src_imsize: [usize; 3],
    trg_imsize: [usize; 3],
    src_bndbox: BoundingBox,
    trg_bndbox: BoundingBox,
    src_kps: Vec<Point>,
    trg_kps: Vec<Point>,
    /// What they are: numbers within the category, as texts.
    #[serde(default)]
    kps_ids: Vec<String>,
    viewpoint_variation: u8,
    scale_variation: u8,
    truncation: u8,
    occlusion: u8,
}

/// The layout.
#[derive(Debug)]
pub(crate) struct Spair71k;

impl Format for Spair71k {
    fn name(&self) -> &'static str {
        "spair71k"
    }

    fn annotations(&self) -> Annotations {
        Annotations { object_boxes: true, truth: TruthKind::Keypoints }
    }

    fn read(&self, request: &Request) -> Result<Contents> {
        read(request)
    }
}

/// Where the list's annotations lie: `PairAnnotation/SPLIT/`, where SPLIT is the list's name without its
/// ending.
fn annotation_folder(request: &Request) -> PathBuf {
    let split = request.list.file_stem().unwrap_or_default();
    request.root.join("PairAnnotation").join(split)
}

/// Reads the pairs that the list names.
fn read(request: &Request) -> Result<Contents> {
    let &Request { root, list, sizes, .. } = request;
    let text = read_text(list)?;
    let folder = annotation_folder(request);
    let names: Vec<(usize, &str)> = lines(&text).collect();
    let files = Files::of(&folder, &names);
    if !names.is_empty() && !names.iter().any(|(_, name)| files.of_pair(name).is_file()) {
        bail!(
            "none of the {} annotations that `{}` names is in `{}`; {}",
            names.len(),
            list.shown(),
            folder.shown(),
            files.advice(&names)
        );
    }
    let photos = root.join("JPEGImages");
    let records = names.par_iter().enumerate().map(|(index, &(line, name))| {
        let file = files.of_pair(name);
        if !file.is_file() {
            let detail = format!("no annotation `{}`", file.shown());
            return Err(vec![Problem::of_line(Fault::Missing, list, line, detail)]);
        }
        annotated_pair(&photos, index, &file, sizes)
    });
    let annotations = names.iter().map(|(_, name)| files.of_pair(name)).collect();
    Ok(Contents { records: records.collect(), annotations, notes: Vec::new() })
}

/// What programs write for the `:` of the names, which Windows cannot store: an underscore, other marks, letters
/// that look alike, or nothing.
const COLONS: [&str; 9] = ["_", "-", "\u{f03a}", "\u{a789}", "\u{ff1a}", "%3A", " ", ".", ""];

/// The annotations of a copy of the dataset.
struct Files<'a> {
    folder: &'a Path,
    /// What stands for `:` in this copy.
    colon: Option<&'static str>,
}

impl<'a> Files<'a> {
    fn of(folder: &'a Path, names: &[(usize, &str)]) -> Self {
        let as_listed = Self { folder, colon: None };
        let mut missing = names
            .iter()
            .filter(|(_, name)| name.contains(':') && !as_listed.of_pair(name).is_file());
        let colon = missing.next().and_then(|(_, name)| {
            let holds =
                |colon: &&'static str| Self { folder, colon: Some(*colon) }.of_pair(name).is_file();
            COLONS.into_iter().find(holds)
        });
        Self { folder, colon }
    }

    fn of_pair(&self, name: &str) -> PathBuf {
        let file = |name: &str| self.folder.join(format!("{name}.json"));
        let listed = file(name);
        match self.colon {
            Some(colon) if !listed.is_file() => file(&name.replace(':', colon)),
            _ => listed,
        }
    }

    /// What to do where no annotation is found.
    fn advice(&self, names: &[(usize, &str)]) -> String {
        let entries = std::fs::read_dir(self.folder).into_iter().flatten().flatten();
        let Some(found) = entries.map(|entry| entry.file_name()).min() else {
            return "it is empty or not there: unpack the archive again".to_owned();
        };
        let named = names.first().map_or("", |(_, name)| name);
        let colon = if named.contains(':') {
            "; names of SPair-71k hold `:`, which Windows cannot store: unpack the archive on Linux, or so that \
             `_` stands for it"
        } else {
            ""
        };
        let found = found.to_string_lossy();
        format!("the list says `{named}`, the first file there is `{found}`{colon}")
    }
}

/// The pair of an annotation file; `photos` holds a folder of photos for each category.
pub(super) fn annotated_pair(
    photos: &Path,
    index: usize,
    file: &Path,
    sizes: &ImageSizes,
) -> Record {
    let annotation =
        read_text(file).and_then(|text| Ok(serde_json::from_str::<Annotation>(&text)?));
    let unreadable = |error: anyhow::Error| {
        vec![Problem::of_file(Fault::Unreadable, file, format!("{error:#}"))]
    };
    let annotation = annotation.map_err(unreadable)?;
    let Annotation { category, .. } = annotation;
    let side = |name: &str, [width, height, _]: [usize; 3], bounds, keypoints| AnnotatedImage {
        path: photos.join(&category).join(name),
        size: Size::new(height, width),
        keypoints,
        bounding_box: Some(bounds),
    };
    let ids_fit = annotation.kps_ids.len() == annotation.src_kps.len();
    let source = side(
        &annotation.src_imname,
        annotation.src_imsize,
        annotation.src_bndbox,
        annotation.src_kps,
    );
    let target = side(
        &annotation.trg_imname,
        annotation.trg_imsize,
        annotation.trg_bndbox,
        annotation.trg_kps,
    );
    let mut problems = Vec::new();
    for image in [&source, &target] {
        match sizes.of(&image.path) {
            Err(problem) => problems.push(problem),
            Ok(found) if found != image.size => {
                let hint = sizes.hint(&image.path, image.size);
                let detail = format!("annotated as {}, is {found}{hint}", image.size);
                problems.push(Problem::of_file(Fault::WrongSize, &image.path, detail));
            }
            Ok(_) => {}
        }
    }
    let difficulty = Difficulty {
        viewpoint: annotation.viewpoint_variation,
        scale: annotation.scale_variation,
        truncation: annotation.truncation,
        occlusion: annotation.occlusion,
    };
    let grades = [
        ("viewpoint_variation", difficulty.viewpoint, 2),
        ("scale_variation", difficulty.scale, 2),
        ("truncation", difficulty.truncation, 3),
        ("occlusion", difficulty.occlusion, 3),
    ];
    for (name, grade, _) in grades.into_iter().filter(|(_, grade, most)| grade > most) {
        let detail = format!("`{name}` is {grade}, no grade of difficulty");
        problems.push(Problem::of_file(Fault::Unreadable, file, detail));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (difficulty, mirrored, truth) = (Some(difficulty), false, Truth::Keypoints);
    // Copies that others have made may lack them, or have those of one photo.
    let ids = annotation.kps_ids.into_iter().filter(|_| ids_fit);
    let parts = ids.map(Part::new).collect();
    let pair = Pair { index, category, source, target, parts, difficulty, mirrored, truth };
    checked(pair, file, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_annotation_is_read_with_its_unknown_keys() {
        let text = r#"{"pair_id": 718, "filename": "000718-2008_002515-2008_003395:bicycle",
            "src_imname": "2008_002515.jpg", "trg_imname": "2008_003395.jpg", "src_imsize": [500, 375, 3],
            "trg_imsize": [375, 500, 3], "src_bndbox": [1, 1, 500, 334], "trg_bndbox": [113, 372, 264, 497],
            "category": "bicycle", "src_pose": "Left", "trg_pose": "Left", "src_kps": [[467, 197], [243, 253]],
            "trg_kps": [[231, 451], [184, 452]], "kps_ids": ["1", "13"], "mirror": 0,
            "viewpoint_variation": 0, "scale_variation": 2, "truncation": 1, "occlusion": 3}"#;
        let annotation: Annotation = serde_json::from_str(text).unwrap();
        assert_eq!(annotation.src_kps[1], Point::new(243.0, 253.0));
        assert_eq!(annotation.trg_bndbox.longer_side(), 151.0);
        assert_eq!((annotation.scale_variation, annotation.occlusion), (2, 3));
    }
}
