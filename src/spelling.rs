//! Words in messages: which of the known names was meant by one typed wrongly, the first of too many, and counted
//! things.

use std::fmt::Display;

/// Least likeness of two names, from 0 to 1, of which one may be meant by the other.
const LIKE: f64 = 0.65;

/// Names that a shortened list shows.
const SHOWN: usize = 5;

/// The known name that is most like `wrong`, if one is like it at all.
pub(crate) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (likeness(wrong, name), name))
        .filter(|(likeness, _)| *likeness >= LIKE)
        .max_by(|(first, _), (second, _)| first.total_cmp(second))
        .map(|(_, name)| name)
}

/// For an error, right after the wrong name: `` (did you mean `NAME`?)``; nothing where no name is near.
pub(crate) fn meant<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, known).map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// The names, or the first of them and how many more there are: hundreds would hide what else is said.
pub(crate) fn shortened<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Whether `wrong` is plainly `right` with a letter or two typed wrongly; short names leave no room for that.
pub(crate) fn is_misspelt(wrong: &str, right: &str) -> bool {
    let letters = right.chars().count();
    let allowed = match letters {
        0..=4 => 0,
        5..=8 => 1,
        _ => 2,
    };
    // Most words are too long or too short, which is seen a hundred times sooner.
    wrong.chars().count().abs_diff(letters) <= allowed
        && strsim::damerau_levenshtein(wrong, right) <= allowed
}

/// A number of things: `1 pair`, `2 pairs`.
pub(crate) fn counted(count: impl Display, thing: &str) -> String {
    let count = count.to_string();
    let plural = if count == "1" { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// Jaro and Winkler's measure knows names that were cut short, Damerau and Levenshtein's short ones with two
/// letters exchanged.
fn likeness(first: &str, second: &str) -> f64 {
    strsim::jaro_winkler(first, second).max(strsim::normalized_damerau_levenshtein(first, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_shows_its_beginning_and_its_length() {
        let names: Vec<String> = (0..150).map(|index| format!("blocks.{index}")).collect();
        assert_eq!(shortened(&names[..2]), "blocks.0, blocks.1");
        let text = shortened(&names);
        assert!(
            text.starts_with("blocks.0, ") && text.ends_with("blocks.4 and 145 more"),
            "{text}"
        );
    }

    #[test]
    fn typing_errors_find_the_name_that_was_meant() {
        let known = ["spair71k", "pf-pascal", "pf-willow", "toy", "dog"];
        for (wrong, right) in [
            ("spair-71k", "spair71k"),
            ("spair", "spair71k"),
            ("pf-wilow", "pf-willow"),
            ("pascal", "pf-pascal"),
            ("dgo", "dog"),
        ] {
            assert_eq!(nearest(wrong, known), Some(right), "{wrong}");
        }
        assert_eq!(meant("toys", known), " (did you mean `toy`?)");
    }

    #[test]
    fn a_misspelt_name_differs_by_a_letter_or_two() {
        for (wrong, right) in [("keypoint", "keypoints"), ("tagret", "target"), ("name", "name")] {
            assert!(is_misspelt(wrong, right), "{wrong}");
        }
        for (wrong, right) in [("game", "name"), ("points", "keypoints"), ("category", "target")] {
            assert!(!is_misspelt(wrong, right), "{wrong}");
        }
    }

    #[test]
    fn one_thing_is_no_several() {
        let found = [0, 1, 2, 11].map(|count| counted(count, "training pair"));
        assert_eq!(
            found,
            ["0 training pairs", "1 training pair", "2 training pairs", "11 training pairs"]
        );
    }

    #[test]
    fn a_name_like_no_other_gets_no_suggestion() {
        let known = ["spair71k", "pf-pascal"];
        assert_eq!(nearest("imagenet", known), None);
        assert_eq!(meant("imagenet", known) + &meant("", known) + &meant("toy", []), "");
    }
}
