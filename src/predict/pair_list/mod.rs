//! Lists of pairs: CSV, or JSON objects, one a line or all in an array; or every photo with others ([`targets`]).
//!
//! CSV is `source,target` without a header, or any columns under a header that names `source` and
//! `target` (or `source_image` and `target_image`, as the PF-PASCAL lists do), and maybe `name`, `transfer` and
//! `truth`; a semicolon or a tab may stand between them as well. A JSON object has `source` and `target`, and maybe
//! these, `keypoints` (`[[x, y], ...]`) and an `index`, which results repeat; paths of photos that are not Unicode are
//! escaped as records have them, and marked by `source_escaped` and `target_escaped`. Relative paths are relative to
//! the list's folder.

mod lines;
pub(crate) mod targets;

use std::collections::HashMap;
use std::collections::hash_map::Entry::Vacant;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::data::lists::bytes;
use crate::data::lists::encoding::decode_meaning;
use crate::data::lists::json::looks_like_json;
use crate::data::lists::keys::Readings;
use crate::path_text::path_from_text;
use crate::predict::keypoints::Keypoints;
use crate::predict::record::PairLabel;
use crate::visible::Shown;
use lines::{Line, csv_lines, json_lines};

/// A list of pairs.
#[derive(Debug)]
pub(crate) struct List {
    /// Its lines, in order.
    pub entries: Vec<Entry>,
    /// What was read otherwise than it stands there.
    pub notes: Vec<String>,
}

/// One line of a list, or one target.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The line in the list, from 1; none outside lists.
    pub line: Option<usize>,
    /// The frame of a film, from 1.
    pub frame: Option<usize>,
    /// The pair, or why there is none.
    pub pair: Result<ListedPair>,
}

/// A pair of a list.
#[derive(Clone, Debug)]
pub(crate) struct ListedPair {
    /// Unique in the list, safe as a file name.
    pub name: String,
    /// What another program calls it; results repeat it.
    pub index: Option<Value>,
    /// The source; or several, of which the one is taken that matches best.
    pub sources: Vec<Source>,
    /// The target photo as the list spells it.
    pub target: PathBuf,
    /// The folder that relative paths start from.
    folder: PathBuf,
    /// Positions to transfer.
    pub keypoints: Option<Keypoints>,
    /// What truly lies on the target, as the list spells it.
    truth: Option<PathBuf>,
}

/// A source photo of a pair.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    /// It, as the list spells it.
    pub photo: PathBuf,
    /// What is drawn on it and to be carried across, likewise.
    pub drawn: Option<PathBuf>,
}

impl ListedPair {
    /// A pair that stands in no list.
    fn of(
        sources: Vec<Source>,
        target: &Path,
        name: String,
        keypoints: Option<&Keypoints>,
    ) -> Self {
        let (target, keypoints) = (target.to_owned(), keypoints.cloned());
        let folder = PathBuf::new();
        Self { name, index: None, sources, target, folder, keypoints, truth: None }
    }

    /// The same where something is drawn on each source of which the list does not say what.
    pub(crate) fn with_drawn(mut self, drawn: &impl Fn(&Path) -> Result<PathBuf>) -> Result<Self> {
        for source in &mut self.sources {
            if source.drawn.is_none() {
                let file = drawn(&source.photo)?;
                // It is named on the command line, not in the list.
                source.drawn = Some(std::path::absolute(&file).unwrap_or(file));
            }
        }
        Ok(self)
    }

    /// The sources' files.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Source> {
        let join = |path: &PathBuf| self.folder.join(path);
        self.sources.iter().map(move |source| Source {
            photo: join(&source.photo),
            drawn: source.drawn.as_ref().map(join),
        })
    }

    /// What the list calls it, with the source that was taken.
    pub(crate) fn label(&self, source: Option<usize>) -> PairLabel {
        let photos = [&*self.sources[source.unwrap_or_default()].photo, &*self.target];
        PairLabel { index: self.index.clone(), ..PairLabel::of_photos(photos) }
    }

    /// The target photo's file.
    pub(crate) fn target_path(&self) -> PathBuf {
        self.folder.join(&self.target)
    }

    /// The file that says what truly lies on the target.
    pub(crate) fn truth_path(&self) -> Option<PathBuf> {
        self.truth.as_ref().map(|truth| self.folder.join(truth))
    }

    /// Every file that the pair is made of.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        let drawn = self.sources().filter_map(|source| source.drawn);
        self.photos().chain(drawn).chain(self.truth_path())
    }

    /// Every photo of the pair.
    pub(crate) fn photos(&self) -> impl Iterator<Item = PathBuf> {
        self.sources().map(|source| source.photo).chain([self.target_path()])
    }
}

/// Reads a list from a file, or from standard input if the file is called `-`.
///
/// # Errors
/// When the list cannot be read or is empty. Single bad lines are entries without a pair.
pub(crate) fn read(path: &Path) -> Result<List> {
    let attempt = || -> Result<List> {
        // A pipe lies in no folder that the paths could mean.
        let folder = path.parent().filter(|_| path.is_file()).unwrap_or(Path::new(""));
        let (text, code_page) =
            decode_meaning(bytes::read_or_stdin(path)?, |text| photos(text, folder))?;
        let mut list = parse(&text, folder)?;
        list.notes.extend(code_page.map(|name| format!("the list is read as {name}")));
        Ok(list)
    };
    attempt().with_context(|| format!("reading the list of pairs `{}`", path.shown()))
}

