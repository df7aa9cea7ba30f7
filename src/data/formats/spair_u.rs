//! SPair-U: SPair-71k's test pairs annotated anew (Mariotti et al. 2025). The pairs are those of the folder; the
//! photos are SPair-71k's, which may lie beside it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rayon::prelude::*;

use crate::data::formats::spair71k::annotated_pair;
use crate::data::formats::text::json_files;
use crate::data::formats::{Annotations, Contents, Format, Request};
use crate::data::truth::TruthKind;

/// The layout.
#[derive(Debug)]
pub(crate) struct SpairU;

impl Format for SpairU {
    fn name(&self) -> &'static str {
        "spair-u"
    }

    fn annotations(&self) -> Annotations {
        Annotations { object_boxes: true, truth: TruthKind::Keypoints }
    }

    fn is_there(&self, list: &Path, _: &str) -> bool {
        list.is_dir()
    }

    fn read(&self, &Request { root, list, sizes, .. }: &Request) -> Result<Contents> {
        let files = json_files(list)?;
        let photos = photos(root);
        let pair = |(index, file): (usize, &PathBuf)| annotated_pair(&photos, index, file, sizes);
        let records = files.par_iter().enumerate().map(pair).collect();
        Ok(Contents { records, annotations: files, notes: Vec::new() })
    }
}

/// SPair-71k's photos, if the dataset has none of its own.
fn photos(root: &Path) -> PathBuf {
    let (own, beside) = (root.join("JPEGImages"), root.with_file_name("SPair-71k/JPEGImages"));
    if !own.is_dir() && beside.is_dir() { beside } else { own }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::data::formats::Draw;
    use crate::data::photo::images::ImageSizes;

    #[test]
    fn pairs_are_those_of_the_folder_with_the_photos_of_spair_71k_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (root, photos) =
            (folder.path().join("SPair-U"), folder.path().join("SPair-71k/JPEGImages/cat"));
        let list = root.join("PairAnnotation/test");
        fs::create_dir_all(&list).unwrap();
        fs::create_dir_all(&photos).unwrap();
        for name in ["a.jpg", "b.jpg"] {
            image::RgbImage::new(40, 30).save(photos.join(name)).unwrap();
        }
        for (name, source, target) in
            [("2-b-a:cat", "b.jpg", "a.jpg"), ("1-a-b:cat", "a.jpg", "b.jpg")]
        {
            let pair = json!({
                "category": "cat", "src_imname": source, "trg_imname": target, "src_imsize": [40, 30, 3],
                "trg_imsize": [40, 30, 3], "src_bndbox": [1, 1, 30, 20], "trg_bndbox": [1, 1, 30, 20],
                "src_kps": [[3, 4]], "trg_kps": [[5, 6]], "viewpoint_variation": 0, "scale_variation": 1,
                "truncation": 0, "occlusion": 2,
            });
            fs::write(list.join(format!("{name}.json")), pair.to_string()).unwrap();
        }
        let sizes = ImageSizes::default();
        let contents = SpairU.read(&Request {
            root: &root,
            list: &list,
            split: "test",
            sharing: &["test"],
            draw: Draw::default(),
            categories: &[],
            sizes: &sizes,
        });
        let contents = contents.unwrap();
        let pairs: Vec<_> =
            contents.records.iter().map(|record| record.as_ref().unwrap()).collect();
        assert_eq!((pairs.len(), contents.annotations.len()), (2, 2));
        assert_eq!((pairs[0].index, &pairs[0].source.path), (0, &photos.join("a.jpg")));
    }
}
