//! What the columns of a report hold: PCK at an alpha, or a measure of areas.

use crate::eval::areas::AreaMeasure;
use crate::eval::protocol::Protocol;

/// One column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Column {
    /// PCK at this alpha.
    Pck(f64),
    /// A measure of areas.
    Area(AreaMeasure),
}

/// The alpha by which reports are compared, where it was asked for.
const HEADLINE_ALPHA: f64 = 0.1;

/// The alpha that decides among `alphas`, which ascend: 0.1 if it is there, else the largest.
fn headline_alpha(alphas: &[f64]) -> f64 {
    let usual = alphas.iter().find(|alpha| **alpha == HEADLINE_ALPHA);
    usual.or(alphas.last()).copied().unwrap_or(HEADLINE_ALPHA)
}

impl Column {
    /// The columns of protocols for one dataset: `alphas`, unless they measure areas.
    pub(crate) fn all(protocols: &[Protocol], alphas: &[f64]) -> Vec<Self> {
        match protocols.iter().any(Protocol::measures_areas) {
            true => AreaMeasure::ALL.map(Self::Area).to_vec(),
            false => alphas.iter().copied().map(Self::Pck).collect(),
        }
    }

    /// The one that decides: PCK at 0.1 if it was asked for, else at the largest alpha; of areas IoU.
    pub(crate) fn headline(protocols: &[Protocol], alphas: &[f64]) -> Self {
        match protocols.iter().any(Protocol::measures_areas) {
            true => Self::Area(AreaMeasure::Union),
            false => Self::Pck(headline_alpha(alphas)),
        }
    }

    /// The alpha, of PCK.
    pub(crate) fn alpha(self) -> Option<f64> {
        match self {
            Self::Pck(alpha) => Some(alpha),
            Self::Area(_) => None,
        }
    }

    /// What reports call it: the alpha, or the measure's name.
    pub(crate) fn key(self) -> String {
        match self {
            Self::Pck(alpha) => alpha.to_string(),
            Self::Area(measure) => measure.name().to_owned(),
        }
    }

    /// Its title in print.
    pub(crate) fn label(self) -> String {
        label(&self.key())
    }
}

/// Whether a report calls a column so whose numbers are PCK at an alpha.
pub(crate) fn is_alpha(key: &str) -> bool {
    key.parse::<f64>().is_ok()
}

/// The title of a column that a report calls so.
pub(crate) fn label(key: &str) -> String {
    if is_alpha(key) { format!("PCK@{key}") } else { key.to_owned() }
}

/// By how much a score got worse that changed by so much: what a report calls LOC-ERR is better where it is less.
pub(crate) fn fall(key: &str, difference: f64) -> f64 {
    if key == AreaMeasure::Localization.name() { difference } else { -difference }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::protocol;

    #[test]
    fn areas_have_columns_of_their_own() {
        let columns = |name, layout| {
            let protocols = [protocol(name, layout).unwrap()];
            let all = Column::all(&protocols, &[0.05, 0.2]);
            let labels: Vec<String> = all.into_iter().map(Column::label).collect();
            (labels, Column::headline(&protocols, &[0.05, 0.2]).key())
        };
        let (labels, headline) = columns("standard", "spair71k");
        assert_eq!((labels, headline.as_str()), (vec!["PCK@0.05".into(), "PCK@0.2".into()], "0.2"));
        let (labels, headline) = columns("areas", "caltech-101");
        assert_eq!(labels, ["LT-ACC", "IoU", "LOC-ERR"]);
        assert_eq!(headline, "IoU");
        assert_eq!((fall("IoU", -2.0), fall("LOC-ERR", -2.0)), (2.0, -2.0));
        assert_eq!(headline_alpha(&[0.05, 0.1, 0.15]), 0.1);
    }
}
