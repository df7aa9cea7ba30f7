//! What a pickle describes, as far as it leads to tensors: containers with named entries, and the calls that stand
//! for tensors. No call is executed; what an unknown one would make is a container of what it is given.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use tch::Kind;

/// A value of a pickle.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Anything without tensors in it.
    Other,
    /// A whole number or a truth value.
    Integer(i64),
    /// A text.
    Text(Rc<str>),
    /// A class or function by its full name.
    Global(Rc<str>),
    /// Values in order that cannot change.
    Tuple(Rc<[Value]>),
    /// A dictionary, list, set, or object of any class.
    Container(Rc<RefCell<Entries>>),
    /// Where a tensor's values are.
    Storage(Rc<Storage>),
    /// A tensor.
    Tensor(Rc<StoredTensor>),
    /// A tensor that is stored in a way that weights are not, by the function that would make it.
    Unreadable(Rc<str>),
}

/// Named values; those of a list are named by their positions.
pub(super) type Entries = Vec<(Rc<str>, Value)>;

/// A stretch of values in the file.
#[derive(Debug)]
pub(super) struct Storage {
    /// Its name in the file.
    pub key: String,
    /// The kind of its values; unknown where it is bytes.
    pub kind: Option<Kind>,
    /// How many there are.
    pub length: i64,
    /// Values left out at its beginning.
    pub start: i64,
}

/// A tensor on a storage.
#[derive(Debug)]
pub(super) struct StoredTensor {
    /// Holds the values.
    pub storage: Rc<Storage>,
    /// The kind of the values.
    pub kind: Kind,
    /// Where the first value stands.
    pub offset: i64,
    /// The tensor's size.
    pub size: Vec<i64>,
    /// Values between neighbours along each axis.
    pub stride: Vec<i64>,
}

impl Value {
    /// A container with these entries.
    pub(super) fn container(entries: Entries) -> Self {
        Self::Container(Rc::new(RefCell::new(entries)))
    }

    /// As the name of an entry; numbers have names too.
    pub(super) fn name(&self) -> Option<Rc<str>> {
        match self {
            Self::Text(text) => Some(Rc::clone(text)),
            Self::Integer(number) => Some(number.to_string().into()),
            _ => None,
        }
    }

    /// How many values are in it, down to a depth: what looking through it costs.
    pub(super) fn weight(&self, depth: usize) -> usize {
        if depth == 0 {
            return 1;
        }
        match self {
            Self::Tuple(items) => items.iter().map(|item| item.weight(depth - 1)).sum(),
            Self::Container(entries) => {
                entries.borrow().iter().map(|(_, value)| value.weight(depth - 1)).sum()
            }
            _ => 1,
        }
    }

    /// Whether it is a tensor or its values, or some of these together.
    fn is_of_tensors(&self) -> bool {
        match self {
            Self::Storage(_) | Self::Tensor(_) => true,
            Self::Tuple(items) => {
                items.iter().any(|item| matches!(item, Self::Storage(_) | Self::Tensor(_)))
            }
            _ => false,
        }
    }

    fn integer(&self) -> Result<i64> {
        match self {
            Self::Integer(number) if *number >= 0 => Ok(*number),
            _ => anyhow::bail!("a size or place of a tensor is no whole number from 0"),
        }
    }

