//! Cross-image encoder: the tokens of both photos attend to each other, with a learned bias between
//! image regions (layout-aware representation, paper section 3.2; upstream `SingleTower`).

use tch::{Device, Kind, Tensor};

use crate::model::features::FeatureShape;
use crate::model::matcher::lpmflow::config::{Ablation, LpmFlowConfig};
use crate::nn::layers::attention::Attention;
use crate::nn::layers::linear::INITIAL_STD;
use crate::nn::layers::mlp::Mlp;
use crate::nn::layers::norm::LayerNorm;
use crate::nn::parameters::{Init, VarBuilder};
use crate::nn::runtime::dropout::drop;
use crate::nn::runtime::recompute::Recompute;

const EPSILON: f64 = 1e-6;

/// One transformer block over the tokens of both photos.
#[derive(Debug)]
struct EncoderBlock {
    norm1: LayerNorm,
    /// `[h, offsets * 4]`; absent in the ablation without it.
    region_bias_table: Option<Tensor>,
    attention: Attention,
    norm2: LayerNorm,
    mlp: Mlp,
}

impl EncoderBlock {
    fn new(path: &VarBuilder, dim: i64, columns: Option<i64>, heads: i64) -> Self {
        let attention = path / "attn";
        Self {
            norm1: LayerNorm::new(&(path / "norm1"), dim, EPSILON),
            region_bias_table: columns.map(|columns| {
                let init = Init::TruncatedNormal(INITIAL_STD);
                attention.parameter("relative_position_bias_table", &[heads, columns], init)
            }),
            attention: Attention::new(&attention, dim, heads),
            norm2: LayerNorm::new(&(path / "norm2"), dim, EPSILON),
            mlp: Mlp::new(&(path / "mlp"), dim, 4),
        }
    }

    fn forward(&self, xs: &Tensor, region_index: &Tensor, dropout: f64) -> Tensor {
        let bias = self.region_bias_table.as_ref().map(|table| region_bias(table, region_index));
        let attended = self.attention.self_attention(&self.norm1.forward(xs), bias.as_ref());
        let xs = xs + drop(attended, dropout);
        self.mlp.add_to(&xs, &self.norm2.forward(&xs), dropout)
    }
}

/// The encoder with its parameters.
#[derive(Debug)]
pub(super) struct CrossImageEncoder {
    source_positions: Tensor,
    target_positions: Tensor,
    source_class_position: Tensor,
    target_class_position: Tensor,
    source_segment: Tensor,
    target_segment: Tensor,
    blocks: Vec<EncoderBlock>,
    norm: LayerNorm,
    region_index: Tensor,
    shared_position_embeddings: bool,
}

impl CrossImageEncoder {
    /// Builds the parameters under `path`, for tokens of the given shape.
    pub(super) fn new(path: &VarBuilder, config: &LpmFlowConfig, shape: &FeatureShape) -> Self {
        let (dim, side) = (shape.dim, shape.side());
        let table = |name, positions| {
            path.parameter(name, &[1, positions, dim], Init::TruncatedNormal(INITIAL_STD))
        };
        let offsets = 2 * side - 1;
        let columns = config.has(Ablation::RegionPositionEncoding).then_some(offsets * offsets * 4);
        Self {
            source_positions: table("pos_embed_src", side * side),
            target_positions: table("pos_embed_trg", side * side),
            source_class_position: table("cls_pos_embed_src", 1),
            target_class_position: table("cls_pos_embed_trg", 1),
            source_segment: table("src_segment_pos_embed", 1),
            target_segment: table("trg_segment_pos_embed", 1),
            blocks: (0..config.encoder_depth)
                .map(|index| {
                    EncoderBlock::new(&(path / "blocks" / index), dim, columns, config.heads)
                })
                .collect(),
            norm: LayerNorm::new(&(path / "norm"), dim, EPSILON),
            region_index: region_index(side, path.device()),
            shared_position_embeddings: config.shared_position_embeddings,
        }
    }

    /// Encodes the tokens of both photos together.
    ///
    /// # Shapes
    /// `source`, `target` `[B, N, D]`, class token first; result `[B, 2 * N, D]`, the source's tokens
    /// first.
    pub(super) fn forward<'a>(
        &'a self,
        source: &Tensor,
        target: &Tensor,
        dropout: f64,
        recompute: &Recompute<'a>,
    ) -> Tensor {
        // Parity: see `LpmFlowConfig::shared_position_embeddings`.
        let (source_class, target_positions) = if self.shared_position_embeddings {
            (&self.target_class_position, &self.source_positions)
        } else {
            (&self.source_class_position, &self.target_positions)
        };
        let source_positions =
            Tensor::cat(&[source_class, &(&self.source_positions + &self.source_segment)], 1);
        let target_positions = Tensor::cat(
            &[&self.target_class_position, &(target_positions + &self.target_segment)],
            1,
        );
        let tokens = Tensor::cat(&[source + source_positions, target + target_positions], 1); // [B, 2N, D]
        let encoded = self.blocks.iter().fold(drop(tokens, dropout), |tokens, block| {
            recompute.one(&tokens, move |tokens| block.forward(tokens, &self.region_index, dropout))
        });
        recompute.one(&encoded, |encoded| self.norm.forward(encoded))
    }
}

