//! Polygons, boxes and keypoints of one photo, as COCO's annotation files have them.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::data::lists::json;
use crate::data::outline::Mask;
use crate::geometry::{Point, Size};
use crate::predict::annotation::extent::Extent;
use crate::predict::annotation::outline::without_splinters;
use crate::predict::transferred::digits;
use crate::visible::Shown;

/// What a file says of one photo.
#[derive(Debug)]
pub(crate) struct Shapes {
    /// The photo's size, if the file states it.
    pub size: Option<Size>,
    head: Head,
    objects: Vec<Object>,
}

/// What a file says beside its photos and annotations, as it stands there.
#[derive(Clone, Debug, Default, Serialize)]
struct Head {
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licenses: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    categories: Option<Box<RawValue>>,
}

/// An annotation as it is written: as numbers one by one it would take many times the memory.
type Fields = IndexMap<String, Box<RawValue>>;

/// One annotation.
#[derive(Debug)]
struct Object {
    /// All that stands there.
    fields: Fields,
    extent: Option<Extent>,
    /// Each with its visibility.
    keypoints: Vec<(Point, f64)>,
}

/// How shapes move from one photo to another.
pub(crate) trait Carry {
    /// The size of the photo that they come to.
    fn target(&self) -> Size;
    /// The pixels of the target that show those of a mask of the source.
    fn mask(&self, mask: &Mask) -> Mask;
    /// Where a point of the source lies in the target, if that is certain enough.
    fn point(&self, point: Point) -> Option<Point>;
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    images: Vec<Image<'a>>,
    #[serde(borrow)]
    annotations: Vec<&'a RawValue>,
    #[serde(borrow)]
    info: Option<&'a RawValue>,
    #[serde(borrow)]
    licenses: Option<&'a RawValue>,
    #[serde(borrow)]
    categories: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Image<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    file_name: String,
    width: Option<usize>,
    height: Option<usize>,
}

/// What is said of the target.
#[derive(Serialize)]
pub(crate) struct Carried {
    #[serde(flatten)]
    head: Head,
    images: [CarriedImage; 1],
    annotations: Vec<Fields>,
    /// Annotations of which nothing was found.
    #[serde(skip)]
    pub lost: usize,
}

/// The target's number among the images, of which it is the only one.
const TARGET: u8 = 1;

#[derive(Serialize)]
struct CarriedImage {
    id: u8,
    file_name: String,
    width: usize,
    height: usize,
}

#[derive(Deserialize)]
struct Of<'a> {
    #[serde(borrow)]
    image_id: &'a RawValue,
}

impl Shapes {
    /// What a text says of a photo, which it names by its file, or is alone about.
    ///
    /// # Errors
    /// When the text is no such file, or has nothing of the photo.
    pub(super) fn parse(text: &str, photo: &Path) -> Result<Self> {
        let file: File = json::whole(text)
            .context("expected COCO's annotations: `images`, `annotations` and `categories`")?;
        let name = photo.file_name();
        let mut named =
            file.images.iter().filter(|image| Path::new(&image.file_name).file_name() == name);
        let image = match (named.next(), named.next(), file.images.as_slice()) {
            (Some(image), None, _) | (None, None, [image]) => image,
            (Some(_), Some(_), _) => bail!("several of its images are called `{}`", photo.shown()),
            _ => bail!(
                "none of its {} images is called as `{}` is",
                file.images.len(),
                photo.shown()
            ),
        };
        let size = image.width.zip(image.height).map(|(width, height)| Size::new(height, width));
        let mut objects = Vec::new();
        for (index, annotation) in file.annotations.iter().enumerate() {
            let context = || format!("annotation {index}");
            let of: Of = serde_json::from_str(annotation.get()).with_context(context)?;
            if of.image_id.get() == image.id.get() {
                let fields = serde_json::from_str(annotation.get()).with_context(context)?;
                objects.push(Object::new(fields).with_context(context)?);
            }
        }
        ensure!(!objects.is_empty(), "it has no annotation of `{}`", photo.shown());
        let [info, licenses, categories] =
            [file.info, file.licenses, file.categories].map(|value| value.map(RawValue::to_owned));
        Ok(Self { size, head: Head { info, licenses, categories }, objects })
    }

