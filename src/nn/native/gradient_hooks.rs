//! What a backward pass says of the gradients that it adds to (`gradient_hooks.cpp`).

use std::ffi::c_void;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Mutex, PoisonError};

use tch::Tensor;

type Tell = extern "C" fn(*const c_void, usize);

unsafe extern "C" {
    fn lpmflow_gradient_hook(
        leaf: *const c_void,
        tell: Tell,
        listener: *const c_void,
        number: usize,
    );
    fn lpmflow_gradient_unhook(leaf: *const c_void);
}

/// Some leaves of graphs, of whose gradients is said when something was added to them.
pub(crate) struct GradientHooks {
    leaves: Vec<Tensor>,
    /// Behind a pointer, for the hooks know where it is.
    listener: Box<Listener>,
}

/// Who listens, while somebody does.
#[derive(Default)]
struct Listener(Mutex<Option<*mut dyn FnMut(usize)>>);

impl Debug for GradientHooks {
    fn fmt(&self, formatter: &mut Formatter) -> fmt::Result {
        write!(formatter, "GradientHooks of {} leaves", self.leaves.len())
    }
}

impl Drop for GradientHooks {
    fn drop(&mut self) {
        for leaf in &self.leaves {
            // Safety: the tensor is alive; nothing knows the listener after this.
            unsafe { lpmflow_gradient_unhook(leaf.as_ptr().cast()) };
        }
    }
}

impl GradientHooks {
    /// On these leaves, which have no others.
    pub(crate) fn new(leaves: &[Tensor]) -> Self {
        let leaves: Vec<Tensor> = leaves.iter().map(Tensor::shallow_clone).collect();
        let listener = Box::<Listener>::default();
        for (number, leaf) in leaves.iter().enumerate() {
            let pointer = (&raw const *listener).cast();
            // Safety: the tensor is alive, and the listener as long as the hook.
            unsafe { lpmflow_gradient_hook(leaf.as_ptr().cast(), tell, pointer, number) };
        }
        Self { leaves, listener }
    }

    /// Does some work, during which `told` hears the number of each leaf whose gradient something was added to: at
    /// once, by whichever thread of libtorch's does it, one at a time. The thread that called waits for these.
    pub(crate) fn during<T>(&self, told: &mut dyn FnMut(usize), work: impl FnOnce() -> T) -> T {
        // Nobody is told any more once this ends, however it does.
        struct Silence<'a>(&'a Listener);
        impl Drop for Silence<'_> {
            fn drop(&mut self) {
                self.0.set(None);
            }
        }
        let told: *mut (dyn FnMut(usize) + '_) = told;
        // Safety: of the pointer's type alone; nobody has it after `Silence`.
        let told = unsafe {
            std::mem::transmute::<*mut (dyn FnMut(usize) + '_), *mut (dyn FnMut(usize) + 'static)>(
                told,
            )
        };
        let _silence = Silence(&self.listener);
        self.listener.set(Some(told));
        work()
    }
}

impl Listener {
    fn set(&self, told: Option<*mut dyn FnMut(usize)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }
}

/// Called by libtorch; a panic ends the program here, as nothing may unwind through it.
extern "C" fn tell(listener: *const c_void, number: usize) {
    // Safety: the listener of hooks that exist, which may be looked at from any thread.
    let listener = unsafe { &*listener.cast::<Listener>() };
    let told = listener.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(told) = *told {
        // Safety: `during` has not ended, and the lock keeps others from calling meanwhile. The thread that gave it
        // waits for the pass that calls this.
        unsafe { (*told)(number) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    #[test]
    fn every_addition_to_a_gradient_is_told_while_somebody_listens() {
        let leaf = || Tensor::ones([3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let leaves = [leaf(), leaf(), leaf()];
        let loss = || (&leaves[0] * &leaves[1] + &leaves[1]).sum(Kind::Float);
        let hooks = GradientHooks::new(&leaves);
        let mut told = Vec::new();
        hooks.during(
            &mut |number| told.push((number, leaves[number].grad().double_value(&[0]))),
            || {
                loss().backward();
                loss().backward();
            },
        );
        told.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        // The gradient is there when it is told; what is used twice in one pass is added once.
        assert_eq!(told, [(0, 1.0), (0, 2.0), (1, 2.0), (1, 4.0)]);
        loss().backward();
        drop(hooks);
        loss().backward();
        assert_eq!(told.len(), 4);
        assert_eq!(leaves[1].grad().double_value(&[0]), 8.0);
    }
}
