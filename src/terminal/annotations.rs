//! Annotations of GitHub's workflows: lines on stderr that its runner shows beside the change.

use std::env;
use std::path::Path;

use crate::failure::fault;
use crate::visible::visible;

/// Something that made a run fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Annotation<'a> {
    /// In a few words.
    pub title: &'a str,
    /// The file it is about.
    pub file: Option<&'a Path>,
    /// What happened.
    pub message: &'a str,
}

/// Whether a workflow of GitHub runs this program.
pub(super) fn are_wanted() -> bool {
    env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// What annotations of an error are called.
pub(super) fn title(error: &anyhow::Error) -> &'static str {
    fault(error).map_or("lpmflow failed", |fault| fault.name())
}

/// An annotation as the runner reads it.
pub(super) fn line(annotation: &Annotation) -> String {
    let Annotation { title, file, message } = annotation;
    let file = file.map(|path| format!("file={},", property(&path.to_string_lossy())));
    let message = data(&visible(message));
    format!("::error {}title={}::{message}", file.unwrap_or_default(), property(title))
}

/// A message as one line, as the runner reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_property_or_the_line_is_escaped() {
        let annotation = Annotation {
            title: "accuracy fell, again",
            file: Some(Path::new("a:b/main.json")),
            message: "50 % -> 40 %\nin all",
        };
        assert_eq!(
            line(&annotation),
            "::error file=a%3Ab/main.json,title=accuracy fell%2C again::50 %25 -> 40 %25%0Ain all"
        );
        let bare = Annotation { file: None, ..annotation };
        assert!(line(&bare).starts_with("::error title=accuracy fell"), "{}", line(&bare));
    }
}
