//! A curve as text: dots of braille, eight to a letter.

/// Letters along and lines up.
const LETTERS: usize = 60;
const LINES: usize = 7;

/// Dots of a letter, from its upper left: the bits by column and row.
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
const EMPTY: u32 = 0x2800;

/// The lines of a curve through points `[step, value]`, with its title and its ends; of many steps in a column the mean
/// counts. `None` if there are fewer than two points.
pub(super) fn curve(title: &str, points: &[[f64; 2]]) -> Option<String> {
    let points: Vec<[f64; 2]> =
        points.iter().copied().filter(|point| point[1].is_finite()).collect();
    let (first, last) = (points.first()?, points.last().filter(|_| points.len() > 1)?);
    let values = || points.iter().map(|point| point[1]);
    let (low, high) =
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let mut letters = [[0_u8; LETTERS]; LINES];
    let mut before: Option<usize> = None;
    for (column, value) in columns(&points).into_iter().enumerate() {
        let Some(value) = value else { continue };
        let part = if high > low { (value - low) / (high - low) } else { 0.5 };
        let row = ((1.0 - part) * (4 * LINES - 1) as f64).round() as usize;
        // Steep parts hang together.
        let from = before.map_or(row, |before| (before + row) / 2);
        for row in from.min(row)..=from.max(row) {
            letters[row / 4][column / 2] |= DOTS[column % 2][row % 4];
        }
        before = Some(row);
    }
    let labels = [short(high), short(low)];
    let room = labels.iter().map(String::len).max().unwrap_or_default();
    let line = |(number, letters): (usize, &[u8; LETTERS])| {
        let label = match number {
            0 => &labels[0],
            _ if number == LINES - 1 => &labels[1],
            _ => "",
        };
        let dots: String = letters
            .iter()
            .map(|dots| {
                if *dots == 0 {
                    ' '
                } else {
                    char::from_u32(EMPTY + u32::from(*dots)).unwrap_or(' ')
                }
            })
            .collect();
        format!("  {label:>room$} │{}", dots.trim_end())
    };
    let mut lines = vec![format!("{title}: {}", short(last[1]))];
    lines.extend(letters.iter().enumerate().map(line));
    let steps = format!("{}", last[0]);
    let start = format!("{}", first[0]);
    let gap = LETTERS.saturating_sub(start.len() + steps.len());
    lines.push(format!("  {:>room$} └{}", "", "─".repeat(LETTERS)));
    lines.push(format!("  {:>room$}  {start}{}{steps} steps", "", " ".repeat(gap)));
    Some(lines.join("\n"))
}

/// A value for each column of dots: the mean of its points, or between those of its neighbours.
fn columns(points: &[[f64; 2]]) -> Vec<Option<f64>> {
    let (first, last) = (points[0][0], points[points.len() - 1][0]);
    let width = 2 * LETTERS;
    let place = |step: f64| {
        let part = if last > first { (step - first) / (last - first) } else { 0.0 };
        (part * (width - 1) as f64).round() as usize
    };
    let mut sums = vec![(0.0, 0_u32); width];
    for [step, value] in points {
        let (sum, count) = &mut sums[place(*step)];
        *sum += value;
        *count += 1;
    }
    let means: Vec<Option<f64>> =
        sums.into_iter().map(|(sum, count)| (count > 0).then(|| sum / f64::from(count))).collect();
    let known = |at: usize| means[at].map(|value| (at, value));
    let between = |column: usize| {
        let (left, one) = (0..=column).rev().find_map(known)?;
        let (right, other) = (column..width).find_map(known)?;
        let part = if right > left { (column - left) as f64 / (right - left) as f64 } else { 0.0 };
        Some(one + (other - one) * part)
    };
    (0..width).map(between).collect()
}

/// A number in few digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.01 || size == 0.0 => format!("{value:.3}"),
        _ => format!("{value:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_falling_line_runs_from_the_upper_left_to_the_lower_right() {
        let points: Vec<[f64; 2]> =
            (0..=10).map(|step| [f64::from(step), 10.0 - f64::from(step)]).collect();
        let text = curve("loss", &points).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), LINES + 3);
        assert_eq!(lines[0], "loss: 0.000");
        assert!(lines[1].starts_with("   10.0 │\u{2809}"), "{text}");
        assert_eq!(lines[LINES].chars().count(), "  0.000 │".chars().count() + LETTERS);
        assert!(
            lines[LINES + 2].ends_with("10 steps") && lines[LINES + 2].contains("  0 "),
            "{text}"
        );
        // Every column has a dot, as the points between are drawn too.
        let dots = |column: usize| {
            lines[1..=LINES]
                .iter()
                .any(|line| line.chars().nth(9 + column).is_some_and(|letter| letter > '\u{2800}'))
        };
        assert!((0..LETTERS).all(dots), "{text}");
    }

    #[test]
    fn a_level_line_is_drawn_and_one_point_is_none() {
        assert!(curve("PCK", &[[0.0, 5.0], [4.0, 5.0]]).unwrap().contains('\u{2824}'));
        assert_eq!(curve("PCK", &[[0.0, 5.0]]), None);
        assert_eq!(curve("loss", &[[0.0, f64::NAN], [1.0, f64::NAN]]), None);
    }
}
