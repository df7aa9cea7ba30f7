//! COCO's run lengths: how many pixels are out and in turn by turn, column by column.

use anyhow::{Context, Result, ensure};

use crate::data::outline::Mask;
use crate::geometry::Size;

/// The mask of run lengths.
///
/// # Errors
/// When they are more or fewer than the pixels.
pub(super) fn mask_of_counts(counts: &[usize], size: Size) -> Result<Mask> {
    let total = counts.iter().try_fold(0_usize, |sum, count| sum.checked_add(*count));
    ensure!(
        total == Some(size.area()),
        "its run lengths are for another number of pixels than {size} has"
    );
    let mut inside = vec![false; size.area()];
    let mut at = 0;
    for (index, count) in counts.iter().enumerate() {
        if index % 2 == 1 {
            for pixel in at..at + count {
                inside[pixel % size.height * size.width + pixel / size.height] = true;
            }
        }
        at += count;
    }
    Ok(Mask::from_fn(size, |row, column| inside[row * size.width + column]))
}

/// The run lengths of a mask.
pub(super) fn counts_of_mask(mask: &Mask) -> Vec<usize> {
    let (mut counts, mut run, mut current) = (Vec::new(), 0, false);
    for column in 0..mask.size.width {
        for row in 0..mask.size.height {
            if mask.at(row, column) != current {
                counts.push(run);
                (run, current) = (0, !current);
            }
            run += 1;
        }
    }
    counts.push(run);
    counts
}

/// Run lengths that pycocotools packed into text: six bits a letter, low ones first, from the third on as differences
/// to the last but one.
///
/// # Errors
/// When the text is none.
pub(super) fn counts_of_text(text: &str) -> Result<Vec<usize>> {
    let mut counts: Vec<i64> = Vec::new();
    let (mut value, mut shift) = (0_i64, 0);
    for letter in text.bytes() {
        let bits = letter
            .checked_sub(48)
            .filter(|bits| *bits < 64)
            .context("its run lengths are no text of COCO's")?;
        ensure!(shift < 60, "one of its run lengths is too large");
        value |= i64::from(bits & 0x1f) << shift;
        shift += 5;
        if bits & 0x20 != 0 {
            continue;
        }
        if bits & 0x10 != 0 {
            value |= -1 << shift;
        }
        if counts.len() > 2 {
            value += counts[counts.len() - 2];
        }
        counts.push(value);
        (value, shift) = (0, 0);
    }
    let count = |count: i64| usize::try_from(count).context("one of its run lengths is negative");
    counts.into_iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size::new(3, 4);

    #[test]
    fn run_lengths_and_masks_say_the_same() {
        for counts in [vec![0, 12], vec![12], vec![4, 1, 2, 3, 2], vec![0, 1, 10, 1]] {
            let mask = mask_of_counts(&counts, SIZE).unwrap();
            assert_eq!(counts_of_mask(&mask), counts);
        }
        let mask = mask_of_counts(&[4, 1, 7], SIZE).unwrap();
        assert!(mask.at(1, 1), "column by column");
        assert!(mask_of_counts(&[4, 1, 6], SIZE).is_err());
        assert!(mask_of_counts(&[usize::MAX, 2], SIZE).is_err());
    }

    #[test]
    fn packed_run_lengths_are_read_as_pycocotools_packs_them() {
        // As pycocotools 2.0 packs them.
        for (text, counts) in [
            ("g04600000i1", vec![23, 4, 6, 4, 6, 4, 6, 4, 63]),
            ("011020N0000", vec![0, 1, 1, 1, 3, 1, 1, 1, 1, 1, 1]),
            ("Zj7d:l10k`U2`EP_QO", vec![8010, 340, 60, 340, 71255, 4, 39991]),
        ] {
            assert_eq!(counts_of_text(text).unwrap(), counts, "{text}");
        }
        assert!(counts_of_text("\u{1}").is_err());
        assert!(counts_of_text(&"o".repeat(30)).is_err());
    }
}
