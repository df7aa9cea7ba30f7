//! The sums of gradients over all processes, which travel while the backward pass goes on.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::Result;
use tch::{Kind, Tensor, no_grad};

use crate::nn::native::gradient_hooks::GradientHooks;
use crate::processes::buckets::{self, Buckets, Transfer};
use crate::processes::communicator::{Communicator, Started, sum_over_processes};

/// What is summed, and how.
///
/// Buckets travel in one order, that of the parameters from the last to the first, in which a backward pass gets to
/// them. Each goes as soon as its gradients have been added to as often as in the step before: once, or several times
/// where segments are computed again. Should more be added to one that has gone, in any process, all go once more: so the
/// sums are those of gradients that are whole, and the same in each step however they came about.
#[derive(Debug)]
pub(crate) struct GradientReduction {
    communicator: Rc<dyn Communicator>,
    /// From the last to the first.
    parameters: Vec<Tensor>,
    hooks: GradientHooks,
    buckets: Buckets,
    /// How often each gradient was added to in the last backward pass that was watched, if there was one.
    usual: RefCell<Option<Vec<usize>>>,
}

/// The sums of one step.
#[derive(Debug)]
pub(crate) struct GradientSums<'a> {
    reduction: &'a GradientReduction,
    /// Of buckets, in their order.
    started: Vec<Started>,
    /// How often each gradient was added to.
    added: Vec<usize>,
    /// Whether something was added to a gradient that had gone already.
    late: bool,
}

impl GradientReduction {
    /// Of these parameters, the same in all processes.
    pub(crate) fn new(
        communicator: Rc<dyn Communicator>,
        mut parameters: Vec<Tensor>,
        transfer: Transfer,
    ) -> Self {
        parameters.reverse();
        let sizes: Vec<usize> = parameters.iter().map(Tensor::numel).collect();
        let (hooks, buckets) = (GradientHooks::new(&parameters), Buckets::new(&sizes, transfer));
        Self { communicator, parameters, hooks, buckets, usual: RefCell::default() }
    }

    /// Begins a step, of which nothing has travelled yet.
    pub(crate) fn begin(&self) -> GradientSums<'_> {
        let added = vec![0; self.parameters.len()];
        GradientSums { reduction: self, started: Vec::new(), added, late: false }
    }

    /// The gradients of one bucket; zeros where there are none.
    fn gradients(&self, bucket: usize) -> Vec<Tensor> {
        let gradient = |parameter: &Tensor| {
            let gradient = parameter.grad();
            if gradient.defined() { gradient } else { parameter.detach().zeros_like() }
        };
        self.parameters[self.buckets.tensors()[bucket].clone()].iter().map(gradient).collect()
    }

    fn start(&self, bucket: usize) -> Started {
        self.buckets.start(&*self.communicator, &self.gradients(bucket))
    }
}

