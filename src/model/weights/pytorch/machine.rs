//! Follows the instructions of a pickle with a stack and a memo, as Python does, and never calls anything.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};

use crate::model::weights::pytorch::instructions::{Instructions, Operand};
use crate::model::weights::pytorch::value::{self, Entries, Storage, Value};

/// Values that all calls together may look through: small pickles could ask for the same large list again and
/// again.
const WORK_LIMIT: usize = 4_000_000;

/// How deep calls look into what they are given.
const DEPTH: usize = 4;

/// The state between instructions.
#[derive(Debug, Default)]
pub(super) struct Machine {
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<i64, Value>,
    /// Every storage that was referred to.
    pub storages: BTreeMap<String, Rc<Storage>>,
    work: usize,
    /// Every value that may hold others, in the order they were made.
    made: Vec<Value>,
}

impl Machine {
    /// Follows one pickle to its end: what it describes.
    ///
    /// # Errors
    /// When an instruction has not what it needs, or describes more than a checkpoint plausibly holds.
    pub(super) fn run<R: BufRead>(&mut self, instructions: &mut Instructions<R>) -> Result<Value> {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        loop {
            let (code, operand) = instructions.next()?;
            if code == b'.' {
                return self.pop();
            }
            self.step(code, operand)?;
        }
    }

    fn step(&mut self, code: u8, operand: Operand) -> Result<()> {
        match (code, operand) {
            (b'(', _) => self.marks.push(self.stack.len()),
            (b'0', _) => self.pop_or_mark()?,
            (b'1', _) => drop(self.since_mark()?),
            (b'2', _) => self.stack.push(self.top()?.clone()),
            (b'q' | b'r', Operand::Integer(place)) => self.remember(place)?,
            (b'p', Operand::Text(place)) => self.remember(place.parse()?)?,
            (0x94, _) => self.remember(self.memo.len() as i64)?,
            (b'h' | b'j', Operand::Integer(place)) => self.recall(place)?,
            (b'g', Operand::Text(place)) => self.recall(place.parse()?)?,
            (b']' | b'}' | 0x8f, _) => self.make(Value::container(Entries::new())),
            (b')', _) => self.make(Value::Tuple(Rc::new([]))),
            (b't', _) => {
                let items = self.since_mark()?;
                self.make(Value::Tuple(items.into()));
            }
            (0x85..=0x87, _) => {
                let items = self.last(usize::from(code - 0x84))?;
                self.make(Value::Tuple(items.into()));
            }
            (b'l' | b'd' | 0x91, _) => {
                let items = self.since_mark()?;
                self.make(Value::container(Entries::new()));
                self.add(items, code == b'd')?;
            }
            (b'a', _) => {
                let item = self.pop()?;
                self.add(vec![item], false)?;
            }
            (b's', _) => {
                let pair = self.last(2)?;
                self.add(pair, true)?;
            }
            (b'e' | 0x90 | b'u', _) => {
                let items = self.since_mark()?;
                self.add(items, code == b'u')?;
            }
            (b'c', Operand::Names(module, name)) => self.stack.push(global(&module, &name)),
            (0x93, _) => match &self.last(2)?[..] {
                [Value::Text(module), Value::Text(name)] => self.stack.push(global(module, name)),
                _ => bail!("a class has no name"),
            },
            (b'R' | 0x81, _) => {
                let [callable, arguments] = self.several()?;
                self.call(&callable, &arguments)?;
            }
            (0x92, _) => {
                let [class, arguments, _] = self.several()?;
                self.call(&class, &arguments)?;
            }
            (b'i', Operand::Names(module, name)) => {
                let arguments = Value::Tuple(self.since_mark()?.into());
                self.call(&global(&module, &name), &arguments)?;
            }
            (b'o', _) => {
                let items = self.since_mark()?;
                let (class, arguments) = items.split_first().context("an object has no class")?;
                self.call(class, &Value::Tuple(arguments.into()))?;
            }
            (b'b', _) => {
                let state = self.pop()?;
                self.pay(&state)?;
                value::set_state(self.top()?, &state);
            }
            (b'Q', _) => {
                let id = self.pop()?;
                let storage = Rc::new(value::storage(&id)?);
                self.storages.insert(storage.key.clone(), Rc::clone(&storage));
                self.stack.push(Value::Storage(storage));
            }
            (0x80 | 0x95, _) => {}
            (_, operand) => self.stack.push(plain(code, operand)),
        }
        Ok(())
    }

