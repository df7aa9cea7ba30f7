//! What a backbone says of a batch of photos: named levels, each a grid of vectors of its own form.

use anyhow::{Context, Result};
use tch::{Kind, Tensor};

use crate::nn::resize::{Corners, resize_bilinear};

/// The name of a backbone's deepest level.
pub(crate) const LAST: &str = "last";

/// The name of the level that tells how much a head has changed the features of each cell: 1 less the cosine of what
/// they were and what they are.
pub(crate) const CHANGE: &str = "change";

/// The form of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeatureShape {
    /// Values per token (D).
    pub dim: i64,
    /// Rows of the patch grid.
    pub rows: i64,
    /// Its columns.
    pub columns: i64,
    /// Whether a class token precedes the patches.
    pub class_token: bool,
}

impl FeatureShape {
    /// A square grid, no class token.
    pub(crate) const fn square(dim: i64, side: i64) -> Self {
        Self { dim, rows: side, columns: side, class_token: false }
    }

    /// The same behind a class token.
    pub(crate) const fn with_class_token(self) -> Self {
        Self { class_token: true, ..self }
    }

    /// Rows, and columns, of a square grid (G).
    ///
    /// # Panics
    /// When the grid is none: whoever asks must have refused such features.
    pub(crate) fn side(&self) -> i64 {
        assert_eq!(self.rows, self.columns, "the grid of the features is to be a square");
        self.rows
    }

    /// Patches.
    pub(crate) fn cells(&self) -> i64 {
        self.rows * self.columns
    }
}

/// A level that a backbone can give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LevelShape {
    /// Its name among the backbone's levels.
    pub name: String,
    /// Its form.
    pub shape: FeatureShape,
}

impl LevelShape {
    /// The deepest level of a backbone.
    pub(crate) fn last(shape: FeatureShape) -> Self {
        Self { name: LAST.to_owned(), shape }
    }
}

/// The form of the deepest of a backbone's levels, which come in order of depth.
///
/// # Panics
/// Without any level.
pub(crate) fn deepest(levels: &[LevelShape]) -> &FeatureShape {
    &levels[levels.len() - 1].shape
}

/// Which photo of a pair it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The one whose pixels are asked for.
    Source,
    /// The one in which they are looked for.
    Target,
}

/// The offered levels of these names.
///
/// # Errors
/// When there is none of a name.
pub(crate) fn named(offered: &[LevelShape], names: &[String]) -> Result<Vec<LevelShape>> {
    let level = |name: &String| {
        let found = offered.iter().find(|level| level.name == *name);
        found.cloned().with_context(|| {
            let names: Vec<&str> = offered.iter().map(|level| level.name.as_str()).collect();
            format!("the backbone has no level `{name}`; it has: {}", names.join(", "))
        })
    };
    names.iter().map(level).collect()
}

/// One level of a batch of photos.
#[derive(Debug)]
pub(crate) struct Level {
    /// Its name among the backbone's levels.
    pub name: String,
    /// `[B, N, D]`: the class token first, if there is one, then the patches row by row.
    pub tokens: Tensor,
    /// What the tokens are.
    pub shape: FeatureShape,
}

impl Level {
    /// The patch tokens alone, `[B, G * G, D]`.
    pub(crate) fn patches(&self) -> Tensor {
        let class_tokens = i64::from(self.shape.class_token);
        self.tokens.narrow(1, class_tokens, self.shape.cells()) // [B, G * G, D]
    }

    /// The patch tokens as a map, `[B, D, rows, columns]`.
    pub(crate) fn map(&self) -> Tensor {
        let FeatureShape { dim, rows, columns, .. } = self.shape;
        self.patches().transpose(1, 2).reshape([-1, dim, rows, columns])
    }

    /// The patch tokens on a grid of `side` rows, `[B, side * side, D]`.
    pub(crate) fn on_grid(&self, side: i64) -> Tensor {
        if [self.shape.rows, self.shape.columns] == [side; 2] {
            return self.patches().contiguous();
        }
        let map = resize_bilinear(&self.map(), [side; 2], Corners::Aligned);
        map.flatten(2, 3).transpose(1, 2).contiguous()
    }

    /// The same on a square grid, without a class token, if it has another.
    pub(crate) fn on_square(&self) -> Self {
        let FeatureShape { dim, rows, columns, .. } = self.shape;
        if rows == columns {
            return self.with_tokens(self.tokens.shallow_clone());
        }
        let side = rows.max(columns);
        let map = resize_bilinear(&self.map(), [side; 2], Corners::Edges);
        let tokens = map.flatten(2, 3).transpose(1, 2); // [B, side * side, D]
        Self { name: self.name.clone(), tokens, shape: FeatureShape::square(dim, side) }
    }

    /// The same level with other tokens.
    pub(crate) fn with_tokens(&self, tokens: Tensor) -> Self {
        Self { name: self.name.clone(), tokens, shape: self.shape }
    }
}

