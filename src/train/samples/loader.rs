//! Batches prepared ahead of the network: workers decode and augment while it computes.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use rayon::prelude::*;

/// Batches in a given order, made by rayon's workers a bounded number ahead.
///
/// What a batch holds depends on its sample indices alone, and batches come in their order; so the
/// number of workers changes nothing but the time.
#[derive(Debug)]
pub struct Loader<T> {
    batches: Option<Receiver<Result<Vec<T>>>>,
    producer: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Loader<T> {
    /// Starts preparing `batches` of sample indices by `make`, at most `ahead` finished batches waiting
    /// (and one more in the making).
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub fn start(
        batches: Vec<Vec<usize>>,
        ahead: usize,
        make: impl Fn(usize) -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        let (sender, receiver) = sync_channel(ahead);
        let produce = move || {
            for batch in batches {
                let samples: Result<Vec<T>> = batch.into_par_iter().map(&make).collect();
                let failed = samples.is_err();
                // The receiver is gone when the run stops early.
                if sender.send(samples).is_err() || failed {
                    break;
                }
            }
        };
        let producer = std::thread::Builder::new().name("loader".to_owned()).spawn(produce);
        let producer = producer.context("starting the thread that prepares batches")?;
        Ok(Self { batches: Some(receiver), producer: Some(producer) })
    }
}

impl<T> Iterator for Loader<T> {
    type Item = Result<Vec<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.as_ref()?.recv().ok()
    }
}

impl<T> Drop for Loader<T> {
    fn drop(&mut self) {
        // First the receiver, so that a producer that waits for room stops.
        self.batches = None;
        if let Some(Err(panic)) = self.producer.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
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
            Loader::start(batches(10), 2, slow_first).unwrap().map(Result::unwrap).collect();
        assert_eq!(found, batches(10));
    }

    #[test]
    fn no_more_batches_are_made_ahead_than_asked_for() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let mut loader = Loader::start(batches(50), 2, move |index| {
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
        let mut loader = Loader::start(batches(5), 1, |index| {
            anyhow::ensure!(index != 4, "sample {index} is broken");
            Ok(index)
        })
        .unwrap();
        assert_eq!(loader.next().unwrap().unwrap(), [0, 1, 2]);
        assert_eq!(loader.next().unwrap().unwrap_err().to_string(), "sample 4 is broken");
        assert!(loader.next().is_none());
    }
}
