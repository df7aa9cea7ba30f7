//! Names and twins of parts that the catalog tells and annotations do not.

use std::collections::HashMap;
use std::sync::Arc;

use crate::data::Pair;
use crate::data::catalog::Entry;
use crate::data::parts::Part;

/// Names the parts of pairs as the catalog does: it names numbers, and says which parts are twins.
pub(crate) fn name_parts(pairs: &mut [Pair], entry: &Entry) {
    for pair in pairs {
        let names = entry.parts.get(&pair.category);
        let twins: HashMap<&str, &str> =
            entry.twins.get(&pair.category).map_or_else(HashMap::new, |twins| {
                twins
                    .iter()
                    .flat_map(|[one, other]| [(&**one, &**other), (&**other, &**one)])
                    .collect()
            });
        for part in &mut pair.parts {
            let number = part.name.parse::<usize>().ok();
            if let Some(name) = number.and_then(|number| names?.get(number)) {
                *part = Part::new(name.as_str());
            }
            if let Some(twin) = twins.get(&*part.name) {
                part.twin = Some(Arc::from(*twin));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::AnnotatedImage;
    use crate::data::catalog::Catalog;
    use crate::data::formats::ap_10k;
    use crate::data::truth::Truth;
    use crate::geometry::{Point, Size};

    #[test]
    fn the_catalog_names_numbers_and_twins() {
        let catalog = Catalog::load(None).unwrap();
        let mut entry = catalog.get("spair71k").unwrap().clone();
        let mut pair = numbered("cat", 4);
        name_parts(std::slice::from_mut(&mut pair), &entry);
        assert_eq!(pair.parts[2].twin.as_deref(), Some("3"));
        entry.twins.clear();
        entry
            .parts
            .insert("cat".into(), vec!["left ear".into(), "right ear".into(), "nose".into()]);
        let mut pair = numbered("cat", 4);
        name_parts(std::slice::from_mut(&mut pair), &entry);
        let names: Vec<&str> = pair.parts.iter().map(|part| &*part.name).collect();
        assert_eq!(names, ["left ear", "right ear", "nose", "3"]);
        assert_eq!(pair.parts[1].twin.as_deref(), Some("left ear"));
    }

    #[test]
    fn twins_of_the_shipped_catalog_are_twins_of_each_other() {
        let catalog = Catalog::load(None).unwrap();
        for (name, entry) in catalog.entries() {
            for (category, twins) in &entry.twins {
                assert!(entry.categories.contains(category), "{name}: {category}");
                let mut all: Vec<&String> = twins.iter().flatten().collect();
                let count = all.len();
                all.sort();
                all.dedup();
                assert_eq!(all.len(), count, "{name}: {category}");
            }
        }
        for part in ap_10k::PARTS {
            assert_eq!(
                Part::new(part).twin.is_some(),
                part.contains("left") || part.contains("right")
            );
        }
    }

    /// A pair of a category with numbered parts.
    fn numbered(category: &str, parts: usize) -> Pair {
        let image = AnnotatedImage {
            path: "a.jpg".into(),
            size: Size::square(9),
            keypoints: vec![Point::default(); parts],
            bounding_box: None,
        };
        Pair {
            index: 0,
            category: category.into(),
            source: image.clone(),
            target: image,
            parts: Part::numbered(0..parts),
            difficulty: None,
            mirrored: false,
            truth: Truth::Keypoints,
        }
    }
}
