//! The gate of what attention finds.

use tch::{Kind, Tensor};

/// The gate of ACTR's and LPMFlow's authors, `(e^x - e^-x) / (e^x + e^(-x-4))` above zero and 0 below, in the form
/// `(1 - e^-2x) / (1 + e^(-2x-4))` that cannot overflow.
pub(crate) fn gate(xs: &Tensor) -> Tensor {
    // In single precision whatever the network's: the quotient is sensitive near zero.
    let below_one: Tensor = xs.to_kind(Kind::Float).relu() * -2.0;
    let below_one = below_one.expm1(); // e^-2x - 1, exact near zero
    let shrink = (-4.0f64).exp();
    (-&below_one / (below_one * shrink + (1.0 + shrink))).to_kind(xs.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gate_equals_its_definition_and_does_not_overflow() {
        let xs = [-3.0f32, -1e-4, 0.0, 1e-6, 0.1, 1.0, 5.0, 40.0];
        let gated = gate(&Tensor::from_slice(&xs));
        for (index, x) in xs.into_iter().map(f64::from).enumerate() {
            let wanted =
                if x <= 0.0 { 0.0 } else { (x.exp() - (-x).exp()) / (x.exp() + (-x - 4.0).exp()) };
            let found = gated.double_value(&[index as i64]);
            assert!((found - wanted).abs() <= 1e-6 * wanted, "gate({x}): {found} is not {wanted}");
        }
        assert_eq!(f64::try_from(gate(&Tensor::from(500.0f32))).unwrap(), 1.0);
    }
}
