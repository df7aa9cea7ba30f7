//! The parameters of a model: asked for by name and shape, taken from a weight file or initialised.
//!
//! A model is built once against its parameters. Building it from a weight file therefore finds
//! everything that is missing or of the wrong shape, and what the model never asked for is left over:
//! strictness by construction, reported as a whole.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::ops::Div;
use std::rc::Rc;

use tch::{Device, Kind, Tensor};

/// How a fresh parameter starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// All values equal.
    Constant(f64),
    /// Normal distribution with this std, cut at two deviations.
    TruncatedNormal(f64),
    /// Evenly spread over `-bound..bound`.
    Uniform(f64),
    /// Evenly spaced from the first number to the second.
    Line(f64, f64),
    /// Powers of this base, their exponents evenly spaced from 0 to below 1.
    Powers(f64),
}

/// Which learning rate a parameter is trained with, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(pub &'static str);

impl Group {
    /// The pretrained backbone.
    pub const BACKBONE: Self = Self("backbone");
    /// Whatever is in no other group.
    pub const HEAD: Self = Self("head");
}

/// One parameter of a built model, or one of its buffers.
#[derive(Debug)]
pub struct Parameter {
    /// The full name, its segments joined by dots.
    pub name: String,
    /// Its values; shares storage with the layer that uses it.
    pub tensor: Tensor,
    /// Its learning rate's group.
    pub group: Group,
    /// Whether it is stored with the model but never trained: running statistics, fixed tables.
    pub buffer: bool,
}

/// A parameter whose stored form does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The full name.
    pub name: String,
    /// What the model needs.
    pub expected: String,
    /// What the file holds.
    pub found: String,
}

/// What building a model from stored values came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOutcome {
    /// Names found and used.
    pub loaded: Vec<String>,
    /// Names the model needs that the file lacks.
    pub missing: Vec<String>,
    /// Names in the file that the model does not have.
    pub unexpected: Vec<String>,
    /// Names found with another shape or kind of number.
    pub mismatched: Vec<Mismatch>,
}

#[derive(Debug)]
struct Store {
    /// Values from a file, taken out as they are used; `None` for a fresh model.
    stored: Option<BTreeMap<String, Tensor>>,
    /// Names that begin otherwise start fresh.
    stored_below: String,
    device: Device,
    parameters: Vec<Parameter>,
    names: HashSet<String>,
    outcome: LoadOutcome,
}

/// A place among the parameters of a model: `&path / "blocks" / 3` is the place `blocks.3`.
#[derive(Clone, Debug)]
pub struct VarBuilder {
    store: Rc<RefCell<Store>>,
    prefix: String,
    group: Group,
    kind: Kind,
}

impl VarBuilder {
    /// The root of a model whose parameters start fresh, drawn from libtorch's random generator.
    pub fn fresh(device: Device) -> Self {
        Self::root(None, "", device)
    }

    /// The root of a model whose parameters take the `stored` values. What does not fit is found in
    /// [`VarBuilder::finish`]'s outcome; until then such parameters are zeros that take no memory, whatever
    /// their shape, as it may come from a stranger's file.
    pub fn stored(stored: BTreeMap<String, Tensor>, device: Device) -> Self {
        Self::root(Some(stored), "", device)
    }

    /// As [`VarBuilder::stored`] for the parameters whose names begin with `prefix`; the others start fresh.
    pub fn stored_below(stored: BTreeMap<String, Tensor>, prefix: &str, device: Device) -> Self {
        Self::root(Some(stored), prefix, device)
    }

    fn root(stored: Option<BTreeMap<String, Tensor>>, below: &str, device: Device) -> Self {
        let store = Store {
            stored,
            stored_below: below.to_owned(),
            device,
            parameters: Vec::new(),
            names: HashSet::new(),
            outcome: LoadOutcome::default(),
        };
        Self {
            store: Rc::new(RefCell::new(store)),
            prefix: String::new(),
            group: Group::HEAD,
            kind: Kind::Float,
        }
    }

    /// The same place, its parameters trained in `group`.
    pub fn in_group(&self, group: Group) -> Self {
        Self { group, ..self.clone() }
    }

    /// The same place, its parameters held in this kind of number (float32 unless said).
    pub fn in_kind(&self, kind: Kind) -> Self {
        Self { kind, ..self.clone() }
    }

