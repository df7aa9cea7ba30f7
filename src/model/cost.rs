//! Arithmetic a model needs, counted from its configuration.
//!
//! Counted are the matrix products and convolutions, a multiplication with its addition as two
//! operations; element-wise work is left out. For the paper's configuration the sum agrees with what
//! was measured on the reference, less the projections that the reference computes and does not use.

use std::iter::Sum;
use std::ops::Add;

/// What one part of the network does for a pair of photos.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StageCost {
    /// The part.
    pub name: &'static str,
    /// Its arithmetic.
    pub work: Work,
}

/// Matrix products, and what is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Work {
    /// Linear maps, attention, and convolutions in the form of products.
    pub products: Vec<Product>,
    /// Operations of what is counted beside them, such as filters of single channels.
    pub other: f64,
}

/// Matrix products of one size: `[rows, inner]` by `[inner, columns]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product {
    /// How often it is done, one after another.
    pub times: i64,
    /// How many are done at once, where each has a second factor of its own; `None` where all rows share it, as they
    /// do a weight.
    pub batch: Option<i64>,
    /// Rows of the first factor.
    pub rows: i64,
    /// What is summed over.
    pub inner: i64,
    /// Columns of the second factor.
    pub columns: i64,
}

impl Product {
    fn operations(&self) -> f64 {
        let Self { times, batch, rows, inner, columns } = *self;
        [times, batch.unwrap_or(1), rows, inner, columns]
            .iter()
            .fold(2.0, |product, &size| product * size as f64)
    }
}

impl Work {
    /// A linear map of so many rows.
    pub(crate) fn map(rows: i64, inner: i64, columns: i64) -> Self {
        let product = Product { times: 1, batch: None, rows, inner, columns };
        Self { products: vec![product], other: 0.0 }
    }

    /// Products of as many pairs of matrices at once.
    pub(crate) fn pairwise(batch: i64, rows: i64, inner: i64, columns: i64) -> Self {
        let product = Product { times: 1, batch: Some(batch), rows, inner, columns };
        Self { products: vec![product], other: 0.0 }
    }

    /// Floating-point operations that are no matrix product.
    pub(crate) fn other(operations: f64) -> Self {
        Self { products: Vec::new(), other: operations }
    }

    /// The same so many times, one after another.
    pub(crate) fn repeated(mut self, times: i64) -> Self {
        self.products.iter_mut().for_each(|product| product.times *= times);
        self.other *= times as f64;
        self
    }

    /// The same on a batch of so many.
    pub(crate) fn at_once(mut self, count: i64) -> Self {
        for product in &mut self.products {
            *product.batch.as_mut().unwrap_or(&mut product.rows) *= count;
        }
        self.other *= count as f64;
        self
    }

    /// Floating-point operations of the matrix products.
    pub(crate) fn in_products(&self) -> f64 {
        self.products.iter().map(Product::operations).sum()
    }

    /// Floating-point operations of everything.
    pub(crate) fn operations(&self) -> f64 {
        self.in_products() + self.other
    }
}

impl Add for Work {
    type Output = Self;

    fn add(mut self, further: Self) -> Self {
        self.products.extend(further.products);
        self.other += further.other;
        self
    }
}

impl Sum for Work {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Self::add)
    }
}

/// A transformer block over `tokens` that attend in groups of `group`: four projections of width `dim`
/// and a perceptron four times as wide, and the products of attention.
pub(crate) fn block(tokens: i64, group: i64, dim: i64, heads: i64) -> Work {
    attention(tokens, group, dim, heads) + perceptron(tokens, dim, 4 * dim)
}

/// The attention of such a block alone.
pub(crate) fn attention(tokens: i64, group: i64, dim: i64, heads: i64) -> Work {
    Work::map(tokens, dim, 3 * dim)
        + attended(tokens / group * heads, [group, group], dim / heads)
        + Work::map(tokens, dim, dim)
}

/// The products of attention: of `queries` and `keys` of each head, and of the weights and the values.
pub(crate) fn attended(heads: i64, [queries, keys]: [i64; 2], width: i64) -> Work {
    Work::pairwise(heads, queries, width, keys) + Work::pairwise(heads, queries, keys, width)
}

/// A perceptron of one hidden layer.
pub(crate) fn perceptron(tokens: i64, dim: i64, hidden: i64) -> Work {
    Work::map(tokens, dim, hidden) + Work::map(tokens, hidden, dim)
}
