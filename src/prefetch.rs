//! Work ahead of its consumer: a thread of its own makes items in order, a bounded number of them.

use std::fmt::{self, Debug, Formatter};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Result as Outcome, Scope};

use anyhow::{Context, Result};

/// Items made ahead, in order. What makes them should spread each item's work over rayon's workers.
///
/// Dropping it ends the making after the item under way. A panic of the maker goes on in the consumer.
pub(crate) struct Prefetch<'scope, T> {
    items: Option<Receiver<T>>,
    join: Option<Box<dyn FnOnce() -> Outcome<()> + 'scope>>,
}

impl<T: Send + 'static> Prefetch<'static, T> {
    /// Starts making `items`, at most `ahead` of them waiting (and one more in the making).
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(crate) fn start(
        ahead: usize,
        items: impl Iterator<Item = T> + Send + 'static,
    ) -> Result<Self> {
        let (sender, receiver) = sync_channel(ahead);
        let thread = builder().spawn(move || feed(items, &sender)).context(STARTING)?;
        Ok(Self { items: Some(receiver), join: Some(Box::new(move || thread.join())) })
    }
}

impl<'scope, T: Send + 'scope> Prefetch<'scope, T> {
    /// As [`Prefetch::start`], of items that borrow from outside of `scope`.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(crate) fn start_in(
        scope: &'scope Scope<'scope, '_>,
        ahead: usize,
        items: impl Iterator<Item = T> + Send + 'scope,
    ) -> Result<Self> {
        let (sender, receiver) = sync_channel(ahead);
        let feed = move || feed(items, &sender);
        let thread = builder().spawn_scoped(scope, feed).context(STARTING)?;
        Ok(Self { items: Some(receiver), join: Some(Box::new(move || thread.join())) })
    }
}

const STARTING: &str = "starting the thread that prepares batches";

fn builder() -> Builder {
    Builder::new().name("prefetch".to_owned())
}

fn feed<T>(items: impl Iterator<Item = T>, sender: &SyncSender<T>) {
    for item in items {
        // The receiver is gone when the consumer stops early.
        if sender.send(item).is_err() {
            break;
        }
    }
}

impl<T> Prefetch<'_, T> {
    fn finish(&mut self) {
        // First the receiver, so that a maker that waits for room stops.
        self.items = None;
        if let Some(Err(panic)) = self.join.take().map(|join| join())
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl<T> Iterator for Prefetch<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let item = self.items.as_ref()?.recv().ok();
        if item.is_none() {
            self.finish();
        }
        item
    }
}

impl<T> Drop for Prefetch<'_, T> {
    fn drop(&mut self) {
        self.finish();
    }
}

impl<T> Debug for Prefetch<'_, T> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Prefetch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_more_is_made_ahead_than_asked_for_and_nothing_once_the_consumer_is_gone() {
        let made = AtomicUsize::new(0);
        let count = |item: usize| {
            made.fetch_add(1, Ordering::SeqCst);
            item
        };
        std::thread::scope(|scope| {
            let mut items = Prefetch::start_in(scope, 2, (0..50).map(count)).unwrap();
            assert_eq!(items.next(), Some(0));
            std::thread::sleep(Duration::from_millis(100));
            // One taken, two waiting, one made and waiting for room.
            assert_eq!(made.load(Ordering::SeqCst), 4);
        });
        assert_eq!(made.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn items_come_in_order_whatever_the_number_ahead() {
        for ahead in [0, 1, 7] {
            let items = Prefetch::start(ahead, 0..20).unwrap();
            assert!(items.eq(0..20), "{ahead}");
        }
    }

    #[test]
    fn a_panic_of_the_maker_goes_on_in_the_consumer() {
        let items = (0..5).inspect(|item| assert!(*item < 2, "the third breaks"));
        let mut items = Prefetch::start(1, items).unwrap();
        assert_eq!((items.next(), items.next()), (Some(0), Some(1)));
        let panic = catch_unwind(AssertUnwindSafe(|| items.next())).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"the third breaks"));
    }
}
