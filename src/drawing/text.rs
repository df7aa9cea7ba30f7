//! Text as outlines, in the one typeface that is embedded.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, GlyphId, OutlineCurve};
use tiny_skia::{Path, PathBuilder};

/// Roboto Medium: printable ASCII (font/README.md).
static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("font/roboto-medium.ttf"))
        .expect("the embedded font is whole")
});

/// The height of capitals and digits, as a part of the text's size.
pub(crate) const CAPITALS: f64 = 0.711;

/// How wide a text is, in pixels; `size` is that of its em square.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    glyphs(text).map(|(_, advance)| f64::from(advance) * scale(size)).sum()
}

/// The outline of a text that begins at `left` and stands on `baseline`; none if nothing of it is ink.
pub(crate) fn outline(text: &str, left: f64, baseline: f64, size: f64) -> Option<Path> {
    let scale = scale(size);
    let mut path = PathBuilder::new();
    let mut pen = left;
    for (glyph, advance) in glyphs(text) {
        let place = |point: ab_glyph::Point| {
            (
                (pen + f64::from(point.x) * scale) as f32,
                (baseline - f64::from(point.y) * scale) as f32,
            )
        };
        let curves = FONT.outline(glyph).map(|outline| outline.curves).unwrap_or_default();
        let mut end = None;
        for curve in curves {
            let (start, next) = match &curve {
                OutlineCurve::Line(from, to) => (*from, *to),
                OutlineCurve::Quad(from, _, to) => (*from, *to),
                OutlineCurve::Cubic(from, _, _, to) => (*from, *to),
            };
            // The curves of one contour hang together.
            if end != Some(start) {
                if end.is_some() {
                    path.close();
                }
                let (x, y) = place(start);
                path.move_to(x, y);
            }
            let (x, y) = place(next);
            match curve {
                OutlineCurve::Line(..) => path.line_to(x, y),
                OutlineCurve::Quad(_, control, _) => {
                    let (x1, y1) = place(control);
                    path.quad_to(x1, y1, x, y);
                }
                OutlineCurve::Cubic(_, first, second, _) => {
                    let ((x1, y1), (x2, y2)) = (place(first), place(second));
                    path.cubic_to(x1, y1, x2, y2, x, y);
                }
            }
            end = Some(next);
        }
        if end.is_some() {
            path.close();
        }
        pen += f64::from(advance) * scale;
    }
    path.finish()
}

/// The text in lines that are no wider than `widest`, as far as words allow.
pub(crate) fn wrapped(text: &str, size: f64, widest: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= widest => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Each glyph of a text with its advance in the font's units.
fn glyphs(text: &str) -> impl Iterator<Item = (GlyphId, f32)> {
    text.chars().map(|letter| {
        let glyph = FONT.glyph_id(letter);
        (glyph, FONT.h_advance_unscaled(glyph))
    })
}

/// Pixels of one of the font's units.
fn scale(size: f64) -> f64 {
    size / f64::from(FONT.units_per_em().unwrap_or(2048.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_letter_is_in_the_font() {
        let missing: String = (' '..='~').filter(|letter| FONT.glyph_id(*letter).0 == 0).collect();
        assert_eq!(missing, "");
    }

    #[test]
    fn outlines_stand_where_they_are_put() {
        let bounds = outline("H8", 10.0, 50.0, 20.0).unwrap().bounds();
        assert!(
            (bounds.left() - 11.0).abs() < 1.5 && (bounds.bottom() - 50.0).abs() < 0.6,
            "{bounds:?}"
        );
        assert!((f64::from(bounds.height()) - 20.0 * CAPITALS).abs() < 0.8, "{bounds:?}");
        assert!(f64::from(bounds.right()) < 10.0 + width("H8", 20.0));
        assert!(outline("  ", 0.0, 0.0, 20.0).is_none());
    }

    #[test]
    fn lines_keep_within_the_width_and_lose_no_word() {
        let text = "Equal colour and number: the same part in both photos.";
        let lines = wrapped(text, 20.0, 200.0);
        assert!(
            lines.len() > 2 && lines.iter().all(|line| width(line, 20.0) <= 200.0),
            "{lines:?}"
        );
        assert_eq!(lines.join(" "), text);
        assert_eq!(wrapped("extraordinary", 20.0, 10.0), ["extraordinary"]);
    }
}
