//! Which file uses which, and the circles among them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::imports::{Names, names};
use super::tokens::code;

/// Files, each with those that it uses.
pub type Uses = BTreeMap<String, BTreeSet<String>>;

/// Re-exports of re-exports that are followed.
const DEPTH: usize = 8;

/// The modules of the library: their files, and what those name.
struct Modules {
    by_path: BTreeMap<Vec<String>, (String, Names)>,
}

/// Who uses whom among the files of the library (paths within `src`, with their texts). Tests, `mod`
/// declarations and names that are only passed on do not count, and a name that is passed on counts as
/// its own file.
pub fn uses(sources: &[(String, String)]) -> Uses {
    let modules = Modules::read(sources);
    let edges = |(module, (file, names)): (&Vec<String>, &(String, Names))| {
        let imported = names
            .imports
            .iter()
            .filter(|import| !import.public || names.words.contains(&import.name))
            .map(|import| &import.path);
        let used = imported.chain(&names.paths);
        let mut used: BTreeSet<String> =
            used.filter_map(|path| modules.file_of(module, path, DEPTH)).collect();
        used.remove(file);
        (file.clone(), used)
    };
    modules.by_path.iter().map(edges).collect()
}

impl Modules {
    fn read(sources: &[(String, String)]) -> Self {
        let mut by_path = BTreeMap::new();
        let mut of_tests = Vec::new();
        for (file, text) in sources.iter().filter(|(file, _)| file != "main.rs") {
            let module = module(file);
            let code = code(text);
            for name in code.test_modules {
                of_tests.push([&module[..], &[name.to_owned()]].concat());
            }
            by_path.insert(module, (file.clone(), names(&code.tokens)));
        }
        by_path.retain(|module, _| !of_tests.iter().any(|tests| module.starts_with(tests)));
        Self { by_path }
    }

    /// The file that holds what a path names, if that is one of ours.
    fn file_of(&self, from: &[String], path: &[String], depth: usize) -> Option<String> {
        let first = path.first()?;
        let mut module = from.to_vec();
        let mut rest = path;
        match first.as_str() {
            "crate" => {
                module.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
            }
            name if self.child(from, name).is_some() => {}
            name => {
                let (_, names) = self.by_path.get(from)?;
                let import = names.imports.iter().find(|import| import.name == name)?;
                let whole = [&import.path[..], &path[1..]].concat();
                // `use a::a` names something else than itself.
                let depth = depth.checked_sub(1)?;
                return self.file_of(from, &whole, depth);
            }
        }
        while let Some(child) = rest.first().and_then(|name| self.child(&module, name)) {
            module = child;
            rest = &rest[1..];
        }
        let (file, names) = self.by_path.get(&module)?;
        let passed_on = rest.first().and_then(|name| {
            let import = names.imports.iter().find(|i| i.public && i.name == *name)?;
            self.file_of(&module, &import.path, depth.checked_sub(1)?)
        });
        Some(passed_on.unwrap_or_else(|| file.clone()))
    }

    fn child(&self, module: &[String], name: &str) -> Option<Vec<String>> {
        let child = [module, &[name.to_owned()]].concat();
        self.by_path.contains_key(&child).then_some(child)
    }
}

/// The module of a file: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The groups of files each of which uses every other by way of the group.
pub fn circles(uses: &Uses) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        uses.keys().map(|file| (file, reached(uses, file))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (&file, files) in &reached {
        if files.contains(file) && !found.iter().any(|circle| circle.contains(file)) {
            let both_ways = files.iter().filter(|other| reached[**other].contains(file));
            found.push(both_ways.map(|&other| other.clone()).collect());
        }
    }
    found
}

/// Everything that is used from `start` on, itself only when it is come back to.
fn reached<'a>(uses: &'a Uses, start: &'a String) -> BTreeSet<&'a String> {
    let mut found = BTreeSet::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(file) = waiting.pop_front() {
        for used in uses.get(file).into_iter().flatten() {
            if found.insert(used) {
                waiting.push_back(used);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(files: &[(&str, &str)]) -> Uses {
        let own = |&(file, text): &(&str, &str)| (file.to_owned(), text.to_owned());
        uses(&files.iter().map(own).collect::<Vec<_>>())
    }

    fn used(graph: &Uses, file: &str) -> Vec<String> {
        graph[file].iter().cloned().collect()
    }

    #[test]
    fn groups_aliases_and_relative_paths_lead_to_files() {
        let graph = graph(&[
            ("lib.rs", "pub mod a; pub mod b;"),
            ("a/mod.rs", "pub mod c; pub mod d; use crate::{b::{self, e::{F, G as H}}};"),
            ("a/c.rs", "use super::d::X; fn f() { crate::b::e::g(); std::fs::read(); Vec::new() }"),
            ("a/d.rs", "fn f() { super::c::f() }"),
            ("b/mod.rs", "mod e; fn f() -> e::F { e::F }"),
            ("b/e.rs", "use crate::a as first; fn f() { first::c::f() }"),
        ]);
        assert_eq!(used(&graph, "a/mod.rs"), ["b/e.rs", "b/mod.rs"]);
        assert_eq!(used(&graph, "a/c.rs"), ["a/d.rs", "b/e.rs"]);
        assert_eq!(used(&graph, "a/d.rs"), ["a/c.rs"]);
        assert_eq!(used(&graph, "b/mod.rs"), ["b/e.rs"]);
        assert_eq!(used(&graph, "b/e.rs"), ["a/c.rs", "a/mod.rs"]);
        assert!(used(&graph, "lib.rs").is_empty(), "declarations do not count");
    }

    #[test]
    fn a_name_that_is_passed_on_counts_as_its_own_file() {
        let parent = "mod child; pub(crate) use child::Thing; pub struct Other;";
        let mut files = [
            ("a/mod.rs", parent),
            ("a/child.rs", "use crate::a::Other; pub struct Thing;"),
            ("b.rs", "use crate::a::Thing;"),
        ];
        assert_eq!(used(&graph(&files), "b.rs"), ["a/child.rs"]);
        assert!(circles(&graph(&files)).is_empty(), "the parent does not use what it passes on");
        let uses_it = format!("{parent} fn f(thing: Thing) {{}}");
        files[0].1 = &uses_it;
        assert_eq!(circles(&graph(&files)).len(), 1);
    }

    #[test]
    fn tests_do_not_count() {
        let graph = graph(&[
            ("a/mod.rs", "#[cfg(test)] mod toy; const LIST: &[T] = &[A, #[cfg(test)] toy::TOY];"),
            ("a/toy.rs", "use crate::b::B;"),
            ("b.rs", "use crate::a::A; #[cfg(test)] mod tests { use crate::c::C; }"),
            ("c.rs", "use crate::b::B;"),
        ]);
        assert!(!graph.contains_key("a/toy.rs") && circles(&graph).is_empty(), "{graph:?}");
    }

    #[test]
    fn circles_of_any_length_are_found_and_told_apart() {
        let graph = graph(&[
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "fn f() { crate::c::f() }"),
            ("c.rs", "use crate::{d::D, a};"),
            ("d.rs", "use crate::e::E;"),
            ("e.rs", "use crate::d::D;"),
            ("f.rs", "use crate::a::A;"),
        ]);
        let found: Vec<String> = circles(&graph)
            .iter()
            .map(|circle| circle.iter().cloned().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(found, ["a.rs b.rs c.rs", "d.rs e.rs"]);
    }
}