/// The photos of a list, if all that have more than plain letters in their names are there.
fn photos(text: &str, folder: &Path) -> Option<Vec<Vec<PathBuf>>> {
    let pairs = parse(text, folder).ok()?.entries.into_iter().filter_map(|entry| entry.pair.ok());
    let photos: Vec<Vec<PathBuf>> = pairs.map(|pair| pair.photos().collect()).collect();
    let is_plain = |path: &PathBuf| path.to_str().is_some_and(str::is_ascii);
    let fits = photos.iter().flatten().all(|path| is_plain(path) || path.is_file());
    fits.then_some(photos)
}

/// Reads a list from text; relative paths start from `folder`.
fn parse(text: &str, folder: &Path) -> Result<List> {
    let mut readings = Readings::default();
    let lines = if looks_like_json(text) {
        json_lines(text, &mut readings)?
    } else {
        csv_lines(text, &mut readings)?
    };
    ensure!(!lines.is_empty(), "it holds no pairs");
    let mut names = HashMap::new();
    let entry = |(line, parsed): (usize, Result<Line>)| {
        let pair = parsed.and_then(|parsed| listed(parsed, folder, &mut names));
        let pair = pair.with_context(|| format!("line {line} of the list"));
        Entry { line: Some(line), frame: None, pair }
    };
    Ok(List { entries: lines.into_iter().map(entry).collect(), notes: readings.notes() })
}

fn listed(line: Line, folder: &Path, names: &mut Taken) -> Result<ListedPair> {
    ensure!(!line.source.is_empty() && !line.target.is_empty(), "a path is empty");
    let keypoints = line.keypoints.map(|value| Keypoints::from_json(&value));
    let keypoints = keypoints.transpose().context("`keypoints`")?;
    let source = path_from_text(line.source, line.source_escaped).context("`source`")?;
    let target = path_from_text(line.target, line.target_escaped).context("`target`")?;
    let name = line.name.unwrap_or_else(|| format!("{}-to-{}", stem(&source), stem(&target)));
    Ok(ListedPair {
        name: unique(&name, names),
        index: line.index,
        sources: vec![Source { photo: source, drawn: line.transfer.map(PathBuf::from) }],
        target,
        folder: folder.to_owned(),
        keypoints,
        truth: line.truth.map(PathBuf::from),
    })
}

/// A file's name without folder and ending, at most 100 characters.
fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.chars().take(100).collect()
}

/// Bytes of a name, which leave room for endings and numbers in what file systems allow.
const MOST_BYTES: usize = 210;

/// A name that is one file name on every system and cannot be mistaken for one with an ending.
fn safe(name: &str) -> String {
    let keep = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    let mut name: String =
        name.chars().map(|letter| if keep(letter) { letter } else { '_' }).collect();
    let end = (0..=name.len().min(MOST_BYTES)).rfind(|end| name.is_char_boundary(*end));
    name.truncate(end.unwrap_or_default());
    if name.is_empty() { "pair".to_owned() } else { name }
}

/// Names in lower case, as some systems ignore case, and the number that the next of the same name has.
type Taken = HashMap<String, usize>;

