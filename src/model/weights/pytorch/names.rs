//! The tensors of a checkpoint by name: the keys of the containers around them, joined by dots.

use std::collections::BTreeMap;
use std::ptr;
use std::rc::Rc;

use anyhow::{Result, ensure};

use crate::model::weights::pytorch::value::{StoredTensor, Value};

/// Containers within each other that are looked into; weights do not lie deeper.
const DEPTH: usize = 64;

/// Values that are looked at in all: containers may hold the same one many times.
const VALUE_LIMIT: usize = 1_000_000;

/// A tensor, or what takes the place of one.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// A tensor.
    Tensor(Rc<StoredTensor>),
    /// One that is not stored as weights are, by the function that would make it.
    Unreadable(Rc<str>),
}

/// A named tensor.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The outermost containers' names, the tensor's own last.
    pub path: Vec<Rc<str>>,
    /// The tensor.
    pub found: Found,
}

/// Finds all tensors within `root`, by their full names.
///
/// # Errors
/// When there are more values than in any checkpoint.
pub(super) fn tensors(root: &Value) -> Result<BTreeMap<String, Named>> {
    let mut search = Search::default();
    search.within(root)?;
    Ok(search.named)
}

#[derive(Default)]
struct Search {
    path: Vec<Rc<str>>,
    /// The containers that are being looked into: objects may refer to what they are part of.
    open: Vec<*const ()>,
    values: usize,
    named: BTreeMap<String, Named>,
}

impl Search {
    fn within(&mut self, value: &Value) -> Result<()> {
        self.values += 1;
        ensure!(self.values <= VALUE_LIMIT, "it holds more values than any checkpoint");
        match value {
            Value::Tensor(tensor) => self.keep(Found::Tensor(Rc::clone(tensor))),
            Value::Unreadable(function) => self.keep(Found::Unreadable(Rc::clone(function))),
            Value::Container(entries) => {
                let place = ptr::from_ref(&**entries).cast();
                if self.open.len() < DEPTH && !self.open.contains(&place) {
                    self.open.push(place);
                    for (name, value) in entries.borrow().iter() {
                        self.entry(Rc::clone(name), value)?;
                    }
                    self.open.pop();
                }
            }
            Value::Tuple(items) if self.open.len() < DEPTH => {
                self.open.push(ptr::null());
                for (position, item) in items.iter().enumerate() {
                    self.entry(position.to_string().into(), item)?;
                }
                self.open.pop();
            }
            _ => {}
        }
        Ok(())
    }

    fn entry(&mut self, name: Rc<str>, value: &Value) -> Result<()> {
        self.path.push(name);
        self.within(value)?;
        self.path.pop();
        Ok(())
    }

    fn keep(&mut self, found: Found) {
        let named = Named { path: self.path.clone(), found };
        self.named.insert(self.path.join("."), named);
    }
}
