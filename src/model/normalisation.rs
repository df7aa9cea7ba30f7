//! The arithmetic that brings colours to the statistics that a backbone expects.

use tch::Tensor;

use crate::model::backbone::Normalisation;

/// Normalises batches of images.
#[derive(Debug)]
pub(crate) struct Normaliser {
    /// `[1, 3, 1, 1]`, as is the std.
    mean: Tensor,
    std: Tensor,
}

impl Normaliser {
    /// With these statistics, on the CPU.
    pub(crate) fn new(Normalisation { mean, std }: Normalisation) -> Self {
        let statistics = |values: [f32; 3]| Tensor::from_slice(&values).view([1, 3, 1, 1]);
        Self { mean: statistics(mean), std: statistics(std) }
    }

    /// Images `[B, 3, H, W]` with values in 0 to 1, normalised.
    pub(crate) fn apply(&self, images: &Tensor) -> Tensor {
        (images - &self.mean) / &self.std
    }
}

impl Normalisation {
    /// The normalised value of an 8-bit one in a channel.
    ///
    /// Parity: the paper's training loader subtracts from 255-fold values and multiplies by a reciprocal, which
    /// rounds otherwise than [`Normaliser::apply`], the arithmetic of its evaluation; each keeps its own.
    pub(crate) fn of_byte(self, channel: usize) -> impl Fn(u8) -> f32 {
        let mean = 255.0 * self.mean[channel];
        let factor = 1.0 / (255.0 * self.std[channel]);
        move |value| (f32::from(value) - mean) * factor
    }
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;
    use crate::model::backbone::IMAGENET;

    #[test]
    fn both_ways_agree_to_a_few_roundings() {
        let bytes: Vec<u8> = (0..=255).collect();
        let images = Tensor::from_slice(&bytes).to_kind(Kind::Float) / 255.0;
        let images = images.view([1, 1, 16, 16]).expand([1, 3, 16, 16], false);
        let found = Normaliser::new(IMAGENET).apply(&images);
        for channel in 0..3 {
            let plane = found.select(1, channel as i64).flatten(0, -1);
            let value = IMAGENET.of_byte(channel);
            for (byte, found) in bytes.iter().zip(Vec::<f32>::try_from(plane).unwrap()) {
                assert!((value(*byte) - found).abs() < 1e-6, "{byte} in channel {channel}");
            }
        }
    }
}
