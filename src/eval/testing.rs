//! Small pairs and predictions for this module's tests.

use super::predictions::Prediction;
use crate::data::{AnnotatedImage, Pair};
use crate::geometry::{Point, Size};

fn points(coordinates: &[(f64, f64)]) -> Vec<Point> {
    coordinates.iter().map(|&(x, y)| Point::new(x, y)).collect()
}

fn image(name: &str, keypoints: &[(f64, f64)]) -> AnnotatedImage {
    AnnotatedImage {
        path: name.into(),
        size: Size::square(100),
        keypoints: points(keypoints),
        bounding_box: Some([0.0, 0.0, 50.0, 50.0].into()),
    }
}

/// A pair of 100 x 100 photos with boxes of side 50.
pub fn pair(source: &[(f64, f64)], target: &[(f64, f64)]) -> Pair {
    Pair {
        index: 0,
        category: "dog".into(),
        source: image("dog/source.jpg", source),
        target: image("dog/target.jpg", target),
        difficulty: None,
        mirrored: false,
    }
}

/// Points in original target pixels alone.
pub fn prediction(pair: usize, coordinates: &[(f64, f64)]) -> Prediction {
    Prediction { pair, points: points(coordinates), paper_points: None }
}
