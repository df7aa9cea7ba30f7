//! The page's frame; what moves in it is `view.js`.

use std::path::Path;

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::page::{head, is_made_by, maker};
use crate::predict::product::view::parts::{Parts, Picture};

const STYLE: &str = include_str!("view.css");
const SCRIPT: &str = include_str!("view.js");

/// The script in the page is all that it may run.
const POLICY: &str = "; script-src 'unsafe-inline'";

/// What the page calls its maker.
const MAKER: &str = "lpmflow view";

/// The layers that can be laid over the photos: id, name, whether shown at first.
const LAYERS: [(&str, &str, bool); 5] = [
    ("heat", "Where else it could be (yellow)", true),
    ("lines", "Matches", false),
    ("warp", "Other photo pulled over", false),
    ("flow", "Flow", false),
    ("trust", "Confidence", false),
];

/// The page.
///
/// # Errors
/// When what it shows cannot be said in JSON.
pub(super) fn page(parts: &Parts) -> Result<String> {
    // Within a script, `</` would end it.
    let data = serde_json::to_string(parts)?.replace('<', "\\u003c");
    let title = format!("{} and {}", parts.source.name, parts.target.name);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&title, STYLE, POLICY, &maker(MAKER)))
            body {
                header {
                    h1 { "The same place in both photos" }
                    @if let Some(verdict) = &parts.verdict { p.verdict { (verdict) } }
                    p #help {
                        span.pointer { "Point at either photo, or move with the arrow keys, to see where that place \
                                        lies in the other. A click or the Enter key holds it." }
                        span.finger { "Tap a place in either photo to see where it lies in the other." }
                    }
                }
                main {
                    noscript { p { "This page needs JavaScript, which it brings along: nothing is loaded." } }
                    div #photos {
                        (figure("source", &parts.source))
                        (figure("target", &parts.target))
                        svg #lines-layer aria-hidden="true" {}
                    }
                    div #readout {
                        p #said { "Nothing is pointed at yet." }
                        p.spoken #spoken role="status" aria-live="polite" {}
                        button #copy type="button" disabled { "Copy as JSON" }
                    }
                    (controls(parts))
                }
                script #pair type="application/json" { (PreEscaped(data)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(page.into_string())
}

fn figure(side: &str, picture: &Picture) -> Markup {
    let what = if side == "source" { "Source" } else { "Target" };
    html! {
        figure data-side=(side) {
            div.stage style=(format!("aspect-ratio: {} / {}", picture.width, picture.height)) {
                img src=(picture.address) alt="" draggable="false";
                canvas.layer aria-hidden="true" {}
                canvas.marks tabindex="0" role="application" aria-describedby="help"
                    aria-label=(format!("{what} photo {}: arrow keys move the point", picture.name)) {}
            }
            figcaption { b { (what) } " " (picture.name) " " span { (picture.width) " × " (picture.height) } }
        }
    }
}

fn controls(parts: &Parts) -> Markup {
    html! {
        form #controls autocomplete="off" {
            fieldset {
                legend { "Show" }
                @for (id, name, shown) in LAYERS {
                    label { input type="checkbox" id=(id) checked[shown]; (name) }
                }
                @if parts.has_keypoints() {
                    label { input type="checkbox" id="points" checked; "Keypoints" }
                }
            }
            div.sliders {
                label #least-row { span { "Hide what is less sure than " output #least-said {} }
                    input #least type="range" min="0" max="1" step="0.01"; }
                label #mix-row hidden { span { "Blend" } input #mix type="range" min="0" max="1" step="0.01" value="1"; }
                label #wipe-row hidden { span { "Wipe" } input #wipe type="range" min="0" max="1" step="0.01" value="1"; }
            }
            div #legends {
                figure #wheel-legend hidden { canvas width="96" height="96" role="img"
                    aria-label="Colour says direction: red right, then clockwise; strength says length" {}
                    figcaption #wheel-said {} }
                figure #trust-legend hidden { div.ramp role="img" aria-label="Confidence from 0, dark, to 1, light" {}
                    figcaption { span { "0" } span { "confidence" } span { "1" } } }
            }
        }
    }
}

/// Whether a file is such a page, as far as its beginning tells: it may be replaced without being named.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn is_view(path: &Path) -> Result<bool> {
    is_made_by(path, MAKER)
}
