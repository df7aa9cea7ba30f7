//! Pairs of the photos that stand on a command line: a photo with each of many, many with many, the frames of a film.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::data::lists::bytes;
use crate::data::lists::encoding::decode;
use crate::data::photo::images::photos_below;
use crate::predict::keypoints::Keypoints;
use crate::predict::pair_list::{Entry, ListedPair, Source, stem, unique};
use crate::visible::Shown;

/// The photos that arguments name: files, folders with all photos in and below them, patterns such as `photos/*.jpg`.
/// Of folders and patterns, what is hidden and what is a result of an earlier run is passed over.
///
/// # Errors
/// When a folder cannot be read or holds no photo, or a pattern is none or fits nothing.
pub(crate) fn photos_named(
    arguments: &[PathBuf],
    is_result: &dyn Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>> {
    let mut photos = Vec::new();
    for argument in arguments {
        photos.extend(named_by(argument, is_result)?);
    }
    let mut seen = HashSet::new();
    photos.retain(|photo| seen.insert(photo.clone()));
    Ok(photos)
}

fn named_by(argument: &Path, is_result: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let (mut photos, none) = if argument.is_dir() {
        (photos_below(argument)?, "there is no photo in the folder")
    } else if let Some(pattern) = argument.to_str().filter(|text| is_pattern(text))
        && !argument.exists()
    {
        let context = || format!("looking for photos that fit `{}`", argument.shown());
        let found = glob::glob(pattern).with_context(context)?;
        let photos: Vec<PathBuf> = found.collect::<Result<_, _>>().with_context(context)?;
        (photos.into_iter().filter(|path| path.is_file()).collect(), "no file fits the pattern")
    } else {
        return Ok(vec![argument.to_owned()]);
    };
    let is_hidden = |path: &Path| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
    };
    photos.retain(|photo| !is_hidden(photo) && !is_result(photo));
    ensure!(!photos.is_empty(), "{none} `{}`", argument.shown());
    photos.sort_by(|a, b| as_counted(a, b));
    Ok(photos)
}

/// Whether an argument may name several files.
pub(crate) fn is_pattern(text: &str) -> bool {
    let opens = text.find('[');
    text.contains(['*', '?']) || opens.is_some_and(|opens| text[opens..].contains(']'))
}

/// How photos of a command line become pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// Every source with every target.
    All,
    /// Every target with the source that matches it best.
    BestSource,
}

/// Every source with every target, or with the best of them; no photo with itself.
///
/// # Errors
/// When no pair is left.
pub(crate) fn pairs(
    sources: &[PathBuf],
    targets: &[PathBuf],
    pairing: Pairing,
    keypoints: Option<&Keypoints>,
) -> Result<Vec<Entry>> {
    let is_source: HashMap<Option<PathBuf>, &PathBuf> =
        sources.iter().map(|source| (source.canonicalize().ok(), source)).collect();
    let mut taken = HashMap::new();
    let mut entries = Vec::new();
    for target in targets {
        let itself = target.canonicalize().ok().and_then(|path| is_source.get(&Some(path)));
        let others = sources.iter().filter(|source| itself != Some(source));
        let all: Vec<Source> =
            others.map(|photo| Source { photo: photo.clone(), drawn: None }).collect();
        let groups: Vec<Vec<Source>> = match pairing {
            Pairing::BestSource => vec![all],
            Pairing::All => all.into_iter().map(|source| vec![source]).collect(),
        };
        for sources in groups.into_iter().filter(|group| !group.is_empty()) {
            let name = match (pairing, sources.as_slice()) {
                (Pairing::All, [source]) if is_source.len() > 1 => {
                    format!("{}-to-{}", stem(&source.photo), stem(target))
                }
                _ => stem(target),
            };
            let name = unique(&name, &mut taken);
            let pair = ListedPair::of(sources, target, name, keypoints);
            entries.push(Entry { line: None, frame: None, pair: Ok(pair) });
        }
    }
    ensure!(!entries.is_empty(), "there is no target beside the source itself");
    Ok(entries)
}

