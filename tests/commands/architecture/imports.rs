//! What a file's code names: its `use` trees and its paths.

use std::collections::BTreeSet;

/// A path as it is written, one segment each.
pub type Path = Vec<String>;

/// One leaf of a `use` tree.
#[derive(Debug, PartialEq)]
pub struct Import {
    pub path: Path,
    /// What the file calls it; `*` for everything in it.
    pub name: String,
    /// Whether it is passed on with `pub use`.
    pub public: bool,
}

/// Everything that a file's code names.
#[derive(Debug, Default)]
pub struct Names {
    pub imports: Vec<Import>,
    /// Paths of two and more segments outside `use`.
    pub paths: BTreeSet<Path>,
    /// All words outside `use`.
    pub words: BTreeSet<String>,
}

/// Reads the names in a file's tokens.
pub fn names(tokens: &[&str]) -> Names {
    let mut names = Names::default();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] == "use" {
            let end = at + tokens[at..].iter().position(|&token| token == ";").unwrap_or(0);
            let public = at > 0 && (tokens[at - 1] == "pub" || ends_with_visibility(&tokens[..at]));
            let mut tree = Tree { tokens: &tokens[at + 1..end.max(at + 1)], public, found: vec![] };
            tree.read(&[]);
            names.imports.append(&mut tree.found);
            at = end.max(at) + 1;
            continue;
        }
        if is_name(tokens[at]) {
            names.words.insert(tokens[at].to_owned());
            let path = path(&tokens[at..]);
            let continues = at > 0 && ["::", "."].contains(&tokens[at - 1]);
            let is_visibility = at > 2 && tokens[at - 3..at] == ["pub", "(", "in"];
            if path.len() > 1 && !continues && !is_visibility {
                names.paths.insert(path.iter().map(|&segment| segment.to_owned()).collect());
            }
        }
        at += 1;
    }
    names
}

/// Whether the tokens end with `pub(...)`.
fn ends_with_visibility(tokens: &[&str]) -> bool {
    tokens.last() == Some(&")")
        && tokens
            .iter()
            .rposition(|&token| token == "(")
            .is_some_and(|open| open > 0 && tokens[open - 1] == "pub")
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The segments `a::b::c` at the beginning.
fn path<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    let mut segments = vec![tokens[0]];
    let mut rest = &tokens[1..];
    while let ["::", name, ..] = rest
        && is_name(name)
    {
        segments.push(name);
        rest = &rest[2..];
    }
    segments
}

/// A `use` tree that is being read.
struct Tree<'a> {
    tokens: &'a [&'a str],
    public: bool,
    found: Vec<Import>,
}

impl Tree<'_> {
    fn read(&mut self, prefix: &[String]) {
        let mut path = prefix.to_vec();
        while let Some((&token, rest)) = self.tokens.split_first() {
            self.tokens = rest;
            match token {
                "::" => {}
                "{" => return self.read_group(&path),
                "*" => return self.add(path, "*"),
                name => {
                    // `self` in a group is the group's own module.
                    if name != "self" || path.is_empty() {
                        path.push(name.to_owned());
                    }
                    match self.tokens {
                        ["::", ..] => {}
                        ["as", alias, rest @ ..] => {
                            self.tokens = rest;
                            return self.add(path, alias);
                        }
                        _ => {
                            let name = path[path.len() - 1].clone();
                            return self.add(path, &name);
                        }
                    }
                }
            }
        }
    }

    fn read_group(&mut self, prefix: &[String]) {
        while let Some(&token) = self.tokens.first() {
            match token {
                "}" => {
                    self.tokens = &self.tokens[1..];
                    return;
                }
                "," => self.tokens = &self.tokens[1..],
                _ => self.read(prefix),
            }
        }
    }

    fn add(&mut self, path: Path, name: &str) {
        self.found.push(Import { path, name: name.to_owned(), public: self.public });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    fn imports(text: &str) -> Vec<String> {
        let show = |import: Import| {
            let public = if import.public { "pub " } else { "" };
            format!("{public}{} = {}", import.name, import.path.join("::"))
        };
        names(&tokens(text)).imports.into_iter().map(show).collect()
    }

    #[test]
    fn use_trees_of_every_form_are_read() {
        assert_eq!(imports("use crate::a::B;"), ["B = crate::a::B"]);
        assert_eq!(
            imports("use crate::{a, b::{self, c::{D, E as F}, *}, super::g,};"),
            [
                "a = crate::a",
                "b = crate::b",
                "D = crate::b::c::D",
                "F = crate::b::c::E",
                "* = crate::b",
                "g = crate::super::g"
            ]
        );
        assert_eq!(
            imports("use self::a as b; use super::super::c;"),
            ["b = self::a", "c = super::super::c"]
        );
        assert_eq!(
            imports("pub use a::B; pub(crate) use a::{C, D};"),
            ["pub B = a::B", "pub C = a::C", "pub D = a::D"]
        );
        assert_eq!(imports("pub fn f() { use ::std::fs; }"), ["fs = std::fs"]);
    }

    #[test]
    fn paths_in_code_are_read_as_far_as_they_go() {
        let text =
            "fn f(x: crate::a::B<c::D>) -> Vec::<E> { super::g(x.h::<I>()) } pub(in crate::j) k";
        let paths: Vec<String> =
            names(&tokens(text)).paths.iter().map(|path| path.join("::")).collect();
        assert_eq!(paths, ["c::D", "crate::a::B", "super::g"]);
    }
}
