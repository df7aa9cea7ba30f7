//! Whether times mean anything: how even they are, and whether there are enough to know.

use crate::bench::Measurement;
use crate::spelling::counted;

/// Spread beyond which a median says little. On an idle machine it lies below a fifth of this.
pub(crate) const WIDEST: f64 = 0.5;

/// Iterations below which their spread is not known.
pub(crate) const FEWEST: usize = 5;

/// What to know before these times are believed: one sentence for all that too few iterations stand behind,
/// one for all that are too uneven.
pub(crate) fn doubts(measurements: &[Measurement]) -> Vec<String> {
    let (known, unknown): (Vec<&Measurement>, Vec<&Measurement>) =
        measurements.iter().partition(|measurement| measurement.iterations >= FEWEST);
    let mut doubts = Vec::new();
    if let Some(first) = unknown.first() {
        let names: Vec<&str> = unknown.iter().map(|measurement| measurement.name).collect();
        doubts.push(format!(
            "{}: too few times to know how far they vary ({}); give --iterations {FEWEST} or more",
            names.join(", "),
            counted(first.iterations, "iteration")
        ));
    }
    let uneven: Vec<String> =
        known.iter().filter(|measurement| measurement.spread > WIDEST).map(|m| range(m)).collect();
    if !uneven.is_empty() {
        doubts.push(format!(
            "{}: too far apart for their median to mean anything; is something else running? Time again \
             on an idle machine, or with more --iterations",
            uneven.join(", ")
        ));
    }
    doubts
}

fn range(measurement: &Measurement) -> String {
    let Measurement { name, latency_ms, .. } = measurement;
    format!("{name} {:.1} to {:.1} ms", latency_ms.min, latency_ms.p90)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::summarise;

    fn measured(name: &'static str, milliseconds: &[u64]) -> Measurement {
        let times = milliseconds.iter().copied().map(Duration::from_millis).collect();
        summarise(name, "pair", 1, times)
    }

    #[test]
    fn even_times_are_believed_but_for_one_that_stands_out() {
        let mut times = vec![10; 19];
        times.push(80);
        assert_eq!(doubts(&[measured("forward", &times)]), Vec::<String>::new());
    }

    #[test]
    fn uneven_and_few_times_are_doubted_by_name() {
        let found = doubts(&[
            measured("forward", &[10, 10, 10, 10, 16]),
            measured("matcher", &[5, 5, 5, 5, 5]),
            measured("training", &[7]),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("training: too few") && found[0].contains("(1 iteration)"));
        assert!(found[1].starts_with("forward 10.0 to 16.0 ms: too far apart"), "{}", found[1]);
    }
}