/// The frames of a film that lie in a folder itself, in the order of their numbers.
///
/// # Errors
/// When it cannot be read, or there is none.
pub(crate) fn frames_in(folder: &Path, is_result: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut frames = photos_named(&[folder.to_owned()], is_result)?;
    frames.retain(|frame| frame.parent() == Some(folder));
    ensure!(!frames.is_empty(), "there is no frame in the folder `{}`", folder.shown());
    Ok(frames)
}

/// The first frame of a film with each of the others, which may show the same photo again.
///
/// # Errors
/// When there is one alone.
pub(crate) fn frames(photos: &[PathBuf], keypoints: Option<&Keypoints>) -> Result<Vec<Entry>> {
    let [first, others @ ..] = photos else { bail!("there is no frame") };
    ensure!(!others.is_empty(), "there is no frame but `{}`", first.shown());
    let mut taken = HashMap::new();
    let entry = |(frame, target): (usize, &PathBuf)| {
        let source = Source { photo: first.clone(), drawn: None };
        let pair =
            ListedPair::of(vec![source], target, unique(&stem(target), &mut taken), keypoints);
        Entry { line: None, frame: Some(frame), pair: Ok(pair) }
    };
    Ok((2..).zip(others).map(entry).collect())
}

/// The photos that a list names, one a line, from the list's folder.
///
/// # Errors
/// When it cannot be read or names none.
pub(crate) fn photos_listed(list: &Path) -> Result<Vec<PathBuf>> {
    let attempt = || -> Result<Vec<PathBuf>> {
        let text = decode(bytes::read_or_stdin(list)?)?;
        let folder = list.parent().filter(|_| list.is_file()).unwrap_or(Path::new(""));
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let photos: Vec<PathBuf> = lines.map(|line| folder.join(line)).collect();
        ensure!(!photos.is_empty(), "it names no photo");
        Ok(photos)
    };
    attempt().with_context(|| format!("reading the list of photos `{}`", list.shown()))
}

/// The file that belongs to a photo: the one of its name in a folder, whatever its ending; or the one file for all.
///
/// # Errors
/// When the folder has none, or several.
pub(crate) fn file_for(photo: &Path, place: &Path) -> Result<PathBuf> {
    if !place.is_dir() {
        return Ok(place.to_owned());
    }
    let context =
        || format!("looking into `{}` for what is drawn on `{}`", place.shown(), photo.shown());
    let entries = std::fs::read_dir(place).with_context(context)?;
    let paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>().with_context(context)?;
    let mut fitting: Vec<PathBuf> = paths
        .into_iter()
        .filter(|path| path.file_stem() == photo.file_stem() && path.is_file())
        .collect();
    fitting.sort();
    match fitting.as_slice() {
        [file] => Ok(file.clone()),
        [] => bail!(
            "there is no file in `{}` that is called as `{}` is",
            place.shown(),
            photo.shown()
        ),
        [first, second, ..] => bail!(
            "both `{}` and `{}` are called as `{}` is",
            first.shown(),
            second.shown(),
            photo.shown()
        ),
    }
}

/// By name, numbers within by their value: `frame2` before `frame10`.
fn as_counted(first: &Path, second: &Path) -> Ordering {
    let [first_parts, second_parts] = [first, second].map(|path| parts(&path.to_string_lossy()));
    first_parts.cmp(&second_parts).then_with(|| first.cmp(second))
}