    /// The device the parameters are on.
    pub fn device(&self) -> Device {
        self.store.borrow().device
    }

    /// The parameter `name` here.
    ///
    /// # Panics
    /// When the model asks for the same name twice.
    pub fn parameter(&self, name: &str, shape: &[i64], init: Init) -> Tensor {
        self.take(name, shape, init, false)
    }

    /// The buffer `name` here: as [`VarBuilder::parameter`], but never trained.
    ///
    /// # Panics
    /// As [`VarBuilder::parameter`].
    pub fn buffer(&self, name: &str, shape: &[i64], init: Init) -> Tensor {
        self.take(name, shape, init, true)
    }

    fn take(&self, name: &str, shape: &[i64], init: Init, buffer: bool) -> Tensor {
        let name = self.full_name(name);
        let mut store = self.store.borrow_mut();
        assert!(
            store.names.insert(name.clone()),
            "the model asks for the parameter `{name}` twice"
        );
        let tensor = store.take(&name, shape, init, self.kind);
        let parameter = tensor.shallow_clone();
        store.parameters.push(Parameter { name, tensor: parameter, group: self.group, buffer });
        tensor
    }

    /// Ends the building: the parameters in the order they were asked for, and how the stored values
    /// fitted.
    pub fn finish(&self) -> (Vec<Parameter>, LoadOutcome) {
        let mut store = self.store.borrow_mut();
        let mut outcome = std::mem::take(&mut store.outcome);
        outcome.unexpected =
            store.stored.take().into_iter().flatten().map(|(name, _)| name).collect();
        (std::mem::take(&mut store.parameters), outcome)
    }

    fn full_name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) }
    }
}

impl Store {
    fn take(&mut self, name: &str, shape: &[i64], init: Init, kind: Kind) -> Tensor {
        let from_file = name.starts_with(&self.stored_below);
        let Some(stored) = self.stored.as_mut().filter(|_| from_file) else {
            return initial(shape, init, self.device).to_kind(kind);
        };
        let Some(tensor) = stored.remove(name) else {
            self.outcome.missing.push(name.to_owned());
            return weightless(shape, kind, self.device);
        };
        let is_float =
            matches!(tensor.kind(), Kind::Float | Kind::Half | Kind::BFloat16 | Kind::Double);
        if tensor.size() != shape || !is_float {
            self.outcome.mismatched.push(Mismatch {
                name: name.to_owned(),
                expected: format!("{} {shape:?}", kind_name(Kind::Float)),
                found: format!("{} {:?}", kind_name(tensor.kind()), tensor.size()),
            });
            return weightless(shape, kind, self.device);
        }
        self.outcome.loaded.push(name.to_owned());
        tensor.to_device(self.device).to_kind(kind)
    }
}

