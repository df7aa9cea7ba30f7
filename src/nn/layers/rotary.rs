//! Rotary positions in two dimensions (Su et al. 2021), as DINOv3 has them.

use std::f64::consts::TAU;

use tch::{Kind, Tensor};

use crate::nn::parameters::{Init, VarBuilder};

/// The period of the slowest turn that the fresh periods would reach next.
const BASE: f64 = 100.0;

/// The periods of the turns; a buffer of that name.
#[derive(Debug)]
pub(crate) struct Rotary {
    /// `[d / 4]`, float32 whatever the tokens are: rounded to 16 bits they would move every feature.
    periods: Tensor,
}

/// How queries and keys of a grid's places are turned.
#[derive(Debug)]
pub(crate) struct Rotation {
    /// `[P, 1, 1, d]` each.
    cos: Tensor,
    sin: Tensor,
}

impl Rotary {
    /// Periods for heads of `head_dim` values.
    pub(crate) fn new(path: &VarBuilder, head_dim: i64) -> Self {
        let path = path.in_kind(Kind::Float);
        Self { periods: path.buffer("periods", &[head_dim / 4], Init::Powers(BASE)) }
    }

    /// The rotation of a grid of `height` x `width` places, row by row. Centres lie in -1 to 1 along each side.
    pub(crate) fn of_grid(&self, [height, width]: [i64; 2]) -> Rotation {
        let options = (Kind::Float, self.periods.device());
        let centres =
            |count: i64| (Tensor::arange(count, options) + 0.5) / count as f64 * 2.0 - 1.0;
        let rows = centres(height).view([height, 1]).expand([height, width], false).flatten(0, 1);
        let columns = centres(width).view([1, width]).expand([height, width], false).flatten(0, 1);
        let places = Tensor::stack(&[rows, columns], 1).unsqueeze(2); // [P, 2, 1]
        let angles = (places * TAU / &self.periods).flatten(1, 2); // [P, d / 2]: row, then column
        let angles = Tensor::cat(&[&angles, &angles], 1).unsqueeze(1).unsqueeze(1); // [P, 1, 1, d]
        Rotation { cos: angles.cos(), sin: angles.sin() }
    }
}

impl Rotation {
    /// Turns the queries and keys of the last P tokens; the tokens before have no place.
    ///
    /// # Shapes
    /// `qkv` `[B, N, 3, h, d]` to the same shape.
    pub(crate) fn apply(&self, qkv: &Tensor) -> Tensor {
        let (tokens, places) = (qkv.size()[1], self.cos.size()[0]);
        let [queries_keys, values] = [(0, 2), (2, 1)].map(|(start, n)| qkv.narrow(2, start, n));
        let before = queries_keys.narrow(1, 0, tokens - places);
        let turned = self.turn(&queries_keys.narrow(1, tokens - places, places));
        Tensor::cat(&[Tensor::cat(&[before, turned], 1), values], 2)
    }

    /// `[B, P, 2, h, d]` to the same shape: the first half of a head's values with the second.
    fn turn(&self, xs: &Tensor) -> Tensor {
        let [cos, sin] = [&self.cos, &self.sin].map(|angles| angles.to_kind(xs.kind()));
        let halves = xs.chunk(2, -1);
        let other = Tensor::cat(&[-&halves[1], halves[0].shallow_clone()], -1);
        xs * cos + other * sin
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn rotary() -> Rotary {
        Rotary::new(&VarBuilder::fresh(Device::Cpu), 8)
    }

    #[test]
    fn fresh_periods_grow_by_one_factor() {
        let periods = Vec::<f32>::try_from(&rotary().periods).unwrap();
        assert_eq!(periods, [1.0, 10.0]);
    }

    #[test]
    fn products_of_turned_vectors_depend_on_the_distance_of_their_places_alone() {
        let rotation = rotary().of_grid([4, 4]);
        let vectors = Tensor::randn([2, 8], (Kind::Float, Device::Cpu));
        // The same query and the same key everywhere.
        let qkv = Tensor::stack(&[vectors.get(0), vectors.get(1), vectors.get(0)], 0)
            .view([1, 1, 3, 1, 8])
            .expand([1, 17, 3, 1, 8], false);
        let turned = rotation.apply(&qkv.contiguous());
        let product = |query: i64, key: i64| {
            let of = |token: i64, part: i64| turned.get(0).get(token).get(part).flatten(0, 1);
            of(query, 0).dot(&of(key, 1)).double_value(&[])
        };
        // Tokens 1 + row * 4 + column: one down and two to the right, at two places.
        assert!((product(1, 7) - product(6, 12)).abs() < 1e-5);
        assert!((product(1, 7) - product(1, 10)).abs() > 1e-3, "rows are not columns");
        assert_eq!(turned.narrow(1, 0, 1), qkv.narrow(1, 0, 1), "no place, no turn");
        assert_eq!(turned.narrow(2, 2, 1), qkv.narrow(2, 2, 1), "values are not turned");
    }
}