    /// The same annotations on the target photo.
    ///
    /// # Errors
    /// When run lengths are not the source's.
    pub(crate) fn carried(
        &self,
        source: Size,
        carry: &impl Carry,
        target: &Path,
    ) -> Result<Carried> {
        let carried = |(index, object): (usize, &Object)| {
            object
                .carried(source, carry)
                .with_context(|| format!("annotation {index} of the photo"))
        };
        let carried: Vec<Option<Fields>> =
            self.objects.iter().enumerate().map(carried).collect::<Result<_>>()?;
        let lost = carried.iter().filter(|object| object.is_none()).count();
        let Size { height, width } = carry.target();
        let name = target.file_name().unwrap_or(target.as_os_str()).to_string_lossy();
        Ok(Carried {
            images: [CarriedImage { id: TARGET, file_name: name.into_owned(), width, height }],
            annotations: carried.into_iter().flatten().collect(),
            head: self.head.clone(),
            lost,
        })
    }
}

impl Object {
    fn new(fields: Fields) -> Result<Self> {
        let given =
            |key: &str| fields.get(key).map(|value| value.get()).filter(|text| !is_empty(text));
        let extent = match (given("segmentation"), given("bbox")) {
            (Some(text), _) => Some(Extent::of_segmentation(text).context("`segmentation`")?),
            (None, Some(text)) => Some(Extent::of_box(text).context("`bbox`")?),
            (None, None) => None,
        };
        let keypoints: Vec<f64> = match given("keypoints") {
            Some(text) => serde_json::from_str(text).context("`keypoints`")?,
            None => Vec::new(),
        };
        ensure!(keypoints.len().is_multiple_of(3), "`keypoints` are no triples of numbers");
        let triples = keypoints.chunks_exact(3);
        let keypoints =
            triples.map(|triple| (Point::new(triple[0], triple[1]), triple[2])).collect();
        Ok(Self { fields, extent, keypoints })
    }

    /// The annotation on the other photo; none where nothing of it is found there.
    fn carried(&self, source: Size, carry: &impl Carry) -> Result<Option<Fields>> {
        let mut fields = self.fields.clone();
        let mut is_found = false;
        let mut put = |key: &str, value: Box<RawValue>| fields.insert(key.to_owned(), value);
        put("image_id", to_raw_value(&TARGET)?);
        if !self.keypoints.is_empty() {
            let moved = self.keypoints.iter().map(|(point, visibility)| {
                let found = carry.point(*point).filter(|_| *visibility > 0.0);
                found.map_or([0.0; 3], |found| [digits(found.x), digits(found.y), *visibility])
            });
            let moved: Vec<[f64; 3]> = moved.collect();
            let count = moved.iter().filter(|[.., visibility]| *visibility > 0.0).count();
            is_found |= count > 0;
            put("keypoints", to_raw_value(&moved.concat())?);
            put("num_keypoints", to_raw_value(&count)?);
        }
        if let Some(extent) = &self.extent {
            let mask = without_splinters(&carry.mask(&extent.mask(source)?));
            if let Some([[left, right], [top, bottom]]) = mask.extent() {
                is_found = true;
                put("bbox", to_raw_value(&[left, top, right + 1 - left, bottom + 1 - top])?);
                let (segmentation, area) = extent.again(&mask)?;
                if let Some(segmentation) = segmentation {
                    put("segmentation", segmentation);
                }
                put("area", to_raw_value(&area)?);
            } else {
                // It is not where it was in the source.
                fields.retain(|key, _| !["segmentation", "bbox", "area"].contains(&key.as_str()));
            }
        }
        Ok(is_found.then_some(fields))
    }
}