    /// The values of a tuple or list.
    pub(super) fn items(&self) -> Vec<Self> {
        match self {
            Self::Tuple(items) => items.to_vec(),
            Self::Container(entries) => {
                entries.borrow().iter().map(|(_, value)| value.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn entry(&self, name: &str) -> Option<Self> {
        let Self::Container(entries) = self else { return None };
        let entries = entries.borrow();
        entries.iter().rev().find(|(other, _)| **other == *name).map(|(_, value)| value.clone())
    }
}

/// What `callable(*arguments)` would make.
///
/// # Errors
/// When a tensor is described in a way that makes no sense.
pub(super) fn call(callable: &Value, arguments: &Value) -> Result<Value> {
    let items = arguments.items();
    let Value::Global(name) = callable else { return Ok(given(&items)) };
    match &**name {
        "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" => {
            tensor(name, &items, None)
        }
        "torch._utils._rebuild_tensor_v3" => match items.get(6).and_then(kind_of) {
            Some(kind) => tensor(name, &items, Some(kind)),
            None => Ok(Value::Unreadable(Rc::clone(name))),
        },
        "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state" => {
            Ok(items.into_iter().next().unwrap_or(Value::Other))
        }
        "torch._tensor._rebuild_from_type_v2" | "torch._tensor._rebuild_from_type" => {
            match (items.first(), items.get(2)) {
                (Some(Value::Global(inner)), Some(arguments))
                    if inner.starts_with("torch._utils.") =>
                {
                    call(&Value::Global(Rc::clone(inner)), arguments)
                }
                _ => Ok(Value::Unreadable(Rc::clone(name))),
            }
        }
        "collections.OrderedDict" => Ok(pairs(items.first())),
        // Sparse, quantised and nested tensors, and subclasses that say themselves how they are made.
        _ if items.iter().any(Value::is_of_tensors) => Ok(Value::Unreadable(Rc::clone(name))),
        _ => Ok(given(&items)),
    }
}

/// The container that an unknown class makes of the one that it is given; an empty one otherwise.
fn given(items: &[Value]) -> Value {
    match items {
        [container @ Value::Container(_)] => container.clone(),
        _ => Value::container(Entries::new()),
    }
}

/// The dictionary of a list of names and values.
fn pairs(list: Option<&Value>) -> Value {
    let pair = |item: Value| match &item.items()[..] {
        [name, value] => Some((name.name()?, value.clone())),
        _ => None,
    };
    Value::container(
        list.map(Value::items).unwrap_or_default().into_iter().filter_map(pair).collect(),
    )
}

/// The tables that a module keeps what it is made of in.
const MODULE_TABLES: [&str; 3] = ["_parameters", "_buffers", "_modules"];

/// Gives an object the attributes of `state`; a module has those entries that its `state_dict` would have.
pub(super) fn set_state(object: &Value, state: &Value) {
    let Value::Container(entries) = object else { return };
    // Objects with slots have their attributes in the second place.
    let states = match state {
        Value::Tuple(states) => states.to_vec(),
        other => vec![other.clone()],
    };
    for state in states {
        let Value::Container(attributes) = &state else { continue };
        let tables: Vec<Value> =
            MODULE_TABLES.iter().filter_map(|table| state.entry(table)).collect();
        if tables.len() < MODULE_TABLES.len() {
            let attributes = attributes.borrow().clone();
            entries.borrow_mut().extend(attributes);
            continue;
        }
        let left_out = state.entry("_non_persistent_buffers_set").unwrap_or(Value::Other).items();
        let left_out: Vec<Rc<str>> = left_out.iter().filter_map(Value::name).collect();
        for table in tables {
            let Value::Container(table) = table else { continue };
            let kept = table
                .borrow()
                .iter()
                .filter(|(name, _)| !left_out.contains(name))
                .cloned()
                .collect::<Vec<_>>();
            entries.borrow_mut().extend(kept);
        }
    }
}

/// The storage that a persistent id stands for: `("storage", type, key, device, length[, view])`.
///
/// # Errors
/// When it stands for something else.
pub(super) fn storage(id: &Value) -> Result<Storage> {
    let items = id.items();
    let [Value::Text(what), kind, Value::Text(key), _, Value::Integer(length), rest @ ..] =
        &items[..]
    else {
        anyhow::bail!("it refers to something that is no storage of values");
    };
    ensure!(&**what == "storage" && *length >= 0, "it refers to a `{what}` of {length} values");
    // Older files have views: their key, where they begin, and their length.
    let start = match rest.first().map(Value::items).as_deref() {
        Some([_, start, _]) => start.integer()?,
        _ => 0,
    };
    Ok(Storage { key: key.to_string(), kind: kind_of(kind), length: *length, start })
}

/// The kind of a storage or of values, by the name of their class.
fn kind_of(class: &Value) -> Option<Kind> {
    let Value::Global(name) = class else { return None };
    Some(match &**name {
        "torch.DoubleStorage" | "torch.float64" => Kind::Double,
        "torch.FloatStorage" | "torch.float32" => Kind::Float,
        "torch.HalfStorage" | "torch.float16" => Kind::Half,
        "torch.BFloat16Storage" | "torch.bfloat16" => Kind::BFloat16,
        "torch.LongStorage" | "torch.int64" => Kind::Int64,
        "torch.IntStorage" | "torch.int32" => Kind::Int,
        "torch.ShortStorage" | "torch.int16" => Kind::Int16,
        "torch.CharStorage" | "torch.int8" => Kind::Int8,
        "torch.ByteStorage" | "torch.uint8" => Kind::Uint8,
        "torch.BoolStorage" | "torch.bool" => Kind::Bool,
        _ => return None,
    })
}

/// The tensor that `(storage, offset, size, stride, ...)` describes.
fn tensor(function: &Rc<str>, items: &[Value], kind: Option<Kind>) -> Result<Value> {
    let [Value::Storage(storage), offset, size, stride, ..] = items else {
        return Ok(Value::Unreadable(Rc::clone(function)));
    };
    let Some(kind) = kind.or(storage.kind) else {
        return Ok(Value::Unreadable(Rc::clone(function)));
    };
    let sizes =
        |value: &Value| value.items().iter().map(Value::integer).collect::<Result<Vec<_>>>();
    let (size, stride) = (sizes(size)?, sizes(stride)?);
    ensure!(
        size.len() == stride.len(),
        "a tensor has {} sizes and {} strides",
        size.len(),
        stride.len()
    );
    let offset = offset.integer()?.checked_add(storage.start);
    let offset = offset.context("a tensor begins beyond its values")?;
    let tensor = StoredTensor { storage: Rc::clone(storage), kind, offset, size, stride };
    let length = match storage.kind {
        Some(_) => storage.length,
        None => storage.length / kind.elt_size_in_bytes() as i64,
    };
    let end = tensor.end().context("a tensor is larger than any file")?;
    ensure!(end <= length, "a tensor needs {end} values, but its storage has {length}");
    Ok(Value::Tensor(Rc::new(tensor)))
}

impl StoredTensor {
    /// The place behind the last value in the storage.
    fn end(&self) -> Option<i64> {
        if self.size.contains(&0) {
            return Some(0);
        }
        let steps = self.size.iter().zip(&self.stride);
        let last = steps.map(|(size, stride)| (size - 1).checked_mul(*stride));
        last.chain([Some(self.offset), Some(1)]).try_fold(0i64, |sum, term| sum.checked_add(term?))
    }

    /// How many values it has, repeated ones as often as they are repeated.
    pub(super) fn values(&self) -> Option<i64> {
        self.size.iter().try_fold(1i64, |product, length| product.checked_mul(*length))
    }
}
