//! Small annotation files, and what is read from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::data::Pair;
use crate::data::formats::coco::Coco;
use crate::data::formats::{Contents, Draw, Format, Request};
use crate::data::photo::images::ImageSizes;
use crate::geometry::{BoundingBox, Point};

/// A folder of photos of 40 x 30 pixels, and what an annotation tool says of them.
struct Annotations {
    folder: TempDir,
    images: Vec<Value>,
    annotations: Vec<Value>,
    categories: Value,
}

impl Annotations {
    fn new() -> Self {
        let categories = json!([
            {"id": 1, "name": "bird", "keypoints": ["beak", "left wing", "tail"], "skeleton": [[1, 2]]},
            {"id": 2, "name": "cat"},
        ]);
        let folder = tempfile::tempdir().unwrap();
        Self { folder, images: Vec::new(), annotations: Vec::new(), categories }
    }

    fn photo(&mut self, name: &str) {
        let path = self.folder.path().join("images").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::new(40, 30).save(path).unwrap();
        let id = self.images.len() + 1;
        self.images.push(json!({"id": id, "file_name": name, "width": 40, "height": 30}));
    }

    /// An object on the photo that was added last.
    fn object(&mut self, category: usize, keypoints: Value) -> &mut Value {
        let id = self.annotations.len() + 1;
        self.annotations.push(json!({
            "id": id, "image_id": self.images.len(), "category_id": category,
            "keypoints": keypoints, "bbox": [2, 3, 20, 10], "iscrowd": 0,
        }));
        self.annotations.last_mut().unwrap()
    }

    /// Photos of one bird each.
    fn birds(count: usize) -> Self {
        let mut birds = Self::new();
        for number in 0..count {
            birds.photo(&format!("{number}.png"));
            birds.object(1, json!([number, 1, 2, 5, 6, 1, 7, 8, 2]));
        }
        birds
    }

    fn write(&self) {
        let all = json!({
            "info": {}, "images": self.images, "annotations": self.annotations, "categories": self.categories,
        });
        fs::write(self.folder.path().join("result.json"), all.to_string()).unwrap();
    }

    fn read(&self, split: &str) -> anyhow::Result<Contents> {
        self.read_with(split, Draw::default(), &[])
    }

    fn read_with(&self, split: &str, draw: Draw, categories: &[&str]) -> anyhow::Result<Contents> {
        self.write();
        let root = self.folder.path();
        let categories: Vec<String> = categories.iter().map(ToString::to_string).collect();
        let sharing = ["trn", "val", "test"];
        let sizes = ImageSizes::default();
        Coco.read(&Request {
            root,
            list: root,
            split,
            sharing: &sharing,
            draw,
            categories: &categories,
            sizes: &sizes,
        })
    }
}

fn pairs(contents: &Contents) -> Vec<&Pair> {
    contents.records.iter().flatten().collect()
}

