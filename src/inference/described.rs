//! Photos as a backbone sees them, and what it says of them.

use std::collections::HashMap;

use crate::inference::frame::{Frame, FrameKey};
use crate::model::features::{Features, Role};

/// Tells apart what a backbone sees: a photo, and in which role if that makes a difference.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Seen {
    photo: FrameKey,
    /// The source's where roles make no difference.
    pub role: Role,
}

impl Seen {
    /// A photo in a role.
    pub(super) fn new(frame: &Frame, role: Role, tells_roles: bool) -> Self {
        let role = if tells_roles { role } else { Role::Source };
        Self { photo: frame.key.clone(), role }
    }
}

/// The features of photos.
#[derive(Debug)]
pub(super) struct Described {
    features: HashMap<Seen, Features>,
    tells_roles: bool,
}

impl Described {
    /// Of no photo.
    pub(super) fn new(tells_roles: bool) -> Self {
        Self { features: HashMap::new(), tells_roles }
    }

    /// Whether a photo is among them.
    pub(super) fn has(&self, seen: &Seen) -> bool {
        self.features.contains_key(seen)
    }

    /// Adds those of a photo.
    pub(super) fn insert(&mut self, seen: Seen, features: Features) {
        self.features.insert(seen, features);
    }

    /// The features of a photo in its role.
    ///
    /// # Panics
    /// When it is not among them.
    pub(super) fn of(&self, frame: &Frame, role: Role) -> &Features {
        &self.features[&Seen::new(frame, role, self.tells_roles)]
    }

    /// Those of one pair alone; no value is copied.
    pub(super) fn of_pair(&self, (source, target): &(Frame, Frame)) -> Self {
        let own = [(source, Role::Source), (target, Role::Target)].map(|(frame, role)| {
            let seen = Seen::new(frame, role, self.tells_roles);
            (seen, self.of(frame, role).shallow_clone())
        });
        Self { features: HashMap::from(own), tells_roles: self.tells_roles }
    }

    /// The features of the sources and of the targets of a batch.
    pub(super) fn sides(&self, pairs: &[(Frame, Frame)]) -> [Features; 2] {
        let side = |parts: Vec<&Features>| Features::cat(&parts);
        [
            side(pairs.iter().map(|pair| self.of(&pair.0, Role::Source)).collect()),
            side(pairs.iter().map(|pair| self.of(&pair.1, Role::Target)).collect()),
        ]
    }

    /// The same photos with other features.
    pub(super) fn map(self, change: impl Fn(Features) -> Features) -> Self {
        let features = self.features.into_iter().map(|(seen, features)| (seen, change(features)));
        Self { features: features.collect(), tells_roles: self.tells_roles }
    }
}
