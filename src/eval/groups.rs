//! The groups that pairs are scored in: by category, and by each kind of difficulty.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::data::Pair;

/// Positions of pairs by kind of difficulty (`viewpoint`), then by grade (`hard`).
pub(crate) type Grades = IndexMap<String, IndexMap<String, Vec<usize>>>;

/// The positions of each category's pairs.
pub(crate) fn categories(pairs: &[&Pair]) -> BTreeMap<String, Vec<usize>> {
    let mut members: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (position, pair) in pairs.iter().enumerate() {
        members.entry(pair.category.clone()).or_default().push(position);
    }
    members
}

/// The positions of each grade's pairs; `None` unless all pairs are graded.
pub(crate) fn difficulties(pairs: &[&Pair]) -> Option<Grades> {
    const STEPS: &[&str] = &["easy", "medium", "hard"];
    const PLACES: &[&str] = &["none", "source", "target", "both"];
    let graded: Vec<_> = pairs.iter().map(|pair| pair.difficulty).collect::<Option<_>>()?;
    let members = |names: &[&str], grades: Vec<u8>| {
        let of_grade = |(grade, name): (usize, &&str)| {
            let positions =
                grades.iter().enumerate().filter(|(_, other)| usize::from(**other) == grade);
            (name.to_string(), positions.map(|(position, _)| position).collect::<Vec<_>>())
        };
        let grades = names.iter().enumerate().map(of_grade);
        grades.filter(|(_, positions)| !positions.is_empty()).collect()
    };
    Some(IndexMap::from([
        ("viewpoint".into(), members(STEPS, graded.iter().map(|grade| grade.viewpoint).collect())),
        ("scale".into(), members(STEPS, graded.iter().map(|grade| grade.scale).collect())),
        (
            "truncation".into(),
            members(PLACES, graded.iter().map(|grade| grade.truncation).collect()),
        ),
        ("occlusion".into(), members(PLACES, graded.iter().map(|grade| grade.occlusion).collect())),
    ]))
}
