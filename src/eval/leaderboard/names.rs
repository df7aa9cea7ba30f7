//! What systems are called.

use std::path::{Component, Path, absolute};

use crate::eval::report::{ModelKind, Report};
use crate::visible::Shown;

/// What reports are called: their weights, or the file that holds stored predictions; where two would be called the same,
/// the report's own file tells them apart, with as many of its folders as that takes.
pub(crate) fn distinct_names(reports: &[Report], files: &[&Path]) -> Vec<String> {
    let name = |report: &Report| match report.model.kind {
        ModelKind::Predictions => stem(Path::new(&report.model.weights)),
        ModelKind::Network | ModelKind::Baseline => report.model.weights.clone(),
    };
    told_apart(&reports.iter().map(name).collect::<Vec<_>>(), files)
}

fn stem(path: &Path) -> String {
    path.file_stem().map(Path::new).unwrap_or(path).shown().to_string()
}

/// The names, the same ones with their files.
fn told_apart(names: &[String], files: &[&Path]) -> Vec<String> {
    let told = |(name, file): (&String, &&Path)| {
        let others = names.iter().zip(files).filter(|(other, _)| *other == name);
        let same: Vec<Vec<String>> = others.map(|(_, file)| parts(file)).collect();
        match same.len() {
            1 => name.clone(),
            _ => format!("{name} ({})", end(&parts(file), depth(&same))),
        }
    };
    names.iter().zip(files).map(told).collect()
}

/// A file's folders and its stem.
fn parts(file: &Path) -> Vec<String> {
    let whole = absolute(file).unwrap_or_else(|_| file.to_owned());
    let folders = whole.parent().into_iter().flat_map(Path::components);
    let names = folders.filter_map(|part| match part {
        Component::Normal(name) => Some(Path::new(name).shown().to_string()),
        _ => None,
    });
    names.chain([stem(file)]).collect()
}

/// How many of their last parts tell files apart; one, where nothing does.
fn depth(files: &[Vec<String>]) -> usize {
    let deepest = files.iter().map(Vec::len).max().unwrap_or_default();
    let differ = |depth: &usize| {
        let mut ends: Vec<String> = files.iter().map(|parts| end(parts, *depth)).collect();
        ends.sort();
        ends.windows(2).all(|pair| pair[0] != pair[1])
    };
    (1..=deepest).find(differ).unwrap_or(1)
}

fn end(parts: &[String], depth: usize) -> String {
    parts[parts.len().saturating_sub(depth)..].join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(named: &[(&str, &str)]) -> Vec<String> {
        let names: Vec<String> = named.iter().map(|(name, _)| (*name).to_owned()).collect();
        let files: Vec<&Path> = named.iter().map(|(_, file)| Path::new(file)).collect();
        told_apart(&names, &files)
    }

    #[test]
    fn files_tell_systems_of_one_name_apart_with_folders_only_where_it_takes_them() {
        let files = [("a", "1/x.json"), ("lite", "old.json"), ("lite", "new.json")];
        assert_eq!(told(&files), ["a", "lite (old)", "lite (new)"]);
        let folders =
            [("a", "ra/report.json"), ("lite", "rb/report.json"), ("lite", "./rc/report.json")];
        assert_eq!(told(&folders), ["a", "lite (rb/report)", "lite (rc/report)"]);
        let deeper = [("lite", "a/eval/report.json"), ("lite", "../b/eval/report.json")];
        assert_eq!(told(&deeper), ["lite (a/eval/report)", "lite (b/eval/report)"]);
        let same = [("lite", "a.json"), ("lite", "a.json")];
        assert_eq!(told(&same), ["lite (a)", "lite (a)"]);
    }
}
