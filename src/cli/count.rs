//! Numbers that users give, with the limits beyond which nobody means them.

use std::num::NonZeroUsize;

/// More pairs at once, or times that something is done, end in memory that is not there, or not at all.
const MOST: usize = 1_000_000;

/// One at least.
pub(super) fn count(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.trim().parse().ok().filter(|count: &NonZeroUsize| count.get() <= MOST);
    count.ok_or_else(|| format!("expected a whole number from 1 to {MOST}"))
}

/// More processes than any machine has processors.
const MOST_PROCESSES: usize = 1024;

/// Processes on this machine.
pub(super) fn processes(text: &str) -> Result<NonZeroUsize, String> {
    let processes = text.trim().parse().ok();
    let processes = processes.filter(|count: &NonZeroUsize| count.get() <= MOST_PROCESSES);
    processes.ok_or_else(|| format!("processes are a number from 1 to {MOST_PROCESSES}"))
}

/// None at least.
pub(super) fn count_or_none(text: &str) -> Result<usize, String> {
    let count = text.trim().parse().ok().filter(|count| *count <= MOST);
    count.ok_or_else(|| format!("expected a whole number from 0 to {MOST}"))
}

/// A learning rate.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.trim().parse().ok().filter(|rate: &f64| rate.is_finite() && *rate >= 0.0);
    rate.ok_or_else(|| "expected a number from 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_limits_and_say_so() {
        assert_eq!(count(" 12 ").map(NonZeroUsize::get), Ok(12));
        assert_eq!((count_or_none("0"), count_or_none("1000000")), (Ok(0), Ok(1_000_000)));
        for wrong in ["0", "-1", "1000001", "18446744073709551616", "1.5", "few", ""] {
            assert_eq!(count(wrong), Err("expected a whole number from 1 to 1000000".to_owned()));
        }
        assert!(count_or_none("-1").unwrap_err().contains("from 0 to"));
    }
}