fn problems(contents: &Contents) -> Vec<String> {
    let problems = contents.records.iter().filter_map(|record| record.as_ref().err()).flatten();
    problems.map(|problem| problem.detail.clone()).collect()
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn every_ordered_pair_of_a_category_has_the_keypoints_labelled_in_both() {
    let mut annotations = Annotations::new();
    annotations.photo("sub/a.png");
    annotations.object(1, json!([1, 2, 2, 3.5, 4, 1, 0, 0, 0]));
    annotations.object(2, json!([9, 9, 2]));
    annotations.photo("b.png");
    annotations.object(1, json!([0, 0, 0, 5, 6, 2, 7, 8, 2]));
    annotations.photo("c.png");
    annotations.object(2, json!([8, 8, 2]));
    let contents = annotations.read("all").unwrap();
    assert_eq!(problems(&contents), [""; 0]);
    let found: Vec<(&str, String, String)> = pairs(&contents)
        .iter()
        .map(|pair| (&*pair.category, name(&pair.source.path), name(&pair.target.path)))
        .collect();
    let pair =
        |category, source: &str, target: &str| (category, source.to_owned(), target.to_owned());
    assert_eq!(
        found,
        [
            pair("bird", "b", "a"),
            pair("bird", "a", "b"),
            pair("cat", "c", "a"),
            pair("cat", "a", "c")
        ]
    );
    let pair = pairs(&contents)[1];
    assert_eq!(pair.source.keypoints, [Point::new(3.5, 4.0)]);
    assert_eq!(pair.target.keypoints, [Point::new(5.0, 6.0)]);
    assert_eq!(
        pair.source.bounding_box,
        Some(BoundingBox { x1: 2.0, y1: 3.0, x2: 22.0, y2: 13.0 })
    );
    assert!(pairs(&contents).iter().map(|pair| pair.index).eq(0..4));
}

#[test]
fn as_many_pairs_are_drawn_as_wanted_and_equal_seeds_draw_equal_ones() {
    let annotations = Annotations::birds(9);
    let drawn = |seed| {
        let contents = annotations.read_with("all", Draw { seed, pairs: 12 }, &[]).unwrap();
        let named = |pair: &Pair| (name(&pair.source.path), name(&pair.target.path));
        pairs(&contents).into_iter().map(named).collect::<Vec<_>>()
    };
    let first = drawn(1);
    assert_eq!((first.len(), first.iter().collect::<BTreeSet<_>>().len()), (12, 12));
    assert!(first.iter().all(|(source, target)| source != target));
    assert_eq!(first, drawn(1));
    assert_ne!(first, drawn(2));
}

#[test]
fn splits_of_one_file_share_its_photos_out() {
    let annotations = Annotations::birds(10);
    let mut seen = BTreeMap::new();
    for (split, photos) in [("trn", 6), ("val", 2), ("test", 2)] {
        let contents = annotations.read(split).unwrap();
        let names = pairs(&contents).into_iter().map(|pair| name(&pair.source.path));
        let names: BTreeSet<String> = names.collect();
        assert_eq!(
            (names.len(), pairs(&contents).len()),
            (photos, photos * (photos - 1)),
            "{split}"
        );
        names.into_iter().for_each(|name| assert_eq!(seen.insert(name, split), None));
    }
    assert_eq!(pairs(&annotations.read("all").unwrap()).len(), 90);
    let few = Annotations::birds(3).read("test").unwrap();
    assert!(
        few.records.is_empty() && few.notes.iter().any(|note| note.contains("no pair")),
        "{:?}",
        few.notes
    );
}

#[test]
fn where_several_objects_could_be_meant_none_is_drawn() {
    let mut annotations = Annotations::birds(3);
    annotations.photo("two.png");
    annotations.object(1, json!([1, 1, 2, 5, 6, 1, 7, 8, 2]));
    annotations.object(1, json!([2, 1, 2, 5, 6, 1, 7, 8, 2]));
    annotations.photo("crowd.png");
    annotations.object(1, json!([1, 1, 2, 5, 6, 1, 7, 8, 2]));
    annotations.object(1, json!({"counts": []}))["iscrowd"] = json!(1);
    annotations.annotations.last_mut().unwrap()["keypoints"] = Value::Null;
    let contents = annotations.read("all").unwrap();
    assert_eq!(pairs(&contents).len(), 6);
    assert!(contents.notes[0].starts_with("2 photos with several objects"), "{:?}", contents.notes);
}

#[test]
fn objects_without_a_box_get_the_one_around_their_keypoints() {
    let mut annotations = Annotations::birds(1);
    for bounds in [Value::Null, json!([]), json!([0, 0, 0, 0])] {
        annotations.photo(&format!("{}.png", annotations.images.len()));
        annotations.object(1, json!([1, 2, 2, 5, 9, 1, 30, 40, 0]))["bbox"] = bounds;
    }
    let contents = annotations.read("all").unwrap();
    assert_eq!((pairs(&contents).len(), problems(&contents).len()), (12, 0));
    let target = &pairs(&contents)[0].target;
    assert_eq!(target.bounding_box, Some(BoundingBox { x1: 1.0, y1: 2.0, x2: 5.0, y2: 9.0 }));
    assert!(contents.notes[0].starts_with("3 annotations without a box"), "{:?}", contents.notes);
}

#[test]
fn every_fault_of_an_annotation_is_told_with_its_number() {
    let mut annotations = Annotations::birds(2);
    let faults: [(&str, Value, &str); 9] = [
        ("image_id", json!(99), "annotation 3: image 99 is not in the file"),
        ("category_id", json!(7), "annotation 4: category 7 is not in the file"),
        ("keypoints", json!([1, 2, 2]), "annotation 5: 3 numbers of keypoints instead of 9"),
        (
            "keypoints",
            json!([null, 2, 2, 1, 1, 2, 1, 1, 2]),
            "annotation 6: keypoint 0 is labelled",
        ),
        (
            "keypoints",
            json!([1, 2, -1, 1, 1, 2, 1, 1, 2]),
            "annotation 7: keypoint 0 has the visibility -1",
        ),
        ("bbox", json!([1, 2, 3]), "annotation 8: its box is not four numbers"),
        ("bbox", json!([30, 3, 20, 10]), "box 30, 3, 50, 13 of 8.png, 40x30"),
        ("keypoints", json!([99, 2, 2, 1, 1, 2, 1, 1, 2]), "keypoint 0 (99, 2) of 9.png"),
        ("bbox", json!([0, 0, 40.4, 30]), ""),
    ];
    for (number, (key, value, _)) in faults.iter().enumerate() {
        annotations.photo(&format!("{}.png", number + 2));
        annotations.object(1, json!([1, 1, 2, 5, 6, 1, 7, 8, 2]))[*key] = value.clone();
    }
    annotations.photo("missing.png");
    annotations.object(1, json!([1, 1, 2, 5, 6, 1, 7, 8, 2]));
    fs::remove_file(annotations.folder.path().join("images/missing.png")).unwrap();
    annotations.photo("wide.png");
    annotations.object(1, json!([1, 1, 2, 5, 6, 1, 7, 8, 2]));
    annotations.images.last_mut().unwrap()["width"] = json!(50);
    let contents = annotations.read("all").unwrap();
    let problems = problems(&contents);
    let wanted = faults.iter().map(|(_, _, wanted)| *wanted).filter(|wanted| !wanted.is_empty());
    for wanted in wanted.chain(["no photo `missing.png` below", "annotated as 50x30, is 40x30"]) {
        assert!(problems.iter().any(|problem| problem.contains(wanted)), "{wanted}: {problems:#?}");
    }
    assert_eq!((problems.len(), pairs(&contents).len()), (10, 6));
}

#[test]
fn categories_may_be_chosen_and_a_wrong_one_gets_the_nearest() {
    let mut annotations = Annotations::birds(2);
    annotations.object(2, json!([1, 1, 2]));
    annotations.photo("cat.png");
    annotations.object(2, json!([1, 1, 2]));
    let read = |categories: &[&str]| annotations.read_with("all", Draw::default(), categories);
    assert_eq!(pairs(&read(&["cat"]).unwrap()).len(), 2);
    let error = read(&["brid"]).unwrap_err().to_string();
    assert!(error.contains("`brid` (did you mean `bird`?); there are: bird, cat"), "{error}");
}

#[test]
fn pairs_may_be_listed_in_a_file() {
    let mut annotations = Annotations::birds(3);
    annotations.photo("nest/two.png");
    annotations.object(1, json!([1, 1, 2, 5, 6, 1, 7, 8, 2]));
    annotations.object(1, json!([2, 1, 2, 5, 6, 1, 7, 8, 2]));
    let list = annotations.folder.path().join("test_pairs.csv");
    fs::write(
        &list,
        "target;source;target_annotation\n2.png;0.png\ntwo.png;1.png;5\ntwo.png;1.png\n9.png;0.png\n;0.png\n",
    )
    .unwrap();
    let contents = annotations.read("test").unwrap();
    let found = pairs(&contents);
    assert_eq!(found.len(), 2);
    assert_eq!(
        (name(&found[0].source.path), name(&found[0].target.path)),
        ("0".into(), "2".into())
    );
    assert_eq!(found[1].target.keypoints[0], Point::new(2.0, 1.0));
    let problems = problems(&contents);
    assert!(problems[0].contains("give `category`, or `source_annotation`"), "{problems:#?}");
    assert!(problems[1].contains("no annotated photo is called `9.png`"), "{problems:#?}");
    assert!(problems[2].contains("needs a source and a target"), "{problems:#?}");
    assert!(contents.annotations.contains(&list));
    fs::write(&list, "a.png,b.png\n").unwrap();
    let error = format!("{:#}", annotations.read("test").unwrap_err());
    assert!(error.contains("names no columns `source` and `target`"), "{error}");
}

#[test]
fn parts_are_the_same_by_name_in_whatever_order_a_file_has_them() {
    let mut annotations = Annotations::birds(1);
    annotations.categories = json!([
        {"id": 1, "name": "bird", "keypoints": ["beak", "wing", "tail"]},
        {"id": 2, "name": "bird", "keypoints": ["tail", "beak"]},
    ]);
    annotations.photo("other.png");
    annotations.object(2, json!([11, 11, 2, 22, 22, 2]));
    let contents = annotations.read("all").unwrap();
    let pair = pairs(&contents)[0];
    assert_eq!(pair.source.keypoints, [Point::new(0.0, 1.0), Point::new(7.0, 8.0)]);
    assert_eq!(pair.target.keypoints, [Point::new(22.0, 22.0), Point::new(11.0, 11.0)]);
}
