//! Rust's text as words and signs, without comments, literals, and what is for tests alone.

/// The words and signs of a text: names, numbers, `::`, and every other sign alone.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '"' => quoted(rest, '"'),
            '\'' if is_character(rest) => quoted(rest, '\''),
            ':' if rest.starts_with("::") => keep(&mut found, rest, 2),
            _ if is_word(first) => {
                let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                match raw_string(&rest[..word], &rest[word..]) {
                    Some(literal) => word + literal,
                    None => keep(&mut found, rest, word),
                }
            }
            _ if first.is_whitespace() => first.len_utf8(),
            _ => keep(&mut found, rest, first.len_utf8()),
        };
        rest = &rest[length..];
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn keep<'a>(found: &mut Vec<&'a str>, rest: &'a str, length: usize) -> usize {
    found.push(&rest[..length]);
    length
}

/// The length of a comment that may hold others.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let (change, length) = match () {
            () if rest.starts_with("/*") => (1, 2),
            () if rest.starts_with("*/") => (-1, 2),
            () => (0, rest.chars().next().map_or(1, char::len_utf8)),
        };
        depth += change;
        at += length;
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a literal that begins and ends with `mark`.
fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == mark => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether a `'` begins a character, not a lifetime.
fn is_character(text: &str) -> bool {
    let mut following = text.chars().skip(1);
    following.next() == Some('\\') || following.next() == Some('\'')
}

/// The length of the raw string whose prefix `word` stands before `rest`.
fn raw_string(word: &str, rest: &str) -> Option<usize> {
    if !["r", "br", "cr"].contains(&word) {
        return None;
    }
    let marks = rest.len() - rest.trim_start_matches('#').len();
    let content = rest[marks..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(marks));
    Some(marks + 1 + content.find(&end)? + end.len())
}

/// What of a file counts, and the modules in files of their own that do not.
pub struct Code<'a> {
    pub tokens: Vec<&'a str>,
    pub test_modules: Vec<&'a str>,
}

/// A file's code without items, fields and elements under `#[cfg(test)]`.
pub fn code(text: &str) -> Code<'_> {
    let all = tokens(text);
    let mut code = Code { tokens: Vec::new(), test_modules: Vec::new() };
    let mut at = 0;
    while at < all.len() {
        if is_inner_test_attribute(&all[at..]) {
            return Code { tokens: Vec::new(), test_modules: code.test_modules };
        }
        if !is_test_attribute(&all[at..]) {
            code.tokens.push(all[at]);
            at += 1;
            continue;
        }
        while all.get(at) == Some(&"#") {
            at += group(&all[at + 1..]) + 1;
        }
        let item = &all[at..];
        let words = item.iter().position(|&token| token == "mod").unwrap_or(0);
        if words <= 4 && item.get(words) == Some(&"mod") && item.get(words + 2) == Some(&";") {
            code.test_modules.push(item[words + 1]);
        }
        at += item_length(item);
    }
    code
}

fn is_test_attribute(tokens: &[&str]) -> bool {
    tokens.starts_with(&["#", "[", "cfg", "(", "test"])
        || tokens.starts_with(&["#", "[", "cfg", "(", "all", "(", "test"])
}

fn is_inner_test_attribute(tokens: &[&str]) -> bool {
    tokens.first() == Some(&"#") && tokens.get(1) == Some(&"!") && {
        let outer = [&["#"], &tokens[2..]].concat();
        is_test_attribute(&outer)
    }
}

/// The length of what begins with an opening bracket, up to its partner.
fn group(tokens: &[&str]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        depth += change(token);
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn change(token: &str) -> i32 {
    match token {
        "(" | "[" | "{" => 1,
        ")" | "]" | "}" => -1,
        _ => 0,
    }
}

/// The length of the item, statement, field, arm or element at the beginning.
fn item_length(tokens: &[&str]) -> usize {
    let start = match tokens.first() {
        Some(&"pub") if tokens.get(1) == Some(&"(") => 1 + group(&tokens[1..]),
        Some(&"pub") => 1,
        _ => 0,
    };
    let kind = tokens.get(start).copied().unwrap_or_default();
    let is_list_part = ![
        "async", "const", "enum", "extern", "fn", "impl", "let", "mod", "static", "struct",
        "trait", "type", "unsafe", "use",
    ]
    .contains(&kind);
    let ends_with_brace = match kind {
        "let" | "static" | "type" | "use" => false,
        "const" => tokens.get(start + 1) == Some(&"fn"),
        _ => true,
    };
    let mut depth = 0;
    for (at, &token) in tokens.iter().enumerate().skip(start) {
        depth += change(token);
        match token {
            _ if depth < 0 => return at,
            ";" if depth == 0 => return at + 1,
            "," if depth == 0 && is_list_part => return at + 1,
            "}" if depth == 0 && ends_with_brace => {
                return at + 1 + usize::from(is_list_part && tokens.get(at + 1) == Some(&","));
            }
            _ => {}
        }
    }
    tokens.len()
}

#[test]
fn comments_and_literals_are_no_words() {
    let text = "a::b /* c /* d */ e */ \"f \\\" g\" 'h' '\\'' <'i> r#\"j \" k\"# b\"l\" // m\nn1";
    assert_eq!(tokens(text), ["a", "::", "b", "<", "'", "i", ">", "b", "n1"]);
}

#[test]
fn what_is_for_tests_alone_is_left_out_and_nothing_else() {
    let left = |text: &'static str| code(text).tokens.concat();
    assert_eq!(left("#[cfg(test)] mod tests { use a; fn f() {} } b"), "b");
    assert_eq!(left("&[A, #[cfg(test)] TOY, B]"), "&[A,B]");
    assert_eq!(left("&[A, #[cfg(test)] TOY]"), "&[A,]");
    assert_eq!(left("#[cfg(test)] pub(crate) fn f<A, B>(x: [A; 2]) -> B { x; } b"), "b");
    assert_eq!(left("#[cfg(test)] #[path = \"c\"] use a::{b, c}; d"), "d");
    assert_eq!(left("#[cfg(test)] const A: T = T { x: 1 }; b"), "b");
    assert_eq!(left("match x { #[cfg(test)] A => { f(); } B => 1 }"), "matchx{B=>1}");
    assert_eq!(left("#[cfg(unix)] mod a {}"), "#[cfg(unix)]moda{}");
    assert_eq!(left("#![cfg(test)] mod a {}"), "");
    let code = code("#[cfg(test)] pub(crate) mod fields; mod real;");
    assert_eq!((code.test_modules, code.tokens), (vec!["fields"], vec!["mod", "real", ";"]));
}
