//! Files that are nearly right: a few changes to one that is.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// Most changes to one file.
const MOST_CHANGES: usize = 6;

/// Bytes below which size hardly decides how often a file is changed.
const EVEN: usize = 256;

/// Longest file that changes make.
const LONGEST: usize = 1 << 16;

/// Numbers at which readers change their minds.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// Pieces of text that mean something to one reader or another.
const WORDS: [&str; 28] = [
    "\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ";",
    "\n",
    "\r\n",
    "\\u0000",
    "\u{feff}",
    "null",
    "true",
    "NaN",
    "1e999",
    "-1",
    "18446744073709551616",
    "0.0000000000000000000001",
    "[[",
    "]]",
    "{}",
    "[]",
    "..",
    "/",
    "__metadata__",
    "data_offsets",
    "\u{1b}[31m",
];

/// A changed copy of one of the files.
pub fn mutated(rng: &mut impl Rng, files: &[Vec<u8>]) -> (usize, Vec<u8>) {
    let chosen = pick(rng, files);
    let mut bytes = files[chosen].clone();
    for _ in 0..rng.random_range(1..=MOST_CHANGES) {
        let other = &files[pick(rng, files)];
        change(rng, &mut bytes, other);
    }
    bytes.truncate(LONGEST);
    (chosen, bytes)
}

/// One of the files; the small ones more often, as each change says more of them and takes less time.
fn pick(rng: &mut impl Rng, files: &[Vec<u8>]) -> usize {
    let numbered: Vec<usize> = (0..files.len()).collect();
    let weight = |index: &usize| 1.0 / (EVEN + files[*index].len()) as f64;
    *numbered.choose_weighted(rng, weight).expect("there are files, and no weight is 0")
}

fn change(rng: &mut impl Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = rng.random_range(0..=bytes.len());
    match rng.random_range(0..11) {
        0 => replace(bytes, at, &[1 << rng.random_range(0..8)], |old, bit| old ^ bit),
        1 => replace(bytes, at, &[rng.random()], |_, new| new),
        2 => number(rng, bytes, at),
        3 => digits(rng, bytes, at),
        4 => insert(bytes, at, WORDS[rng.random_range(0..WORDS.len())].as_bytes()),
        5 => drop(bytes.drain(part(rng, bytes.len()))),
        6 => bytes.truncate(at),
        7 => {
            let again = bytes[part(rng, bytes.len())].to_vec();
            let times = if rng.random_ratio(1, 8) { 200 } else { 1 };
            insert(bytes, at, &again.repeat(times.min(LONGEST / again.len().max(1))));
        }
        8 => insert(bytes, at, &other[part(rng, other.len())]),
        9 => {
            let (from, to) = (part(rng, other.len()), at);
            replace(bytes, to, &other[from], |_, new| new);
        }
        _ => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[part(rng, other.len()).start..]);
        }
    }
}

/// A part of so many bytes, mostly a short one.
fn part(rng: &mut impl Rng, length: usize) -> std::ops::Range<usize> {
    let start = rng.random_range(0..=length);
    let longest = if rng.random_ratio(1, 4) { length - start } else { (length - start).min(16) };
    start..start + rng.random_range(0..=longest)
}

fn replace(bytes: &mut [u8], at: usize, new: &[u8], join: impl Fn(u8, u8) -> u8) {
    for (old, new) in bytes[at..].iter_mut().zip(new) {
        *old = join(*old, *new);
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    if bytes.len() + new.len() <= LONGEST {
        drop(bytes.splice(at..at, new.iter().copied()));
    }
}

/// One of the [`EDGES`], or near one, in one to eight bytes of either order.
fn number(rng: &mut impl Rng, bytes: &mut [u8], at: usize) {
    let edge =
        EDGES[rng.random_range(0..EDGES.len())].wrapping_add_signed(rng.random_range(-1..=1));
    let width = 1 << rng.random_range(0..4);
    let new = edge.to_le_bytes();
    let mut new = new[..width].to_vec();
    if rng.random() {
        new.reverse();
    }
    replace(bytes, at, &new, |_, new| new);
}

/// Another number in place of the next one that is written in digits.
fn digits(rng: &mut impl Rng, bytes: &mut Vec<u8>, at: usize) {
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit) else { return };
    let start = at + start;
    let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let edge = EDGES[rng.random_range(0..EDGES.len())].to_string();
    drop(bytes.splice(start..start + length, edge.into_bytes()));
}