/// A kind of number as PyTorch's users know it.
fn kind_name(kind: Kind) -> String {
    match kind {
        Kind::Float => "float32".to_owned(),
        Kind::Half => "float16".to_owned(),
        Kind::Double => "float64".to_owned(),
        Kind::Int => "int32".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// Zeros that share one value in memory.
fn weightless(shape: &[i64], kind: Kind, device: Device) -> Tensor {
    Tensor::zeros(vec![1; shape.len()], (kind, device)).expand(shape, false)
}

fn initial(shape: &[i64], init: Init, device: Device) -> Tensor {
    let options = (Kind::Float, device);
    match init {
        Init::Constant(value) => Tensor::full(shape, value, options),
        Init::Uniform(bound) => Tensor::empty(shape, options).uniform_(-bound, bound),
        Init::Line(first, last) => {
            Tensor::linspace(first, last, shape.iter().product(), options).reshape(shape)
        }
        Init::Powers(base) => {
            let count: i64 = shape.iter().product();
            let exponents = Tensor::arange(count, options) / count as f64;
            (exponents * base.ln()).exp().reshape(shape)
        }
        Init::TruncatedNormal(std) => {
            // Inverse of the normal distribution function over the probabilities of -2..2 deviations.
            let tail = libm_erf(2.0 / std::f64::consts::SQRT_2);
            let mut quantiles = Tensor::empty(shape, options).uniform_(-tail, tail);
            quantiles.erfinv_() * (std * std::f64::consts::SQRT_2)
        }
    }
}

/// The error function, by libtorch.
fn libm_erf(x: f64) -> f64 {
    Tensor::from(x).erf().double_value(&[])
}

impl<T: Display> Div<T> for &VarBuilder {
    type Output = VarBuilder;

    fn div(self, segment: T) -> VarBuilder {
        VarBuilder { prefix: self.full_name(&segment.to_string()), ..self.clone() }
    }
}

impl<T: Display> Div<T> for VarBuilder {
    type Output = VarBuilder;

    fn div(self, segment: T) -> VarBuilder {
        &self / segment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(entries: &[(&str, Tensor)]) -> BTreeMap<String, Tensor> {
        entries.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.shallow_clone())).collect()
    }

    #[test]
    fn everything_that_does_not_fit_is_found_at_once() {
        let path = VarBuilder::stored(
            stored(&[
                ("neck.weight", Tensor::ones([2, 3], (Kind::Half, Device::Cpu))),
                ("neck.bias", Tensor::ones([1], (Kind::Float, Device::Cpu))),
                ("index", Tensor::ones([2], (Kind::Int64, Device::Cpu))),
                ("surplus", Tensor::ones([1], (Kind::Float, Device::Cpu))),
            ]),
            Device::Cpu,
        );
        let weight = (&path / "neck").parameter("weight", &[2, 3], Init::Constant(0.0));
        let bias = (&path / "neck").parameter("bias", &[3], Init::Constant(0.0));
        let _ = path.parameter("index", &[2], Init::Constant(0.0));
        let _ = path.parameter("absent", &[2], Init::Constant(0.0));
        let (parameters, outcome) = path.finish();
        assert_eq!(weight.kind(), Kind::Float, "stored in half precision, used in single");
        assert_eq!(bias.size(), [3], "a one-value bias is not broadcast");
        assert_eq!(parameters.len(), 4);
        assert_eq!(outcome.loaded, ["neck.weight"]);
        assert_eq!(outcome.missing, ["absent"]);
        assert_eq!(outcome.unexpected, ["surplus"]);
        let mismatched: Vec<&str> = outcome.mismatched.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(mismatched, ["neck.bias", "index"]);
    }

    #[test]
    fn what_a_file_lacks_takes_no_memory() {
        let wrong = stored(&[("wrong", Tensor::ones([1], (Kind::Float, Device::Cpu)))]);
        let path = VarBuilder::stored(wrong, Device::Cpu).in_kind(Kind::Half);
        for name in ["absent", "wrong"] {
            // 32 TiB if it had its own values.
            let tensor = path.parameter(name, &[1 << 22, 1 << 22], Init::Constant(1.0));
            assert_eq!((tensor.size(), tensor.stride()), (vec![1 << 22, 1 << 22], vec![0, 0]));
            assert_eq!(tensor.kind(), Kind::Half);
        }
    }

    #[test]
    fn only_names_below_the_prefix_come_from_the_file() {
        let ones = Tensor::ones([1], (Kind::Float, Device::Cpu));
        let entries = [("backbone.bias", ones.shallow_clone()), ("neck.bias", ones)];
        let path = VarBuilder::stored_below(stored(&entries), "backbone.", Device::Cpu);
        let backbone = (&path / "backbone").parameter("bias", &[1], Init::Constant(0.0));
        let neck = (&path / "neck").parameter("bias", &[1], Init::Constant(0.5));
        let (_, outcome) = path.finish();
        assert_eq!([backbone.double_value(&[0]), neck.double_value(&[0])], [1.0, 0.5]);
        assert_eq!(outcome.unexpected, ["neck.bias"]);
    }

    #[test]
    #[should_panic(expected = "asks for the parameter `a.x` twice")]
    fn asking_twice_for_one_name_is_a_bug() {
        let path = VarBuilder::fresh(Device::Cpu) / "a";
        let _ = path.parameter("x", &[1], Init::Constant(0.0));
        let _ = path.parameter("x", &[1], Init::Constant(0.0));
    }

    #[test]
    fn truncated_normal_has_its_deviation_and_stays_within_two() {
        let values = initial(&[200_000], Init::TruncatedNormal(0.02), Device::Cpu);
        assert!(values.abs().max().double_value(&[]) <= 0.04 + 1e-7);
        // The std of a normal cut at two deviations is 0.8796 of the uncut one.
        assert!((values.std(true).double_value(&[]) / 0.02 - 0.8796).abs() < 0.01);
    }
}