/// The bias of every (query, key) pair: `table` `[h, columns]` to `[1, h, 2N, 2N]`.
fn region_bias(table: &Tensor, index: &Tensor) -> Tensor {
    let heads = table.size()[0];
    let side = index.size()[0];
    // One more column of zeros serves the pairs that have no bias.
    let table = table.constant_pad_nd([0, 1]);
    table.index_select(1, &index.flatten(0, 1)).view([1, heads, side, side])
}

/// For every (query, key) pair of the 2N tokens, the column of the region bias table; pairs with a class
/// token get the column after the last.
///
/// The column encodes row and column offset of the two patches and which photo each is in.
fn region_index(side: i64, device: Device) -> Tensor {
    let options = (Kind::Int64, device);
    let offsets = 2 * side - 1;
    let patch = Tensor::arange(side * side, options).repeat([2]); // [2 * G * G]
    let row = patch.divide_scalar_mode(side, "floor");
    let column = patch.remainder(side);
    let photo = Tensor::arange(2, options).repeat_interleave_self_int(side * side, None, None);
    let offset = |axis: &Tensor| axis.unsqueeze(1) - axis.unsqueeze(0) + (side - 1);
    let index = (offset(&row) * offsets + offset(&column)) * 4
        + photo.unsqueeze(1) * 2
        + photo.unsqueeze(0);
    // A class token stands before the patches of each photo.
    let no_bias = offsets * offsets * 4;
    let tokens = 1 + side * side;
    let padded = Tensor::full([2 * tokens, 2 * tokens], no_bias, options);
    for query in 0..2 {
        for key in 0..2 {
            let block = |index: &Tensor, step: i64, start: i64| {
                index.narrow(0, query * step + start, side * side).narrow(
                    1,
                    key * step + start,
                    side * side,
                )
            };
            block(&padded, tokens, 1).copy_(&block(&index, side * side, 0));
        }
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_index_counts_offsets_and_photos() {
        let side = 16;
        let index = region_index(side, Device::Cpu);
        assert_eq!(index.size(), [514, 514]);
        let no_bias = 31 * 31 * 4;
        assert_eq!(index.int64_value(&[0, 5]), no_bias);
        assert_eq!(index.int64_value(&[5, 257]), no_bias);
        // Source patch (2, 3) asks target patch (0, 7): offsets 2 and -4, photos 0 and 1.
        let wanted = ((2 + 15) * 31 + (-4 + 15)) * 4 + 1;
        assert_eq!(index.int64_value(&[1 + 2 * 16 + 3, 257 + 1 + 7]), wanted);
        assert_eq!(index.max().int64_value(&[]), no_bias);
    }

    fn shape() -> FeatureShape {
        FeatureShape::square(32, 4).with_class_token()
    }

    fn config(shared_position_embeddings: bool) -> LpmFlowConfig {
        LpmFlowConfig { shared_position_embeddings, ..LpmFlowConfig::tiny() }
    }

    fn tokens() -> [Tensor; 2] {
        [(); 2].map(|()| Tensor::randn([1, 17, 32], (Kind::Float, Device::Cpu)))
    }

    #[test]
    fn separate_position_embeddings_are_all_read_and_shared_ones_are_not() {
        let [source, target] = tokens();
        for shared in [false, true] {
            let encoder =
                CrossImageEncoder::new(&VarBuilder::fresh(Device::Cpu), &config(shared), &shape());
            let before = encoder.forward(&source, &target, 0.0, &Recompute::plain());
            for unread_if_shared in [&encoder.target_positions, &encoder.source_class_position] {
                let _ = unread_if_shared.shallow_clone().fill_(1.0);
                let unchanged =
                    encoder.forward(&source, &target, 0.0, &Recompute::plain()) == before;
                assert_eq!(unchanged, shared);
            }
            let _ = encoder.source_positions.shallow_clone().fill_(1.0);
            assert_ne!(encoder.forward(&source, &target, 0.0, &Recompute::plain()), before);
        }
    }

    #[test]
    fn sharing_equals_storing_the_sources_positions_in_the_targets_place() {
        let path = VarBuilder::fresh(Device::Cpu);
        let separate = CrossImageEncoder::new(&path, &config(false), &shape());
        let stored =
            path.finish().0.into_iter().map(|parameter| (parameter.name, parameter.tensor.copy()));
        let shared = CrossImageEncoder::new(
            &VarBuilder::stored(stored.collect(), Device::Cpu),
            &config(true),
            &shape(),
        );
        separate.target_positions.shallow_clone().copy_(&separate.source_positions);
        separate.source_class_position.shallow_clone().copy_(&separate.target_class_position);
        let [source, target] = tokens();
        assert_eq!(
            separate.forward(&source, &target, 0.0, &Recompute::plain()),
            shared.forward(&source, &target, 0.0, &Recompute::plain())
        );
    }
}
