//! Threads in place of processes, for tests.

use std::sync::{Arc, Barrier, Mutex};

use anyhow::Result;
use tch::Tensor;

use crate::processes::communicator::{Communicator, from_first, gather, sum_over_processes};

/// Threads that reach each other by what each lays down.
#[derive(Debug)]
pub(crate) struct Threads {
    rank: usize,
    table: Arc<(Barrier, Mutex<Vec<Vec<Tensor>>>)>,
}

impl Threads {
    /// As many communicators as there will be threads, one for each.
    pub(crate) fn new(count: usize) -> Vec<Self> {
        let places = (0..count).map(|_| Vec::new()).collect();
        let table = Arc::new((Barrier::new(count), Mutex::new(places)));
        (0..count).map(|rank| Self { rank, table: Arc::clone(&table) }).collect()
    }

    /// What all have laid down is shown to `take`, by one thread after the other.
    fn exchange(&self, tensors: &mut [Tensor], take: impl Fn(&mut Tensor, &[&Tensor])) {
        let (barrier, places) = &*self.table;
        places.lock().unwrap()[self.rank] = tensors.iter().map(Tensor::copy).collect();
        barrier.wait();
        {
            let places = places.lock().unwrap();
            for (index, tensor) in tensors.iter_mut().enumerate() {
                take(tensor, &places.iter().map(|place| &place[index]).collect::<Vec<_>>());
            }
        }
        barrier.wait();
    }
}

impl Communicator for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn world_size(&self) -> usize {
        self.table.1.lock().unwrap().len()
    }

    fn all_reduce(&self, tensors: &mut [Tensor]) -> Result<()> {
        self.exchange(tensors, |tensor, all| {
            let sum = Tensor::stack(all, 0).sum_dim_intlist(&[0][..], false, None);
            tensor.copy_(&sum);
        });
        Ok(())
    }

    fn broadcast(&self, tensors: &mut [Tensor], root: usize) -> Result<()> {
        self.exchange(tensors, |tensor, all| tensor.copy_(all[root]));
        Ok(())
    }

    fn barrier(&self) -> Result<()> {
        self.table.0.wait();
        Ok(())
    }

    fn ensure_same(&self, _what: &str, _digest: &str) -> Result<()> {
        Ok(())
    }
}

#[test]
fn what_one_has_reaches_all_and_sums_are_over_all() {
    let values = std::thread::scope(|scope| {
        let threads = Threads::new(3).into_iter().map(|communicator| {
            scope.spawn(move || {
                let mut tensors = [Tensor::from_slice(&[communicator.rank() as f64 + 5.0])];
                communicator.broadcast(&mut tensors, 0).unwrap();
                communicator.barrier().unwrap();
                let sums = sum_over_processes(&communicator, &[1.0, communicator.rank() as f64]);
                let rank = communicator.rank();
                let first = from_first(&communicator, || Ok(Some([rank as f64 + 7.0]))).unwrap();
                let nothing = from_first::<1>(&communicator, || Ok(None)).unwrap();
                let gathered = gather(&communicator, &vec![9; rank]).unwrap();
                assert_eq!((first, nothing), (Some([7.0]), None));
                assert_eq!(gathered, [vec![], vec![9], vec![9, 9]]);
                (tensors[0].double_value(&[0]), sums.unwrap())
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(values, vec![(5.0, vec![3.0, 3.0]); 3]);
}
