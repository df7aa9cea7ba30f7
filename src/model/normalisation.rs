//! The arithmetic that brings colours to the statistics that a backbone expects.

use tch::{Device, Kind, Tensor};

use crate::model::backbone::Normalisation;

/// Normalises batches of images.
#[derive(Debug)]
pub(crate) struct Normaliser {
    /// `[1, 3, 1, 1]`, as is the std.
    mean: Tensor,
    std: Tensor,
}

impl Normaliser {
    /// With these statistics, which are made on the device: it need not wait for the processor.
    pub(crate) fn new(Normalisation { mean, std }: Normalisation, device: Device) -> Self {
        let one = |value: f32| Tensor::full([1], f64::from(value), (Kind::Float, device));
        let statistics = |values: [f32; 3]| Tensor::cat(&values.map(one), 0).view([1, 3, 1, 1]);
        Self { mean: statistics(mean), std: statistics(std) }
    }

    /// Images `[B, 3, H, W]` with values in 0 to 1, normalised.
    pub(crate) fn apply(&self, images: &Tensor) -> Tensor {
        (images - &self.mean) / &self.std
    }

    /// The same of images with values in 0 to 255, as bytes or numbers.
    pub(crate) fn apply_to_pixels(&self, images: &Tensor) -> Tensor {
        let images = images.to_kind(Kind::Float);
        // By a tensor, as GPUs divide by a number in another way, which rounds otherwise.
        let whole = Tensor::full([1], 255, (Kind::Float, images.device()));
        self.apply(&(images / whole))
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
    use super::*;
    use crate::model::backbone::IMAGENET;

    #[test]
    fn both_ways_agree_to_a_few_roundings() {
        let bytes: Vec<u8> = (0..=255).collect();
        let images = Tensor::from_slice(&bytes).view([1, 1, 16, 16]).expand([1, 3, 16, 16], false);
        let found = Normaliser::new(IMAGENET, Device::Cpu).apply_to_pixels(&images);
        for channel in 0..3 {
            let plane = found.select(1, channel as i64).flatten(0, -1);
            let value = IMAGENET.of_byte(channel);
            for (byte, found) in bytes.iter().zip(Vec::<f32>::try_from(plane).unwrap()) {
                assert!((value(*byte) - found).abs() < 1e-6, "{byte} in channel {channel}");
            }
        }
    }
}