/// Features `[G * G, D]` of a grid of `side` rows at positions `[K, 2]` in cells, bilinearly, beyond the rim what they are
/// there: `[K, D]`. (grid_sample would bring the whole map into another order for a few points.)
pub(crate) fn interpolated(features: &Tensor, side: i64, positions: &Tensor) -> Tensor {
    let last = (side - 1) as f64;
    let held = positions.to_kind(Kind::Float).to_device(features.device()).clamp(0.0, last);
    let first = held.floor();
    let part = held - &first;
    let along = |axis: i64| {
        let (first, part) = (first.select(1, axis), part.select(1, axis));
        let next = (&first + 1.0).clamp_max(last);
        [(first, 1.0 - &part), (next, part)]
    };
    let columns = along(0);
    let corners = along(1).into_iter().flat_map(|(row, in_row)| {
        columns.each_ref().map(|(column, in_column)| {
            let cells = (&row * side as f64 + column).to_kind(Kind::Int64);
            let weights = (&in_row * in_column).unsqueeze(1).to_kind(features.kind());
            features.index_select(0, &cells) * weights
        })
    });
    corners.sum()
}

/// The levels of a batch of photos, the deepest last.
#[derive(Debug)]
pub(crate) struct Features {
    levels: Vec<Level>,
    image: Option<[i64; 2]>,
}

impl Features {
    /// Some levels, the deepest last.
    ///
    /// # Panics
    /// Without any level.
    pub(crate) fn new(levels: Vec<Level>) -> Self {
        assert!(!levels.is_empty(), "features have at least one level");
        Self { levels, image: None }
    }

    /// The same, of images of so many rows and columns.
    pub(crate) fn of_images(self, size: [i64; 2]) -> Self {
        Self { image: Some(size), ..self }
    }

    /// Rows and columns of the images, if their backbone tells.
    pub(crate) fn image(&self) -> Option<[i64; 2]> {
        self.image
    }

    /// The deepest level alone.
    pub(crate) fn last_alone(tokens: Tensor, shape: FeatureShape) -> Self {
        Self::new(vec![Level { name: LAST.to_owned(), tokens, shape }])
    }

    /// The deepest level.
    pub(crate) fn last(&self) -> &Level {
        &self.levels[self.levels.len() - 1]
    }

    /// The level of a name, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<&Level> {
        self.levels.iter().find(|level| level.name == name)
    }

    /// The level of a name.
    ///
    /// # Panics
    /// When the features have no such level: whoever reads it must have asked the backbone for it.
    pub(crate) fn level(&self, name: &str) -> &Level {
        self.find(name).unwrap_or_else(|| panic!("the features have no level `{name}`"))
    }

    /// The same levels with other tokens.
    pub(crate) fn map(&self, change: impl Fn(&Level) -> Tensor) -> Self {
        let changed = |level: &Level| level.with_tokens(change(level));
        Self { levels: self.levels.iter().map(changed).collect(), image: self.image }
    }

    /// The same with another deepest level.
    pub(crate) fn with_last(&self, tokens: Tensor) -> Self {
        let mut features = self.map(|level| level.tokens.shallow_clone());
        if let Some(last) = features.levels.last_mut() {
            last.tokens = tokens;
        }
        features
    }

    /// The same with another deepest level, of a form of its own.
    pub(crate) fn with_last_level(&self, level: Level) -> Self {
        let mut features = self.shallow_clone();
        features.levels.pop();
        features.levels.push(level);
        features
    }

    /// The same with another level before the deepest one.
    pub(crate) fn beside_last(mut self, level: Level) -> Self {
        self.levels.insert(self.levels.len() - 1, level);
        self
    }

    /// The photos `start..start + length` of the batch.
    pub(crate) fn narrow(&self, start: i64, length: i64) -> Self {
        self.map(|level| level.tokens.narrow(0, start, length))
    }

    /// The two halves of a batch that holds the sources first and then the targets. The batch size is never
    /// read, so that a traced network takes any.
    pub(crate) fn halves(&self) -> [Self; 2] {
        let half = |index: usize| self.map(|level| level.tokens.chunk(2, 0)[index].shallow_clone());
        [half(0), half(1)]
    }

    /// One batch of several with the same levels.
    pub(crate) fn cat(parts: &[&Self]) -> Self {
        let levels = parts[0].levels.iter().enumerate().map(|(index, level)| {
            let tokens: Vec<&Tensor> =
                parts.iter().map(|part| &part.levels[index].tokens).collect();
            level.with_tokens(Tensor::cat(&tokens, 0))
        });
        Self { levels: levels.collect(), image: parts[0].image }
    }

    /// The same values in memory of their own.
    pub(crate) fn copy(&self) -> Self {
        self.map(|level| level.tokens.copy())
    }

    /// The same tensors: no value is copied.
    pub(crate) fn shallow_clone(&self) -> Self {
        self.map(|level| level.tokens.shallow_clone())
    }

    /// Takes over the values of features of the same form.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        for (own, other) in self.levels.iter_mut().zip(&other.levels) {
            own.tokens.copy_(&other.tokens);
        }
    }

    /// Whether the tensors have the same sizes.
    pub(crate) fn same_sizes(&self, other: &Self) -> bool {
        let sizes = |features: &Self| -> Vec<Vec<i64>> {
            features.levels.iter().map(|level| level.tokens.size()).collect()
        };
        sizes(self) == sizes(other)
    }

    /// Memory that the values take.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = |level: &Level| level.tokens.numel() * level.tokens.kind().elt_size_in_bytes();
        self.levels.iter().map(bytes).sum()
    }
}