/// Whether there is nothing in a value.
fn is_empty(text: &str) -> bool {
    text == "null" || text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(']'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TEXT: &str = r#"{"images": [{"id": 7, "file_name": "cats/a.jpg", "width": 20, "height": 10},
        {"id": 8, "file_name": "b.jpg"}],
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "segmentation": [[2, 2, 8, 2, 8, 6, 2, 6]],
             "bbox": [2, 2, 6, 4], "area": 24, "iscrowd": 0, "keypoints": [3, 3, 2, 0, 0, 0], "num_keypoints": 1},
            {"id": 2, "image_id": 8, "category_id": 3, "bbox": [0, 0, 1, 1]},
            {"id": 3, "image_id": 7, "segmentation": {"size": [10, 20], "counts": [180, 20]}},
            {"id": 4, "image_id": 7, "bbox": [15, 1, 3, 3]}]}"#;

    /// To the right by five pixels; the last five are lost.
    struct Right;

    impl Carry for Right {
        fn target(&self) -> Size {
            Size::new(10, 20)
        }

        fn mask(&self, mask: &Mask) -> Mask {
            Mask::from_fn(self.target(), |row, column| column >= 5 && mask.at(row, column - 5))
        }

        fn point(&self, point: Point) -> Option<Point> {
            Some(Point::new(point.x + 5.0, point.y))
        }
    }

    #[test]
    fn every_shape_of_the_photo_moves_and_what_is_lost_is_counted() {
        let shapes = Shapes::parse(TEXT, Path::new("elsewhere/a.jpg")).unwrap();
        let size = Size::new(10, 20);
        assert_eq!(shapes.size, Some(size));
        let carried = shapes.carried(size, &Right, Path::new("t/target.png")).unwrap();
        assert_eq!(carried.lost, 2, "the last columns, and a box there");
        let file: Value = serde_json::from_str(&serde_json::to_string(&carried).unwrap()).unwrap();
        assert_eq!(file["images"][0]["file_name"], "target.png");
        assert_eq!(file["categories"][0]["name"], "cat");
        let [object] = file["annotations"].as_array().unwrap().as_slice() else { panic!("{file}") };
        assert_eq!((&object["id"], &object["iscrowd"]), (&json!(1), &json!(0)));
        assert_eq!((&object["image_id"], &object["bbox"]), (&json!(1), &json!([7, 2, 6, 4])));
        assert_eq!(object["area"], json!(24.0));
        assert_eq!(object["keypoints"], json!([8.0, 3.0, 2.0, 0.0, 0.0, 0.0]));
        assert_eq!(object["num_keypoints"], json!(1));
        let polygon = object["segmentation"][0].as_array().unwrap();
        let mut corners: Vec<f64> = polygon.iter().map(|number| number.as_f64().unwrap()).collect();
        corners.sort_by(f64::total_cmp);
        assert_eq!(corners, [2.0, 2.0, 6.0, 6.0, 7.0, 7.0, 13.0, 13.0]);
    }

    #[test]
    fn what_is_found_by_keypoints_alone_covers_no_area_of_the_source() {
        let text = TEXT.replace("[2, 2, 8, 2, 8, 6, 2, 6]", "[16, 2, 19, 2, 19, 6, 16, 6]");
        let shapes = Shapes::parse(&text, Path::new("a.jpg")).unwrap();
        let carried = shapes.carried(Size::new(10, 20), &Right, Path::new("t.png")).unwrap();
        let object = &carried.annotations[0];
        assert!(object.contains_key("keypoints") && !object.contains_key("segmentation"));
        assert!(!object.contains_key("bbox") && !object.contains_key("area"));
    }

    #[test]
    fn what_is_no_annotation_of_the_photo_is_refused_with_the_reason() {
        let error = |text: &str, photo: &str| {
            format!("{:#}", Shapes::parse(text, Path::new(photo)).unwrap_err())
        };
        assert!(error(TEXT, "c.jpg").contains("none of its 2 images is called as `c.jpg` is"));
        assert!(error("[]", "a.jpg").contains("expected COCO's annotations"));
        let polygon = TEXT.replace("[2, 2, 8, 2, 8, 6, 2, 6]", "[2, 2, 8]");
        assert!(
            error(&polygon, "a.jpg")
                .contains("annotation 0: `segmentation`: a polygon has 3 numbers")
        );
        let turned = TEXT.replace("[15, 1, 3, 3]", "[15, 1, -3, 3]");
        assert!(error(&turned, "a.jpg").contains("annotation 3: `bbox`: its size is -3 x 3"));
        let empty = r#"{"images": [{"id": 1, "file_name": "x"}], "annotations": []}"#;
        assert!(error(empty, "a.jpg").contains("has no annotation of `a.jpg`"));
    }
}
