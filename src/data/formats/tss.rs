//! TSS: pairs of photos with true flows in both directions (Taniai et al. 2016). A folder of each of its three
//! sources holds a folder of each pair: `image1.png`, `image2.png`, `flow1.flo` and `flow2.flo`. Masks and
//! `flip_gt.txt` are not looked at: a flow says itself that it leads to a mirrored object.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;

use crate::data::flo;
use crate::data::formats::{Annotations, Contents, Format, Record, Request};
use crate::data::photo::images::ImageSizes;
use crate::data::problem::{Fault, Problem};
use crate::data::truth::{TrueFlow, Truth, TruthKind, drawn, known};
use crate::data::{AnnotatedImage, Pair};
use crate::geometry::Point;
use crate::visible::Shown;

/// The layout.
#[derive(Debug)]
pub(crate) struct Tss;

impl Format for Tss {
    fn name(&self) -> &'static str {
        "tss"
    }

    fn annotations(&self) -> Annotations {
        Annotations { object_boxes: false, truth: TruthKind::Flow }
    }

    fn is_there(&self, list: &Path, _: &str) -> bool {
        folders(list).into_iter().flatten().any(|group| holds_pairs(&group))
    }

    fn read(&self, &Request { root, list, categories, sizes, .. }: &Request) -> Result<Contents> {
        let groups: Vec<PathBuf> =
            folders(list)?.into_iter().filter(|it| holds_pairs(it)).collect();
        ensure!(
            !groups.is_empty(),
            "`{}` holds no folders of pairs, each a folder with image1.png, image2.png, flow1.flo and flow2.flo",
            root.shown()
        );
        let missing = categories.iter().filter(|name| !groups.iter().any(|it| it.ends_with(name)));
        let notes = missing.map(|name| format!("the pairs of `{name}` are not there"));
        let mut directions = Vec::new();
        for group in &groups {
            for folder in folders(group)? {
                directions.extend([1, 2].map(|from| (group, folder.clone(), from)));
            }
        }
        let record = |(index, (group, folder, from)): (usize, &(&PathBuf, PathBuf, usize))| {
            let category = group.file_name().unwrap_or_default().to_string_lossy().into_owned();
            direction(index, category, folder, *from, sizes).map_err(|problem| vec![problem])
        };
        let records: Vec<Record> = directions.par_iter().enumerate().map(record).collect();
        let annotations = directions.iter().map(|(_, folder, from)| flow_file(folder, *from));
        Ok(Contents { annotations: annotations.collect(), notes: notes.collect(), records })
    }
}

/// The folders in a folder, sorted by name.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("reading the folder `{}`", folder.shown());
    let entries = fs::read_dir(folder).with_context(context)?;
    let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut folders: Vec<PathBuf> =
        paths.with_context(context)?.into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

/// Whether one of the folders in a folder holds a flow.
fn holds_pairs(group: &Path) -> bool {
    folders(group).into_iter().flatten().any(|folder| flow_file(&folder, 1).is_file())
}

fn flow_file(folder: &Path, from: usize) -> PathBuf {
    folder.join(format!("flow{from}.flo"))
}

/// The pair of a folder whose source is the photo of this number, 1 or 2.
fn direction(
    index: usize,
    category: String,
    folder: &Path,
    from: usize,
    sizes: &ImageSizes,
) -> Result<Pair, Problem> {
    let [source, target] = [from, 3 - from].map(|number| folder.join(format!("image{number}.png")));
    let [source_size, target_size] = [sizes.of(&source)?, sizes.of(&target)?];
    let file = flow_file(folder, from);
    if !file.is_file() {
        return Err(Problem::of_file(Fault::Missing, &file, "no such flow"));
    }
    let unreadable = |error: anyhow::Error| {
        Problem::of_file(Fault::Unreadable, &file, error.root_cause().to_string())
    };
    let flow = flo::read(&file).map_err(unreadable)?;
    if flow.size != source_size {
        let detail = format!("a flow of {} pixels for a photo of {source_size}", flow.size);
        return Err(Problem::of_file(Fault::WrongSize, &file, detail));
    }
    let points = known(&flow);
    if points.is_empty() {
        return Err(Problem::of_file(Fault::WrongCount, &file, "no pixel has a counterpart"));
    }
    let (pixels, counterparts): (Vec<Point>, Vec<Point>) = drawn(&points).into_iter().unzip();
    let image =
        |path, size, keypoints| AnnotatedImage { path, size, keypoints, bounding_box: None };
    Ok(Pair {
        index,
        category,
        source: image(source, source_size, pixels),
        target: image(target, target_size, counterparts),
        parts: Vec::new(),
        difficulty: None,
        mirrored: false,
        truth: Truth::Flow(TrueFlow::new(&file, &flow)),
    })
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::data::formats::Draw;

    fn read(root: &Path) -> Result<Contents> {
        let sizes = ImageSizes::default();
        Tss.read(&Request {
            root,
            list: root,
            split: "test",
            sharing: &["test"],
            draw: Draw::default(),
            categories: &["FG3DCar".to_owned(), "JODS".to_owned()],
            sizes: &sizes,
        })
    }

    /// A flow of one displacement, unknown in its first pixel.
    fn flow(width: u32, height: u32, [dx, dy]: [f32; 2]) -> Vec<u8> {
        let mut bytes = [&b"PIEH"[..], &width.to_le_bytes(), &height.to_le_bytes()].concat();
        for pixel in 0..width * height {
            let step = if pixel == 0 { [1e10; 2] } else { [dx, dy] };
            bytes.extend(step.map(f32::to_le_bytes).concat());
        }
        bytes
    }

    #[test]
    fn every_folder_is_a_pair_in_both_directions() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for pair in ["JODS/b", "JODS/a", "notes/c"] {
            fs::create_dir_all(root.join(pair)).unwrap();
        }
        assert!(!Tss.is_there(root, "test"));
        let error = read(root).unwrap_err().to_string();
        assert!(error.contains("holds no folders of pairs"), "{error}");
        for pair in ["JODS/a", "JODS/b"].map(|pair| root.join(pair)) {
            RgbImage::new(4, 3).save(pair.join("image1.png")).unwrap();
            RgbImage::new(5, 2).save(pair.join("image2.png")).unwrap();
            fs::write(pair.join("flow1.flo"), flow(4, 3, [1.5, -0.5])).unwrap();
            fs::write(pair.join("flow2.flo"), flow(5, 2, [-1.0, 0.0])).unwrap();
        }
        assert!(Tss.is_there(root, "test"));
        fs::write(root.join("JODS/b/flow1.flo"), flow(5, 3, [0.0; 2])).unwrap();
        fs::write(root.join("JODS/b/flow2.flo"), flow(5, 2, [f32::NAN; 2])).unwrap();
        let contents = read(root).unwrap();
        assert_eq!(contents.notes, ["the pairs of `FG3DCar` are not there"]);
        let [Ok(there), Ok(back), Err(size), Err(empty)] = &contents.records[..] else {
            panic!("{:?}", contents.records)
        };
        assert_eq!((there.index, there.category.as_str(), there.points()), (0, "JODS", 11));
        assert_eq!(there.source.keypoints[0], Point::new(1.0, 0.0));
        assert_eq!(there.target.keypoints[0], Point::new(2.5, -0.5));
        assert_eq!((back.index, back.points(), &back.source.path), (1, 9, &there.target.path));
        assert_eq!(size[0].detail, "a flow of 5x3 pixels for a photo of 4x3");
        assert_eq!((size[0].fault, empty[0].fault), (Fault::WrongSize, Fault::WrongCount));
    }
}