impl GradientSums<'_> {
    /// Does the last backward pass of the step: what it has come to the end of travels meanwhile.
    pub(crate) fn during(&mut self, backward: impl FnOnce()) {
        let reduction = self.reduction;
        reduction.hooks.during(&mut |number| self.add(number), backward);
        *reduction.usual.borrow_mut() = Some(self.added.clone());
    }

    /// Something was added to the gradient of a parameter.
    fn add(&mut self, number: usize) {
        self.added[number] += 1;
        let all = self.reduction.buckets.tensors();
        self.late |= all[..self.started.len()].last().is_some_and(|gone| number < gone.end);
        let usual = self.reduction.usual.borrow();
        let Some(usual) = &*usual else { return };
        let is_whole = |number: usize| self.added[number] >= usual[number];
        while let Some(next) = all.get(self.started.len())
            && next.clone().all(is_whole)
        {
            self.started.push(self.reduction.start(self.started.len()));
        }
    }

    /// Replaces the gradients by their sums over all processes, once what has not travelled yet has done so, too.
    ///
    /// # Errors
    /// As those of [`Communicator`].
    pub(crate) fn finish(mut self) -> Result<()> {
        let reduction = self.reduction;
        let communicator = &*reduction.communicator;
        let count = reduction.buckets.tensors().len();
        self.started.extend((self.started.len()..count).map(|bucket| reduction.start(bucket)));
        let has_gradient = |parameter: &Tensor| f64::from(parameter.grad().defined());
        let mut told: Vec<f64> = reduction.parameters.iter().map(has_gradient).collect();
        told.push(f64::from(self.late));
        let mut present = sum_over_processes(communicator, &told)?;
        let late = present.pop().is_some_and(|late| late > 0.0);
        let mut sums = communicator.finish(self.started)?;
        if late {
            sums =
                communicator.finish((0..count).map(|bucket| reduction.start(bucket)).collect())?;
        }
        for (sum, bucket) in sums.iter().zip(reduction.buckets.tensors()) {
            let parameters = &reduction.parameters[bucket.clone()];
            let sums = buckets::parts(sum, parameters);
            for ((parameter, sum), present) in
                parameters.iter().zip(sums).zip(&present[bucket.clone()])
            {
                if *present == 0.0 {
                    // What nobody has a gradient of stays without.
                    continue;
                }
                if !parameter.grad().defined() {
                    (parameter * 0.0).sum(Kind::Float).backward();
                }
                no_grad(|| parameter.grad().copy_(&sum));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processes::threads::Threads;
    use tch::Device;

    /// Values of a parameter that is a bucket of its own.
    const VALUES: i64 = 1 << 18;

    /// What a process does in a step: the parameters of each backward pass, whose gradients it makes larger by one.
    type Work<'a> = &'a [&'a [usize]];

    /// The gradients of three parameters after some steps of two processes, as the first has them, and how many
    /// buckets had gone before the last backward pass of each step ended.
    fn steps(works: &[[Work; 2]]) -> Vec<([Option<f64>; 3], usize)> {
        let run = |communicator: Threads| {
            let parameter =
                || Tensor::zeros([VALUES], (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let mut parameters = [parameter(), parameter(), parameter()];
            let rank = communicator.rank();
            let listed = parameters.iter().map(Tensor::shallow_clone).collect();
            let reduction =
                GradientReduction::new(Rc::new(communicator), listed, Transfer::Float32);
            let step = |work: &[Work; 2]| {
                parameters.iter_mut().for_each(Tensor::zero_grad);
                let mut sums = reduction.begin();
                let backward = || {
                    for pass in work[rank] {
                        let used = pass.iter().map(|&index| parameters[index].sum(Kind::Float));
                        used.reduce(|sum, other| sum + other).unwrap().backward();
                    }
                };
                sums.during(backward);
                let gone = sums.started.len();
                sums.finish().unwrap();
                let value = |parameter: &Tensor| {
                    let gradient = parameter.grad();
                    let all = [gradient.min(), gradient.max()].map(|value| value.double_value(&[]));
                    assert_eq!(all[0], all[1]);
                    all[0]
                };
                let gradient =
                    |parameter: &Tensor| parameter.grad().defined().then(|| value(parameter));
                (parameters.each_ref().map(gradient), gone)
            };
            works.iter().map(step).collect::<Vec<_>>()
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                Threads::new(2).into_iter().map(|own| scope.spawn(|| run(own))).collect();
            let mut found: Vec<_> =
                threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            let gradients = |found: &[([Option<f64>; 3], usize)]| {
                found.iter().map(|step| step.0).collect::<Vec<_>>()
            };
            assert_eq!(
                gradients(&found[0]),
                gradients(&found[1]),
                "all processes have the same sums"
            );
            found.swap_remove(0)
        })
    }

    #[test]
    fn gradients_travel_once_they_are_as_whole_as_in_the_step_before() {
        let once: Work = &[&[0, 1, 2]];
        let found = steps(&[[once, once], [once, once]]);
        assert_eq!(found, [([Some(2.0); 3], 0), ([Some(2.0); 3], 3)]);
        let twice: Work = &[&[1, 2], &[0, 1, 2]];
        let sums = [Some(2.0), Some(4.0), Some(4.0)];
        assert_eq!(steps(&[[twice, twice], [twice, twice]]), [(sums, 0), (sums, 3)]);
    }

    #[test]
    fn what_is_added_after_a_gradient_has_gone_in_any_process_counts_too() {
        let (once, more): (Work, Work) = (&[&[0, 1, 2]], &[&[0, 1, 2], &[2], &[1]]);
        let sums = [Some(2.0), Some(3.0), Some(3.0)];
        for works in [[once, more], [more, once]] {
            let found = steps(&[[once, once], works, works]);
            assert_eq!(
                found.iter().map(|step| step.0).collect::<Vec<_>>(),
                [[Some(2.0); 3], sums, sums]
            );
        }
    }

    #[test]
    fn what_fewer_have_or_nobody_has_is_summed_and_what_never_came_stays_away() {
        let (last, first): (Work, Work) = (&[&[2]], &[&[1], &[1]]);
        let found = steps(&[[last, first], [first, last], [last, &[]]]);
        let before = [None, Some(2.0), Some(1.0)];
        let sums = found.iter().map(|step| step.0).collect::<Vec<_>>();
        assert_eq!(sums, [before, before, [None, Some(0.0), Some(1.0)]]);
    }
}