    fn call(&mut self, callable: &Value, arguments: &Value) -> Result<()> {
        self.pay(arguments)?;
        let made = value::call(callable, arguments)?;
        self.make(made);
        Ok(())
    }

    /// Pushes a value that may hold others.
    fn make(&mut self, value: Value) {
        self.made.push(value.clone());
        self.stack.push(value);
    }

    fn pay(&mut self, given: &Value) -> Result<()> {
        self.work += given.weight(DEPTH);
        ensure!(self.work <= WORK_LIMIT, "its pickle makes more objects than any checkpoint");
        Ok(())
    }

    fn pop(&mut self) -> Result<Value> {
        ensure!(
            self.marks.last() != Some(&self.stack.len()),
            "its pickle takes a value that is not there"
        );
        self.stack.pop().context("its pickle takes a value that is not there")
    }

    fn pop_or_mark(&mut self) -> Result<()> {
        match self.marks.pop_if(|mark| *mark == self.stack.len()) {
            Some(_) => Ok(()),
            None => self.pop().map(drop),
        }
    }

    fn top(&self) -> Result<&Value> {
        self.stack.last().context("its pickle needs a value that is not there")
    }

    /// The last `count` values, the deepest first.
    fn last(&mut self, count: usize) -> Result<Vec<Value>> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>>>()?;
        items.reverse();
        Ok(items)
    }

    fn several<const N: usize>(&mut self) -> Result<[Value; N]> {
        let items = self.last(N)?;
        items.try_into().map_err(|_| anyhow::anyhow!("its pickle takes a value that is not there"))
    }

    fn since_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.marks.pop().context("its pickle ends a list that never began")?;
        Ok(self.stack.split_off(mark))
    }

    fn remember(&mut self, place: i64) -> Result<()> {
        let value = self.top()?.clone();
        self.memo.insert(place, value);
        Ok(())
    }

    fn recall(&mut self, place: i64) -> Result<()> {
        let value =
            self.memo.get(&place).context("its pickle refers to a value that is not there")?;
        self.stack.push(value.clone());
        Ok(())
    }

    /// Adds items to the container on top, or names and values in turn. What was thought to be something else,
    /// as the result of an unknown function, is taken for a container.
    fn add(&mut self, items: Vec<Value>, named: bool) -> Result<()> {
        let Value::Container(entries) = self.top()? else { return Ok(()) };
        let mut entries = entries.borrow_mut();
        if !named {
            for item in items {
                let position = entries.len().to_string();
                entries.push((position.into(), item));
            }
            return Ok(());
        }
        for pair in items.chunks_exact(2) {
            if let Some(name) = pair[0].name() {
                entries.push((name, pair[1].clone()));
            }
        }
        Ok(())
    }
}

/// Values that hold each other, or themselves, to any depth are taken apart one by one: left to themselves they
/// would take each other along until the stack ends, or stay for good.
impl Drop for Machine {
    fn drop(&mut self) {
        self.stack.clear();
        self.memo.clear();
        for value in &self.made {
            if let Value::Container(entries) = value {
                // Whatever is in it is among those made as well.
                entries.take();
            }
        }
        while self.made.pop().is_some() {}
    }
}

fn global(module: &str, name: &str) -> Value {
    Value::Global(format!("{module}.{name}").into())
}

/// A value that an instruction holds by itself.
fn plain(code: u8, operand: Operand) -> Value {
    match (code, operand) {
        (0x88, _) => Value::Integer(1),
        (0x89, _) => Value::Integer(0),
        (b'K' | b'M' | b'J' | 0x8a | 0x8b, Operand::Integer(number)) => Value::Integer(number),
        (b'I' | b'L', Operand::Text(text)) => {
            text.trim_end_matches('L').parse().map_or(Value::Other, Value::Integer)
        }
        (b'S', Operand::Text(text)) => Value::Text(text.trim_matches(['\'', '"']).into()),
        (b'V' | b'X' | b'U' | b'T' | 0x8c | 0x8d, Operand::Text(text)) => Value::Text(text.into()),
        _ => Value::Other,
    }
}
