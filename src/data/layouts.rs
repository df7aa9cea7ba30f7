//! The one list of dataset layouts. A further one is a file of its own in `data/formats` and a line here;
//! everything else goes by this list.

use std::fmt::{self, Debug, Display, Formatter};
use std::ops::Deref;
use std::str::FromStr;

use anyhow::{Context, Result};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::data::formats::Format;
use crate::data::formats::ap_10k::Ap10k;
use crate::data::formats::caltech::Caltech;
use crate::data::formats::coco::Coco;
use crate::data::formats::pf_pascal::PfPascal;
use crate::data::formats::pf_willow::PfWillow;
use crate::data::formats::spair_u::SpairU;
use crate::data::formats::spair71k::Spair71k;
use crate::data::formats::tss::Tss;
use crate::spelling::meant;

/// The layouts there are.
const LAYOUTS: &[&dyn Format] = &[
    &Spair71k,
    &PfPascal,
    &PfWillow,
    &SpairU,
    &Ap10k,
    &Coco,
    &Tss,
    &Caltech,
    #[cfg(test)]
    &crate::data::formats::toy::Toy,
];

/// The names of the layouts.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    LAYOUTS.iter().map(|layout| layout.name())
}

/// A layout of the list, chosen by its name.
#[derive(Clone, Copy)]
pub(crate) struct Layout(&'static dyn Format);

impl Deref for Layout {
    type Target = dyn Format;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl FromStr for Layout {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        let layout = LAYOUTS.iter().find(|layout| layout.name() == name);
        layout.map(|layout| Self(*layout)).with_context(|| {
            let known: Vec<&str> = names().collect();
            format!(
                "there is no layout `{name}`{}; there are: {}",
                meant(name, names()),
                known.join(", ")
            )
        })
    }
}

impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Layout {}

impl Display for Layout {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl Debug for Layout {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        Debug::fmt(self.name(), formatter)
    }
}

impl Serialize for Layout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.name().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Layout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_read_back_by_their_names_which_differ() {
        let names: Vec<&str> = names().collect();
        for name in &names {
            let layout: Layout = name.parse().unwrap();
            assert_eq!(layout.name(), *name);
            assert_eq!(serde_json::to_value(layout).unwrap(), *name);
            assert_eq!(names.iter().filter(|other| other == &name).count(), 1, "{name}");
        }
    }

    #[test]
    fn an_unknown_layout_gets_those_there_are_and_the_nearest() {
        let error = "pf-wilow".parse::<Layout>().unwrap_err().to_string();
        assert!(error.contains("`pf-wilow` (did you mean `pf-willow`?); there are: "), "{error}");
        assert!(error.contains("spair71k, pf-pascal, pf-willow"), "{error}");
    }
}
