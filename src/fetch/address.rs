//! Where a file is: at an address of the web, or in a folder of this machine.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::visible::Shown;

/// Where a file is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Address {
    /// At an address of the web.
    Web(String),
    /// On this machine.
    Local(PathBuf),
}

impl Address {
    /// A file of this name below `from`, a folder or an address of the web.
    pub(super) fn below(from: &str, name: &str) -> Self {
        match is_web(from) {
            true => Self::Web(format!("{}/{name}", from.trim_end_matches('/'))),
            false => Self::Local(PathBuf::from(from).join(name)),
        }
    }
}

fn is_web(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme))
}

impl Display for Address {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(address) => write!(formatter, "{}", crate::visible::one_line(address)),
            Self::Local(path) => write!(formatter, "`{}`", path.shown()),
        }
    }
}

/// The name of the file at an address of the web.
pub(super) fn name(address: &str) -> &str {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_places_keep_the_name() {
        assert_eq!(name("https://a.org/b/c.zip?download=1"), "c.zip");
        let web = Address::below("http://b.org/d/", "c.zip");
        assert_eq!(web, Address::Web("http://b.org/d/c.zip".into()));
        assert_eq!(Address::below("d", "c.zip"), Address::Local("d/c.zip".into()));
    }
}
