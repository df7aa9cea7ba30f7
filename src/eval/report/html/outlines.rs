//! Outlines drawn on photos: where the object is, and where its outline was found.

use maud::{Markup, html};

use crate::data::Pair;
use crate::eval::predictions::Prediction;
use crate::geometry::Point;

/// What the lines mean.
pub(super) fn legend() -> Markup {
    html! {
        ul.marks {
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" { rect.outline x="-5" y="-5" width="10" height="10" {} }
                "outline of the object" }
            li { svg viewBox="-8 -8 16 16" aria-hidden="true" { rect.found x="-5" y="-5" width="10" height="10" {} }
                "the source's outline, where its corners were found" }
        }
    }
}

/// What is drawn on the source photo.
pub(super) fn on_source(pair: &Pair) -> Markup {
    polygon("outline", &pair.source.keypoints)
}

/// What is drawn on the target photo.
pub(super) fn on_target(pair: &Pair, prediction: &Prediction) -> Markup {
    html! {
        (polygon("outline", &pair.target.keypoints))
        (polygon("found", &prediction.points))
    }
}

fn polygon(class: &str, corners: &[Point]) -> Markup {
    let corners = corners.iter().filter(|corner| corner.is_finite());
    let points: Vec<String> =
        corners.map(|corner| format!("{:.2},{:.2}", corner.x, corner.y)).collect();
    html! { polygon class=(class) points=(points.join(" ")) {} }
}
