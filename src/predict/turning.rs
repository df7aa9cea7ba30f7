//! Targets that are matched otherwise than they are: mirrored, or turned.

use crate::geometry::Turn;

/// All ways in which a photo is looked at, to see whether one matches far better than as it is.
pub(crate) const OTHERS: [Turn; 4] = [
    Turn { mirrored: true, quarters: 0 },
    Turn { mirrored: false, quarters: 1 },
    Turn { mirrored: false, quarters: 2 },
    Turn { mirrored: false, quarters: 3 },
];

/// How a target was matched, if not as it is, in a sentence.
pub(crate) fn in_words(turn: Turn) -> Option<String> {
    let degrees = 90 * u32::from(turn.quarters);
    match turn {
        Turn::NONE => None,
        Turn { mirrored: true, quarters: 0 } => {
            Some("The target was matched mirrored: left and right are exchanged.".to_owned())
        }
        Turn { mirrored: true, .. } => Some(format!(
            "The target was matched mirrored and turned clockwise by {degrees} degrees: left and right are exchanged."
        )),
        Turn { mirrored: false, .. } => {
            Some(format!("The target was matched turned clockwise by {degrees} degrees."))
        }
    }
}

/// The flag that turns a target so.
pub(crate) fn flag(turn: Turn) -> String {
    let mirror = if turn.mirrored { "--mirror" } else { "" };
    match turn.quarters {
        0 => mirror.to_owned(),
        quarters => format!("{mirror} --rotate {}", 90 * u32::from(quarters)).trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_turn_has_its_words_and_its_flag() {
        assert_eq!(in_words(Turn::NONE), None);
        let flags = OTHERS.map(flag);
        assert_eq!(flags, ["--mirror", "--rotate 90", "--rotate 180", "--rotate 270"]);
        let words = OTHERS.map(|turn| in_words(turn).unwrap());
        assert!(words[0].contains("exchanged") && words[3].contains("270 degrees"));
        let both = Turn { mirrored: true, quarters: 1 };
        assert_eq!(flag(both), "--mirror --rotate 90");
    }
}
