//! The code inside a TorchScript file: what libtorch wrote of a traced model, and what becomes of it.
//!
//! Traced weights are constants, which `module.to(device)` does not reach, and devices stand in the code by
//! name. Here the constants become buffers, the code follows the device of its input, loading compares
//! the buffers with a checksum, as PyTorch itself reads altered values without a word, and what was traced
//! becomes the method `flow`, which `forward` calls when it has looked at its input ([`interface::checked`]).

use anyhow::{Context, Result, bail};

use crate::export::interface::{self, CLASS};

/// How libtorch refers to a constant, before its number.
const CONSTANT: &str = "CONSTANTS.c";

/// How libtorch names the device that the model was traced on.
const DEVICE: &str = "torch.device(\"cpu\")";

/// What stands between the class's name and its methods in a traced model.
const HEAD: &str = "(Module):\n  __parameters__ = []\n  __buffers__ = []\n";

/// The code of a traced model.
#[derive(Debug)]
pub(super) struct Code {
    /// How many constants it uses, numbered from 0.
    constants: usize,
    /// The method `forward`.
    forward: String,
}

impl Code {
    /// Takes a traced model's code apart.
    ///
    /// # Errors
    /// When it is not of the form that this version of libtorch writes.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let head = format!("class {CLASS}{HEAD}");
        let forward = text
            .strip_prefix(&head)
            .filter(|methods| {
                methods.starts_with("  def forward(") && !methods.contains("\nclass ")
            })
            .context("libtorch wrote the traced model in a form that is not known")?;
        let mut constants = 0;
        for (start, _) in forward.match_indices(CONSTANT) {
            let number = &forward[start + CONSTANT.len()..];
            let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            let number: usize = number[..end].parse().context("reading a constant's number")?;
            constants = constants.max(number + 1);
        }
        if constants == 0 {
            bail!("the traced model has no weights");
        }
        Ok(Self { constants, forward: forward.to_owned() })
    }

    /// A class that computes the checksum of the constants and nothing else.
    pub(super) fn checksum_alone(&self) -> String {
        format!("class {CLASS}{HEAD}{}", self.checksum("CONSTANTS"))
    }

    /// The class as it is exported, of a model whose photos are squares of side `input_size`. Its state, given
    /// when it is loaded, is the checksum.
    pub(super) fn exported(&self, input_size: usize) -> String {
        let names = self.list(|number| format!("\"c{number}\""));
        let types = self.each(|number| format!("  c{number} : Tensor\n"));
        let assignments = self.each(|number| format!("    self.c{number} = {CONSTANT}{number}\n"));
        let flow = self
            .forward
            .replacen("def forward(", "def flow(", 1)
            .replace(CONSTANT, "self.c")
            .replace(DEVICE, "source.device")
            .replace("argument_1", "source")
            .replace("argument_2", "target");
        let checksum = self.checksum("self");
        let checked = interface::checked();
        format!(
            "class {CLASS}(Module):
  __parameters__ = []
  __buffers__ = [{names}]
  input_size : int
{types}{checked}{flow}{checksum}  def __getstate__(self: __torch__.{CLASS}) -> int:
    return (self).checksum()
  def __setstate__(self: __torch__.{CLASS},
    state: int) -> NoneType:
    self.input_size = {input_size}
{assignments}    if torch.ne((self).checksum(), state):
      ops.prim.RaiseException(\"the weights are not what lpmflow wrote: the file is damaged\")
    else:
      pass
    return None
"
        )
    }

    /// A method that sums the tensors of `owner` exactly, whatever the order: floats as mantissa of 24
    /// bits and exponent.
    fn checksum(&self, owner: &str) -> String {
        let values = self.list(|number| format!("{owner}.c{number}"));
        format!(
            "  def checksum(self: __torch__.{CLASS}) -> int:
    sum = 0
    for value in [{values}]:
      if torch.is_floating_point(value):
        mantissa, exponent, = torch.frexp(torch.to(value, 6))
        mantissa0 = torch.to(torch.mul(mantissa, 16777216.), 4)
        part = torch.add(torch.sum(mantissa0), torch.sum(exponent))
      else:
        part = torch.sum(value)
      sum = torch.add(sum, int(part))
    return sum
"
        )
    }

    fn each(&self, text: impl Fn(usize) -> String) -> String {
        (0..self.constants).map(text).collect()
    }

    fn list(&self, text: impl Fn(usize) -> String) -> String {
        (0..self.constants).map(text).collect::<Vec<_>>().join(", ")
    }
}

/// The pickle of a module whose state is the number `checksum`.
pub(super) fn state(checksum: i64) -> Vec<u8> {
    let mut pickle = format!("\u{2}c__torch__\n{CLASS}\n)").into_bytes();
    pickle.insert(0, 0x80); // version 2
    pickle.push(0x81); // a new object of the class
    pickle.extend([0x8a, 8]); // an integer of eight bytes
    pickle.extend(checksum.to_le_bytes());
    pickle.extend(*b"b."); // becomes the object's state
    pickle
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACED: &str = "class LpmFlow(Module):
  __parameters__ = []
  __buffers__ = []
  def forward(self: __torch__.LpmFlow,
    argument_1: Tensor,
    argument_2: Tensor) -> Tensor:
    _0 = torch.linear(argument_1, CONSTANTS.c10, CONSTANTS.c2)
    _1 = torch.arange(8, dtype=6, layout=None, device=torch.device(\"cpu\"))
    return torch.add(torch.add(_0, _1), argument_2)
";

    #[test]
    fn constants_become_buffers_and_devices_follow_the_input() {
        let exported = Code::parse(TRACED).unwrap().exported(384);
        assert!(exported.contains("_0 = torch.linear(source, self.c10, self.c2)\n"), "{exported}");
        assert!(exported.contains("layout=None, device=source.device)\n"), "{exported}");
        assert!(exported.contains("\"c9\", \"c10\"]\n"), "{exported}");
        assert!(exported.contains("    self.c10 = CONSTANTS.c10\n"), "{exported}");
        assert!(!exported.contains("argument_") && !exported.contains("cpu"), "{exported}");
        assert!(
            exported.contains("  def flow(self: __torch__.LpmFlow,\n    source: Tensor"),
            "{exported}"
        );
        assert!(exported.contains("    self.input_size = 384\n"), "{exported}");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "class Other(Module):\n",
            &TRACED.replace("buffers__ = []", "buffers__ = [\"a\"]"),
            &TRACED.replace("CONSTANTS.c", "self."),
            &format!("{TRACED}class Second(Module):\n"),
        ] {
            assert!(Code::parse(text).is_err(), "{text}");
        }
    }
}
