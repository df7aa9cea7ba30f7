//! Matches as COLMAP imports them: a list of pairs of keypoints, and the keypoints of each photo beside it.
//!
//! COLMAP's tutorial ("Feature Detection and Extraction", "Feature Matching and Geometric Verification"): its
//! `feature_importer` reads `NAME.txt` for a photo `NAME`, 128 values of a descriptor included, which nothing looks
//! at where matches are imported by `matches_importer --match_type raw`. The centre of the upper left pixel is
//! (0.5, 0.5).

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

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
    let files = keypoint_files(list, paths);
    for path in &files {
        ensure!(
            is_ours(path)?,
            "the keypoints of a photo go to `{}`, and what is there is of another program: move it, or write the \
             matches into another folder",
            path.shown()
        );
    }
    let ends: [fn(&Match) -> Point; 2] = [|found| found.source, |found| found.target];
    for (path, end) in files.iter().zip(ends) {
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

/// Whether a file may be replaced without being named: there is none, or it holds keypoints without descriptors.
fn is_ours(path: &Path) -> Result<bool> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        file => file.with_context(|| format!("reading `{}`", path.shown()))?,
    };
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().transpose().ok().flatten();
    let second = lines.next().transpose().ok().flatten();
    let header = format!(" {DESCRIPTOR}");
    let point = format!(" 1 0{}", " 0".repeat(DESCRIPTOR));
    Ok(first.is_some_and(|line| line.ends_with(&header))
        && second.is_none_or(|line| line.ends_with(&point)))
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
    fn only_keypoints_of_ours_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg.txt");
        assert!(is_ours(&path).unwrap());
        let mut text = Vec::new();
        write_keypoints(&mut text, [Point::new(1.0, 2.0)].into_iter()).unwrap();
        for (text, ours) in [
            (text, true),
            (b"0 128\n".to_vec(), true),
            (b"1 128\n1.0 2.0 1 0 17 3\n".to_vec(), false),
            (b"my notes\n".to_vec(), false),
            (vec![0xff, 0xfe, b'\n'], false),
        ] {
            std::fs::write(&path, &text).unwrap();
            assert_eq!(is_ours(&path).unwrap(), ours, "{text:?}");
        }
    }

    #[test]
    fn keypoints_lie_beside_the_list_under_the_photos_names() {
        let files =
            keypoint_files(Path::new("out/m.txt"), [Path::new("a/1.jpg"), Path::new("2.png")]);
        assert_eq!(files, [Path::new("out/1.jpg.txt"), Path::new("out/2.png.txt")]);
    }
}