/// A text in parts: what is no number, as it is, then the number by the count of its digits, and them.
fn parts(text: &str) -> Vec<(String, usize, String)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(digits);
        let end = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(end);
        let number = number.trim_start_matches('0');
        parts.push((word.to_owned(), number.len(), number.to_owned()));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        folder
    }

    fn names(folder: &tempfile::TempDir, arguments: &[&str], result: &str) -> Vec<String> {
        let arguments: Vec<PathBuf> =
            arguments.iter().map(|name| folder.path().join(name)).collect();
        let photos = photos_named(&arguments, &|path| path.ends_with(result)).unwrap();
        let name = |path: &PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
        photos.iter().map(name).collect()
    }

    #[test]
    fn folders_patterns_and_files_name_photos_in_the_order_of_their_numbers() {
        let there = folder(&[
            "p/f10.jpg",
            "p/f2.jpg",
            "p/note.txt",
            "p/more/a.PNG",
            "p/out/v.png",
            "q.png",
        ]);
        assert_eq!(names(&there, &["p"], "out/v.png"), ["p/f2.jpg", "p/f10.jpg", "p/more/a.PNG"]);
        assert_eq!(
            names(&there, &["p/*.jpg", "q.png", "p/f2.jpg"], "none"),
            ["p/f2.jpg", "p/f10.jpg", "q.png"]
        );
        assert_eq!(names(&there, &["absent.png"], "none"), ["absent.png"]);
        let error = |name: &str| {
            photos_named(&[there.path().join(name)], &|_| false).unwrap_err().to_string()
        };
        std::fs::create_dir(there.path().join("empty")).unwrap();
        assert!(error("empty").contains("no photo in the folder"));
        assert!(error("p/*.bmp").contains("no file fits the pattern"));
    }

    #[test]
    fn every_photo_is_matched_with_every_other_or_with_the_best() {
        let there = folder(&["a.png", "b.png", "c.png"]);
        let photo = |name: &str| there.path().join(name);
        let (sources, targets) =
            ([photo("a.png"), photo("b.png")], [photo("b.png"), photo("c.png")]);
        let named = |sources: &[PathBuf], pairing| -> Vec<(String, usize)> {
            let entries = pairs(sources, &targets, pairing, None).unwrap();
            let pair = |entry: &Entry| {
                let pair = entry.pair.as_ref().unwrap();
                (pair.name.clone(), pair.sources.len())
            };
            entries.iter().map(pair).collect()
        };
        let all = ["a-to-b", "a-to-c", "b-to-c"].map(|name| (name.to_owned(), 1));
        assert_eq!(named(&sources, Pairing::All), all);
        let best = [("b".to_owned(), 1), ("c".to_owned(), 2)];
        assert_eq!(named(&sources, Pairing::BestSource), best);
        assert_eq!(named(&sources[..1], Pairing::All), [("b".to_owned(), 1), ("c".to_owned(), 1)]);
        assert!(pairs(&paths(&["x"]), &[], Pairing::All, None).is_err());
        let film = frames(&[photo("b.png"), photo("a.png"), photo("c.png")], None).unwrap();
        let named = |entry: &Entry| (entry.frame, entry.pair.as_ref().unwrap().name.clone());
        let wanted = [(Some(2), "a".to_owned()), (Some(3), "c".to_owned())];
        assert_eq!(film.iter().map(named).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn what_is_drawn_on_a_photo_has_its_name() {
        let there = folder(&["m/a.png", "m/b.png", "m/b.json", "list.txt"]);
        let of = |photo: &str, place: &str| {
            file_for(Path::new(photo), &there.path().join(place)).map_err(|error| error.to_string())
        };
        assert_eq!(of("photos/a.jpg", "m").unwrap(), there.path().join("m/a.png"));
        assert_eq!(of("a.jpg", "list.txt").unwrap(), there.path().join("list.txt"));
        assert!(of("b.jpg", "m").unwrap_err().contains("b.json` and"));
        assert!(of("c.jpg", "m").unwrap_err().contains("no file in"));
        std::fs::write(there.path().join("list.txt"), "a.png\r\n\n more/b.png \n").unwrap();
        let listed = photos_listed(&there.path().join("list.txt")).unwrap();
        assert_eq!(listed, [there.path().join("a.png"), there.path().join("more/b.png")]);
    }
}
