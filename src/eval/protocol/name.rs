//! The one list of protocols, and their names. A further protocol is its definition in a file of this folder
//! and a line here; everything else goes by this list.

use std::fmt::{self, Debug, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use anyhow::{Context, Result};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::eval::protocol::areas::AREAS;
use crate::eval::protocol::authors::{ACTR, PAPER, PAPER_IMAGE};
use crate::eval::protocol::conventions::{IMAGE, KEYPOINT_BOX, PER_KEYPOINT, STANDARD};
use crate::eval::protocol::definition::Definition;
use crate::eval::protocol::evaluators::{
    CATS, CHM, DHPF, DIY_SC, GEOAWARE_IMAGE, GEOAWARE_POINT, MARCO, MMNET, NCNET, SCOT,
};
use crate::spelling::meant;

/// The protocols there are, in the order help texts list them.
pub(crate) const PROTOCOLS: &[&Definition] = &[
    &PAPER,
    &PAPER_IMAGE,
    &STANDARD,
    &PER_KEYPOINT,
    &IMAGE,
    &KEYPOINT_BOX,
    &AREAS,
    &GEOAWARE_POINT,
    &GEOAWARE_IMAGE,
    &DIY_SC,
    &MARCO,
    &ACTR,
    &CATS,
    &NCNET,
    &DHPF,
    &CHM,
    &SCOT,
    &MMNET,
    #[cfg(test)]
    &crate::eval::protocol::toy::TOY,
];

/// The names of the protocols, in that order.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PROTOCOLS.iter().map(|definition| definition.name)
}

/// The name of a protocol of the list.
#[derive(Clone, Copy)]
pub(crate) struct ProtocolName(&'static Definition);

impl ProtocolName {
    /// All protocols, in the order help texts list them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        PROTOCOLS.iter().map(|definition| Self(definition))
    }

    /// The name as users type it.
    pub(crate) const fn as_str(self) -> &'static str {
        self.0.name
    }

    /// What there is to say of the protocol.
    pub(crate) const fn definition(self) -> &'static Definition {
        self.0
    }
}

impl FromStr for ProtocolName {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::all().find(|protocol| protocol.as_str() == name).with_context(|| {
            let known: Vec<&str> = names().collect();
            format!(
                "there is no protocol `{name}`{}; there are: {}",
                meant(name, names()),
                known.join(", ")
            )
        })
    }
}

impl PartialEq for ProtocolName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ProtocolName {}

impl Hash for ProtocolName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Display for ProtocolName {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Debug for ProtocolName {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        Debug::fmt(self.as_str(), formatter)
    }
}

impl Serialize for ProtocolName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ProtocolName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::layouts::{self, Layout};
    use crate::eval::protocol::definition::Fit;

    #[test]
    fn names_are_read_back_and_match_their_serialised_form() {
        for name in ProtocolName::all() {
            assert_eq!(name.as_str().parse::<ProtocolName>().unwrap(), name);
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
            assert_eq!(serde_json::from_value::<ProtocolName>(name.as_str().into()).unwrap(), name);
        }
        let error = "pck".parse::<ProtocolName>().unwrap_err().to_string();
        assert!(error.contains("`pck`") && error.contains("keypoint-box"), "{error}");
        let error = "standart".parse::<ProtocolName>().unwrap_err().to_string();
        assert!(error.contains("did you mean `standard`?"), "{error}");
    }

    #[test]
    fn names_differ_and_protocols_that_do_not_fit_name_ones_that_do() {
        for name in names() {
            assert_eq!(names().filter(|other| *other == name).count(), 1, "{name}");
        }
        let layouts: Vec<Layout> = layouts::names().map(|name| name.parse().unwrap()).collect();
        let both =
            PROTOCOLS.iter().flat_map(|one| layouts.iter().map(move |layout| (one, *layout)));
        for (definition, layout) in both {
            let Fit::Unfit { instead, .. } = definition.fit(layout) else { continue };
            for other in instead.split('`').skip(1).step_by(2) {
                let other = other.parse::<ProtocolName>().unwrap().definition();
                assert!(matches!(other.fit(layout), Fit::Fits { .. }), "{}", other.name);
            }
        }
    }
}
