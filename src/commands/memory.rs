//! What users see where memory runs out: libtorch throws, within operations that cannot fail otherwise.

use std::panic;

use anyhow::anyhow;

use crate::terminal;

/// What libtorch says where the system, or a GPU, has no more memory, or no machine could have so much.
const SHORTAGES: [&str; 3] =
    ["can't allocate memory", "out of memory", "Storage size calculation overflowed"];

/// Has the program end with an error instead of a trace where memory runs out.
pub(super) fn explain_shortage() {
    let otherwise = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str().is_some_and(is_shortage) {
            terminal::print_error(&anyhow!(
                "there is not enough memory for this: use a smaller batch (--batch-size), input (--input-size) \
                 or model"
            ));
            terminal::leave(1);
        }
        otherwise(panic);
    }));
}

fn is_shortage(message: &str) -> bool {
    SHORTAGES.iter().any(|shortage| message.contains(shortage))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn what_libtorch_says_is_recognised() {
        for count in [1 << 58, i64::MAX] {
            let much = Tensor::f_zeros([count], (Kind::Float, Device::Cpu));
            let message = much.unwrap_err().to_string();
            assert!(is_shortage(&message), "{message}");
        }
        assert!(!is_shortage("index out of bounds: the len is 3 but the index is 3"));
    }
}
