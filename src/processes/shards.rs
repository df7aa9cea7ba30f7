//! A part of a list for each of several processes.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::str::FromStr;

/// One of several parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Its number, from 0.
    pub index: usize,
    /// How many there are.
    pub count: usize,
}

impl Shard {
    /// Which of so many items in a row are this part's: parts differ by one item at most.
    pub(crate) fn of(self, items: usize) -> Range<usize> {
        let start = |index| (index * items) / self.count;
        start(self.index)..start(self.index + 1)
    }
}

impl Display for Shard {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('/').and_then(|(index, count)| {
            Some(Self { index: index.trim().parse().ok()?, count: count.trim().parse().ok()? })
        });
        let shard = numbers.filter(|shard| shard.index < shard.count && shard.count <= 1 << 32);
        shard.ok_or_else(|| "a part is I/N, the part number I from 0 of N, as 0/8".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_there_is_and_nearly_equal() {
        for (items, count) in [(10, 3), (2, 4), (0, 2), (7, 1)] {
            let parts: Vec<_> = (0..count).map(|index| Shard { index, count }.of(items)).collect();
            assert!(parts.iter().cloned().flatten().eq(0..items));
            let lengths: Vec<usize> = parts.iter().map(Range::len).collect();
            assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn parts_are_numbered_from_0() {
        assert_eq!("2/3".parse(), Ok(Shard { index: 2, count: 3 }));
        for text in ["3/3", "1", "-1/3", "a/b", "0/0", "/", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
