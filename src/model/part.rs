//! Parts of a model that come in several kinds: how a kind is chosen by its name in a configuration, and how
//! its settings are read, written and compared without anyone knowing the kind.

use std::fmt::{self, Debug, Formatter};
use std::ops::Deref;
use std::sync::Arc;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// The key under which a configuration names the kind.
const KIND: &str = "kind";

/// The name by which configurations choose a kind.
pub(crate) trait Tagged {
    /// As in `{"kind": "vit"}`.
    const KIND: &'static str;
}

/// The settings of some kind.
pub(crate) trait Settings: Debug + Send + Sync + 'static {
    /// The kind's name.
    fn kind(&self) -> &'static str;

    /// The settings as JSON, without the kind's name.
    ///
    /// # Errors
    /// When a number has no JSON form.
    fn to_json(&self) -> serde_json::Result<Value>;
}

impl<T: Tagged + Serialize + Debug + Send + Sync + 'static> Settings for T {
    fn kind(&self) -> &'static str {
        T::KIND
    }

    fn to_json(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

/// One kind in a list of kinds.
pub(crate) struct Kind<P: ?Sized> {
    /// Its name.
    pub name: &'static str,
    /// Reads its settings.
    pub read: fn(Value) -> serde_json::Result<Arc<P>>,
}

/// A part that comes in several kinds.
pub(crate) trait Family: Settings {
    /// What the part is called.
    const PART: &'static str;

    /// The kinds there are.
    fn kinds() -> &'static [Kind<Self>];
}

/// A kind with its settings; in configurations `{"kind": NAME, ...}`.
pub(crate) struct Chosen<P: ?Sized>(Arc<P>);

impl<P: ?Sized> Chosen<P> {
    /// These settings, of whatever kind they are.
    pub(crate) fn of(settings: Arc<P>) -> Self {
        Self(settings)
    }
}

impl<P: ?Sized> Clone for Chosen<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: ?Sized> Deref for Chosen<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}

impl<P: Debug + ?Sized> Debug for Chosen<P> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<P: Settings + ?Sized> PartialEq for Chosen<P> {
    fn eq(&self, other: &Self) -> bool {
        self.0.kind() == other.0.kind() && self.0.to_json().ok() == other.0.to_json().ok()
    }
}

impl<P: Settings + ?Sized> Serialize for Chosen<P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = Map::from_iter([(KIND.to_owned(), Value::from(self.0.kind()))]);
        match self.0.to_json().map_err(S::Error::custom)? {
            Value::Object(settings) => entries.extend(settings),
            // A kind without settings.
            Value::Null => {}
            _ => return Err(S::Error::custom("settings are a table")),
        }
        entries.serialize(serializer)
    }
}

impl<'de, P: Family + ?Sized> Deserialize<'de> for Chosen<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = Map::deserialize(deserializer)?;
        let name = settings.remove(KIND).ok_or_else(|| D::Error::missing_field(KIND))?;
        let kinds = P::kinds();
        let kind = kinds.iter().find(|kind| name == kind.name).ok_or_else(|| {
            let names: Vec<String> = kinds.iter().map(|kind| format!("`{}`", kind.name)).collect();
            D::Error::custom(format!(
                "unknown {} {name}, expected one of {}",
                P::PART,
                names.join(", ")
            ))
        })?;
        let read = (kind.read)(Value::Object(settings));
        read.map(Self).map_err(|error| D::Error::custom(format!("{} {name}: {error}", P::PART)))
    }
}
