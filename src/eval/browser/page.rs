//! The page's frame; what moves in it is `browser.js`.

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::eval::browser::data::Data;
use crate::eval::browser::subject::Browser;
use crate::page::{head, maker};
use crate::spelling::counted;
use crate::visible::visible_json;

const STYLE: &str = include_str!("browser.css");
const SCRIPT: &str = include_str!("browser.js");

/// The script in the page is all that it may run.
const POLICY: &str = "; script-src 'unsafe-inline'";

/// What the pages call their maker.
pub(super) const MAKER: &str = "lpmflow pairs";

/// What a page is one of.
pub(super) struct Frame<'a> {
    /// What it shows.
    pub title: &'a str,
    /// Whether there is an `index.html` beside it.
    pub back: bool,
}

/// Kinds of difficulty and their grades, as SPair-71k numbers them.
const DIFFICULTY: [(&str, &str, &[&str]); 4] = [
    ("viewpoint", "Viewpoint", &["easy", "medium", "hard"]),
    ("scale", "Scale", &["easy", "medium", "hard"]),
    ("truncation", "Truncation", &["none", "source", "target", "both"]),
    ("occlusion", "Occlusion", &["none", "source", "target", "both"]),
];

/// The page of the pairs at some positions.
///
/// # Errors
/// When a pair cannot be measured.
pub(super) fn page_of(browser: &Browser, positions: &[usize], frame: &Frame) -> Result<String> {
    Ok(page(&Data::new(browser, positions)?, frame))
}

fn page(data: &Data, frame: &Frame) -> String {
    // A text that closes the element would end the data.
    let json = serde_json::to_string(data).unwrap_or_default().replace('<', "\\u003c");
    let json = visible_json(&json).into_owned();
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(&format!("{}: {}", frame.title, counted(data.pairs.len(), "pair")), STYLE, POLICY, &maker(MAKER)))
            body {
                header {
                    @if frame.back { p.back { a href="index.html" { "All categories" } } }
                    h1 { (frame.title) }
                    p.lead { (counted(data.pairs.len(), "pair")) " under " code { (data.protocol) }
                        ". Choose a pair to see it large; point at a keypoint, or tap it, to see it everywhere." }
                    (tools(data))
                }
                main {
                    p #count role="status" {}
                    ul.marks {
                        li { svg viewBox="-8 -8 16 16" aria-hidden="true" { circle.right r="5" {} } "right" }
                        li { svg viewBox="-8 -8 16 16" aria-hidden="true" { (PreEscaped("<path class=\"wrong\" d=\"M-4 -4L4 4M-4 4L4 -4\"></path>")) } "wrong" }
                        li { svg viewBox="-8 -8 16 16" aria-hidden="true" { circle.ring r="5.5" {} } "where it should be, with what alpha allows" }
                        li #judge {}
                    }
                    div #pairs {}
                    div #more aria-hidden="true" {}
                    noscript { p { "This page needs its script to show anything." } }
                }
                dialog #large aria-label="A pair, large" {}
                script #data type="application/json" { (PreEscaped(json)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

fn tools(data: &Data) -> Markup {
    // A kind of which all pairs have one grade chooses nothing.
    let differs = |kind: usize| {
        let mut grades = data.pairs.iter().map(|pair| pair.grade(kind));
        let first = grades.next();
        grades.any(|grade| Some(grade) != first)
    };
    html! {
        form #tools {
            (choice("one", "System", &names(&data.systems)))
            @if data.systems.len() > 1 {
                (choice("other", "Beside", &[vec![("".to_owned(), "none".to_owned())], names(&data.systems)].concat()))
            }
            (choice("alpha", "Alpha", &names(&data.alphas)))
            (choice("order", "Order", &named(&[("worst", "worst first"), ("best", "best first"),
                ("lost", "most lost first"), ("gained", "most gained first"), ("list", "as in the list")])))
            (choice("show", "Show", &named(&[("", "all"), ("lost", "something lost"), ("gained", "something gained"),
                ("none", "nothing right"), ("all", "all right")])))
            @if data.categories.len() > 1 { (choice("category", "Class", &all(&data.categories))) }
            @if !data.parts.is_empty() { (choice("part", "Keypoint", &all(&data.parts))) }
            @for (place, (kind, title, grades)) in DIFFICULTY.iter().enumerate() {
                @if differs(place) {
                    @let grades: Vec<String> = grades.iter().map(ToString::to_string).collect();
                    (choice(kind, title, &all(&grades)))
                }
            }
            label { "Find" input #find type="search" placeholder="name of a photo" autocomplete="off"; }
        }
    }
}

fn choice(id: &str, label: &str, options: &[(String, String)]) -> Markup {
    html! {
        label { (label) select id=(id) autocomplete="off" {
            @for (value, text) in options { option value=(value) { (text) } }
        } }
    }
}

/// Options whose values are their positions.
fn names(names: &[String]) -> Vec<(String, String)> {
    names.iter().enumerate().map(|(number, name)| (number.to_string(), name.clone())).collect()
}

/// The same after one for all of them.
fn all(all: &[String]) -> Vec<(String, String)> {
    let mut sorted = names(all);
    sorted.sort_by(|(_, one), (_, other)| {
        (one.parse::<usize>().unwrap_or(usize::MAX), one)
            .cmp(&(other.parse::<usize>().unwrap_or(usize::MAX), other))
    });
    [vec![(String::new(), "all".to_owned())], sorted].concat()
}

fn named(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|(value, text)| ((*value).to_owned(), (*text).to_owned())).collect()
}
