//! The matrix products of a forward pass alone: what is left of it where everything else takes no time.

use tch::{Device, Kind, Tensor};

use crate::model::cost::{Product, StageCost};
use crate::nn::ops::Operation;
use crate::nn::ops::linear::{After, LinearMap, Packed};

/// The products of a pass, each with factors of its own.
#[derive(Debug)]
pub(super) struct Products {
    products: Vec<(i64, Factors)>,
}

/// What is multiplied.
#[derive(Debug)]
enum Factors {
    /// Rows `[R, I]` by a weight `[C, I]`, as the network's linear maps are done.
    Map { rows: Tensor, weight: Tensor, bias: Tensor, packed: Packed },
    /// `[B, R, I]` by `[B, I, C]`.
    Pairwise(Tensor, Tensor),
}

impl Products {
    /// Those of `pairs` pairs of photos, on random values. Convolutions are products of as many operations.
    pub(super) fn new(stages: &[StageCost], pairs: usize, options: (Kind, Device)) -> Self {
        let work =
            stages.iter().flat_map(|stage| stage.work.clone().at_once(pairs as i64).products);
        let products = work.map(|product| (product.times, Factors::new(&product, options)));
        Self { products: products.collect() }
    }

    /// Does all of them once.
    pub(super) fn run(&self) {
        for (times, factors) in &self.products {
            (0..*times).for_each(|_| drop(factors.product()));
        }
    }
}

impl Factors {
    fn new(product: &Product, options: (Kind, Device)) -> Self {
        let Product { batch, rows, inner, columns, .. } = *product;
        let random = |size: &[i64]| Tensor::rand(size, (Kind::Float, options.1)).to_kind(options.0);
        match batch {
            None => {
                let weight = random(&[columns, inner]);
                let packed = Packed::made(&weight, rows);
                let bias = random(&[columns]);
                Self::Map { rows: random(&[rows, inner]), weight, bias, packed }
            }
            Some(batch) => {
                Self::Pairwise(random(&[batch, rows, inner]), random(&[batch, inner, columns]))
            }
        }
    }

    fn product(&self) -> Tensor {
        match self {
            Self::Map { rows, weight, bias, packed } => {
                LinearMap { xs: rows, weight, bias, packed, after: After::Nothing }.run()
            }
            Self::Pairwise(first, second) => first.bmm(second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cost::{Work, attention};

    #[test]
    fn products_have_the_sizes_that_are_counted() {
        let work = attention(8, 4, 6, 2).repeated(3) + Work::other(1.0);
        let products =
            Products::new(&[StageCost { name: "x", work }], 5, (Kind::Float, Device::Cpu));
        let found: Vec<_> = products
            .products
            .iter()
            .map(|(times, factors)| (*times, factors.product().size()))
            .collect();
        let batch = 5 * 8 / 4 * 2;
        let sizes = [vec![40, 18], vec![batch, 4, 4], vec![batch, 4, 3], vec![40, 6]];
        assert_eq!(found, sizes.map(|size| (3, size)));
    }
}
