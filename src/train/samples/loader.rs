//! Batches prepared ahead of the network: workers decode and augment while it computes.

use anyhow::Result;
use rayon::prelude::*;

use crate::prefetch::Prefetch;

/// Batches in a given order, made by rayon's workers a bounded number ahead.
///
/// What a batch holds depends on its sample indices alone, and batches come in their order; so the
/// number of workers changes nothing but the time.
pub(crate) type Loader<T> = Prefetch<'static, Result<Vec<T>>>;

/// Starts preparing `batches` of sample indices by `make`, at most `ahead` finished batches waiting
/// (and one more in the making). A sample that fails is the last thing that comes.
///
/// # Errors
/// When the system refuses another thread.
pub(crate) fn start<T: Send + 'static>(
    batches: Vec<Vec<usize>>,
    ahead: usize,
    make: impl Fn(usize) -> Result<T> + Send + Sync + 'static,
) -> Result<Loader<T>> {
    let mut failed = false;
    let samples = batches.into_iter().map_while(move |batch| {
        let samples: Option<Result<Vec<T>>> =
            (!failed).then(|| batch.into_par_iter().map(&make).collect());
        failed = matches!(samples, Some(Err(_)));
        samples
    });
    Prefetch::start(ahead, samples)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn batches(count: usize) -> Vec<Vec<usize>> {
        (0..count).map(|batch| vec![3 * batch, 3 * batch + 1, 3 * batch + 2]).collect()
    }

    #[test]
    fn batches_come_in_order_with_their_samples_in_order() {
        let slow_first = |index: usize| {
            std::thread::sleep(Duration::from_millis(if index.is_multiple_of(3) { 3 } else { 0 }));
            Ok(index)
        };
        let found: Vec<Vec<usize>> =
            start(batches(10), 2, slow_first).unwrap().map(Result::unwrap).collect();
        assert_eq!(found, batches(10));
    }

    #[test]
    fn no_more_batches_are_made_ahead_than_asked_for() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let mut loader = start(batches(50), 2, move |index| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(index)
        })
        .unwrap();
        loader.next().unwrap().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        // One taken, two waiting, one made and waiting for room.
        assert_eq!(made.load(Ordering::SeqCst), 3 * 4);
        drop(loader);
        assert_eq!(made.load(Ordering::SeqCst), 3 * 4, "an abandoned loader stops");
    }

    #[test]
    fn a_sample_that_fails_ends_the_batches_with_its_error() {
        let mut loader = start(batches(5), 1, |index| {
            anyhow::ensure!(index != 4, "sample {index} is broken");
            Ok(index)
        })
        .unwrap();
        assert_eq!(loader.next().unwrap().unwrap(), [0, 1, 2]);
        assert_eq!(loader.next().unwrap().unwrap_err().to_string(), "sample 4 is broken");
        assert!(loader.next().is_none());
    }
}
