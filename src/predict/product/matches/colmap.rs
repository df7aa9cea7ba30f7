//! Matches as COLMAP imports them: a list of pairs of keypoints, and the keypoints of each photo beside it.
//!
//! COLMAP's tutorial ("Feature Detection and Extraction", "Feature Matching and Geometric Verification"): its
//! `feature_importer` reads `NAME.txt` for a photo `NAME`, 128 values of a descriptor included, which nothing looks
//! at where matches are imported by `matches_importer --match_type raw`. The centre of the upper left pixel is
//! (0.5, 0.5).

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::geometry::Point;
use crate::output;
use crate::predict::photo::Photo;
use crate::predict::product::matches::point::Match;
use crate::visible::Shown;

/// Values of a descriptor, no fewer of which are read.
const DESCRIPTOR: usize = 128;

/// The files of the keypoints that belong to a list of matches, of the source and of the target.
pub(super) fn keypoint_files(list: &Path, photos: [&Path; 2]) -> [PathBuf; 2] {
    photos.map(|photo| {
        let mut name = photo.file_name().unwrap_or(photo.as_os_str()).to_owned();
        name.push(".txt");
        list.with_file_name(name)
    })
}

/// Writes a list of matches and the keypoints of both photos.
///
/// # Errors
/// When COLMAP could not tell the photos' names from each other, or a file cannot be written.
pub(super) fn write(list: &Path, photos: [&Photo; 2], matches: &[Match]) -> Result<()> {
    let paths = photos.map(|photo| photo.path.as_path());
    let names = paths.map(|path| path.file_name().unwrap_or(path.as_os_str()));
    ensure!(
        names[0] != names[1],
        "both photos are called `{}`, and by their names COLMAP tells photos apart: copy one under another name",
        Path::new(names[0]).shown()
    );
    for name in names {
        ensure!(
            is_word(name),
            "a photo is called `{}`, and in COLMAP's lists names end at a space: rename it",
            Path::new(name).shown()
        );
    }
    let ends: [fn(&Match) -> Point; 2] = [|found| found.source, |found| found.target];
    for (path, end) in keypoint_files(list, paths).iter().zip(ends) {
        output::write(path, |file| write_keypoints(file, matches.iter().map(end)))?;
    }
    output::write(list, |file| {
        writeln!(file, "{} {}", names[0].display(), names[1].display())?;
        for index in 0..matches.len() {
            writeln!(file, "{index} {index}")?;
        }
        // An empty line ends the pair.
        Ok(writeln!(file)?)
    })
}

fn is_word(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| !name.contains(char::is_whitespace))
}

fn write_keypoints(
    file: &mut impl Write,
    points: impl ExactSizeIterator<Item = Point>,
) -> Result<()> {
    writeln!(file, "{} {DESCRIPTOR}", points.len())?;
    let descriptor = " 0".repeat(DESCRIPTOR);
    for point in points {
        // Scale 1, orientation 0.
        writeln!(file, "{:.3} {:.3} 1 0{descriptor}", point.x + 0.5, point.y + 0.5)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keypoints_count_from_the_corner_of_the_first_pixel() {
        let mut text = Vec::new();
        write_keypoints(&mut text, [Point::new(-0.5, 0.0), Point::new(10.25, 7.0)].into_iter())
            .unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines.len()), ("2 128", 3));
        assert!(lines[2].starts_with("10.750 7.500 1 0 0 0 "), "{text}");
        assert!(lines[1].starts_with("0.000 0.500 1 0 ") && lines[1].split(' ').count() == 4 + 128);
    }

    #[test]
    fn keypoints_lie_beside_the_list_under_the_photos_names() {
        let files =
            keypoint_files(Path::new("out/m.txt"), [Path::new("a/1.jpg"), Path::new("2.png")]);
        assert_eq!(files, [Path::new("out/1.jpg.txt"), Path::new("out/2.png.txt")]);
    }
}
