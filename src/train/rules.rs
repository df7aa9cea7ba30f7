//! What the settings of a training must keep to: each part of the configuration states its own rules.

/// Whether a rule holds, and the rule in words, beginning with the setting's full name.
pub(super) type Rule = (bool, &'static str);

/// In 0 to 1.
pub(super) fn probability(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

/// In 0 to 1, without 1.
pub(super) fn decay(value: f64) -> bool {
    (0.0..1.0).contains(&value)
}

/// Finite, 0 or more.
pub(super) fn not_negative(value: f64) -> bool {
    value >= 0.0 && value.is_finite()
}

/// Finite, above 0.
pub(super) fn positive(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}