/// A name as a file name: itself the first time, then with `-2`, `-3`, ...
fn unique(name: &str, taken: &mut Taken) -> String {
    let name = safe(name);
    let key = name.to_lowercase();
    let Some(mut number) = taken.get(&key).copied() else {
        taken.insert(key, 2);
        return name;
    };
    loop {
        let candidate = format!("{name}-{number}");
        number += 1;
        if let Vacant(free) = taken.entry(candidate.to_lowercase()) {
            free.insert(2);
            taken.insert(key, number);
            return candidate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<Result<ListedPair>> {
        let list = parse(text, Path::new("list")).unwrap();
        list.entries.into_iter().map(|entry| entry.pair).collect()
    }

    fn names(text: &str) -> Vec<String> {
        pairs(text).into_iter().map(|pair| pair.unwrap().name).collect()
    }

    #[test]
    fn csv_with_and_without_a_header_and_json_lines_say_the_same() {
        for text in [
            "a/x.jpg,b/y.png\n",
            "class,target_image,source_image\r\ncar,b/y.png,a/x.jpg\r\n",
            "Source, Target\n\n\"a/x.jpg\", b/y.png",
            "source;target\na/x.jpg;b/y.png",
            "a/x.jpg\tb/y.png",
            "imageA,imageB\na/x.jpg,b/y.png",
            "[{\"source\": \"a/x.jpg\",\n\"target\": \"b/y.png\"}]",
            "[[\"a/x.jpg\", \"b/y.png\"]]",
            "{\n  \"source\": \"a/x.jpg\",\n  \"target\": \"b/y.png\"\n}",
            "\n{\"source\": \"a/x.jpg\", \"target\": \"b/y.png\", \"category\": 3}\n\n",
        ] {
            let pair = pairs(text).remove(0).unwrap();
            let photos: Vec<PathBuf> = pair.photos().collect();
            assert_eq!(photos, [Path::new("list/a/x.jpg"), Path::new("list/b/y.png")], "{text}");
            assert_eq!(pair.sources[0].photo, Path::new("a/x.jpg"));
            assert_eq!(pair.name, "x-to-y");
        }
    }

    #[test]
    fn columns_that_are_empty_behind_do_not_count_and_none_stands_there_twice() {
        assert_eq!(names("a.png,b.png,\nc.png,d.png,,\n"), ["a-to-b", "c-to-d"]);
        let error = |text: &str| format!("{:#}", parse(text, Path::new("")).unwrap_err());
        assert!(error("source,target,source\na,b,c\n").contains("names `source` 2 times"));
        let twice = pairs(r#"{"source": "a", "target": "b", "source": "c"}"#);
        let error = format!("{:#}", twice[0].as_ref().unwrap_err());
        assert!(error.contains("the key `source` stands there twice"), "{error}");
    }

    #[test]
    fn absolute_paths_stay() {
        let pair = pairs("/a/x.jpg,y.jpg").remove(0).unwrap();
        assert_eq!(pair.photos().next().unwrap(), Path::new("/a/x.jpg"));
    }

    #[test]
    fn names_are_unique_and_safe() {
        assert_eq!(
            names("1/x.jpg,y.jpg\n2/x.jpg,y.jpg\nX.png,Y.v2.png\nx.jpg,y.jpg"),
            ["x-to-y", "x-to-y-2", "X-to-Y_v2", "x-to-y-3"]
        );
        assert_eq!(names("source,target,name\na,b,../c d.png\na,b,"), ["___c_d_png", "a-to-b"]);
        let long = format!("{}.jpg,{0}.jpg", "ä".repeat(200));
        assert_eq!(names(&long)[0], format!("{}-to-{}", "ä".repeat(100), "ä".repeat(3)));
        assert_eq!(names("猫.png,犬 1.png"), ["猫-to-犬_1"]);
    }

    #[test]
    fn a_bad_line_is_an_entry_without_a_pair() {
        let error = |text: &str| format!("{:#}", pairs(text).remove(1).unwrap_err());
        assert!(error("a,b\nc\nd,e").contains("line 2 of the list: expected two columns"));
        assert!(error("source,class,target\na,car,b\nc,car").contains("fewer than the header"));
        assert!(error("{\"source\":\"a\",\"target\":\"b\"}\n{\"source\":1}").contains("line 2"));
        let keypoints = "{\"source\":\"a\",\"target\":\"b\"}\n{\"source\":\"a\",\"target\":\"b\",\"keypoints\":[1]}";
        assert!(error(keypoints).contains("`keypoints`: keypoint 0 is 1"));
        assert!(parse("source,target\n", Path::new("")).is_err());
        assert!(parse(" \n", Path::new("")).is_err());
    }

    #[test]
    fn what_is_drawn_on_the_photos_is_named_beside_them() {
        for text in [
            "source,target,transfer,truth\na,b,masks/a.png,masks/b.png\nc,b,,",
            r#"[{"source": "a", "target": "b", "transfer": "masks/a.png", "truth": "masks/b.png"},
                {"source": "c", "target": "b"}]"#,
        ] {
            let pairs: Vec<ListedPair> = pairs(text).into_iter().map(Result::unwrap).collect();
            let drawn =
                |pair: &ListedPair| (pair.sources().next().unwrap().drawn, pair.truth_path());
            let [a, b] = ["a", "b"].map(|name| Some(format!("list/masks/{name}.png").into()));
            assert_eq!(
                pairs.iter().map(drawn).collect::<Vec<_>>(),
                [(a, b), (None, None)],
                "{text}"
            );
        }
    }

    #[test]
    fn many_of_one_name_are_numbered_at_once() {
        let names = names(&"a.jpg,b.jpg\n".repeat(100_000));
        assert_eq!(names[99_999], "a-to-b-100000");
    }

    #[test]
    fn json_lines_carry_keypoints() {
        let pair = pairs(r#"{"source":"a","target":"b","keypoints":[[1,2]]}"#).remove(0).unwrap();
        assert_eq!(pair.keypoints.unwrap().source.len(), 1);
    }

    #[test]
    fn what_is_spelled_otherwise_is_read_and_told() {
        let json = r#"{"source":"a","target":"b","keypoint":[[1,2]]}"#;
        let list = parse(json, Path::new("")).unwrap();
        assert!(list.entries[0].pair.as_ref().unwrap().keypoints.is_some());
        assert_eq!(list.notes, ["`keypoint` is read as `keypoints` (once)"]);
        let list = parse("sourc,target\na,b", Path::new("")).unwrap();
        assert_eq!((list.entries.len(), list.entries[0].line), (1, Some(2)));
        assert_eq!(list.notes, ["`sourc` is read as `source` (once)"]);
        assert!(parse("source_image,target_image\na,b", Path::new("")).unwrap().notes.is_empty());
    }
}
