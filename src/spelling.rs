//! Names typed wrongly: which of the known ones was meant.

/// Least likeness of two names, from 0 to 1, of which one may be meant by the other.
const LIKE: f64 = 0.65;

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

/// Jaro and Winkler's measure knows names that were cut short, Damerau and Levenshtein's short ones with two
/// letters exchanged.
fn likeness(first: &str, second: &str) -> f64 {
    strsim::jaro_winkler(first, second).max(strsim::normalized_damerau_levenshtein(first, second))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_name_like_no_other_gets_no_suggestion() {
        let known = ["spair71k", "pf-pascal"];
        assert_eq!(nearest("imagenet", known), None);
        assert_eq!(meant("imagenet", known) + &meant("", known) + &meant("toy", []), "");
    }
}
