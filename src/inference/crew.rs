//! Copies of a small network that work side by side, each on one thread.
//!
//! Its operations are so short that threads which share one of them mostly wait for each other, and where others
//! use the processors too, each waits until the last has got its turn: hundreds of times a pair. A pair on one
//! thread waits for nobody.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tch::{Device, Kind, Tensor};

use crate::model::Model;
use crate::model::config::ModelConfig;
use crate::nn::parameters::{Parameter, VarBuilder};

/// Operations of a pair up to which a network is small. Above, one pair has work for all threads, and as many
/// pairs as there are threads would take too much memory.
const SMALL: f64 = 30e9;

/// The copies. They share their weights.
#[derive(Debug)]
pub(super) struct Crew {
    pool: ThreadPool,
    /// One for each thread of the pool, which alone uses it.
    models: Vec<Mutex<Model>>,
}

impl Crew {
    /// For the model `config` on `parameters`, if it is small and there are several threads of a processor.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub(super) fn of(
        config: &ModelConfig,
        parameters: &[Parameter],
        (device, kind): (Device, Kind),
    ) -> Result<Option<Self>> {
        let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1);
        let operations: f64 = config.work()?.iter().map(|stage| stage.work.operations()).sum();
        if device != Device::Cpu || threads < 2 || operations > SMALL {
            return Ok(None);
        }
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("pairs-{index}"))
            // Said of this thread alone.
            .start_handler(|_| tch::set_num_threads(1));
        let pool = pool.build().context("starting threads for pairs side by side")?;
        let copy = |_| -> Result<Mutex<Model>> {
            let shared =
                |parameter: &Parameter| (parameter.name.clone(), parameter.tensor.shallow_clone());
            let tensors: BTreeMap<String, Tensor> = parameters.iter().map(shared).collect();
            let path = VarBuilder::stored(tensors, device).in_kind(kind);
            Ok(Mutex::new(Model::new(&path, config)?))
        };
        Ok(Some(Self { pool, models: (0..threads).map(copy).collect::<Result<_>>()? }))
    }

    /// How many pairs keep all of them busy though some take longer than others.
    pub(super) fn pairs(&self) -> NonZeroUsize {
        NonZeroUsize::new(2 * self.models.len()).unwrap_or(NonZeroUsize::MIN)
    }

    /// Does `work` with each of the items, without gradients; results in the items' order.
    pub(super) fn each<T: Send, R: Send>(
        &self,
        items: Vec<T>,
        work: impl Fn(&Model, T) -> R + Sync,
    ) -> Vec<R> {
        let work = |item| {
            let own = rayon::current_thread_index().unwrap_or(0);
            let model = self.models[own].lock().unwrap_or_else(PoisonError::into_inner);
            tch::no_grad(|| work(&model, item))
        };
        self.pool.install(|| items.into_par_iter().map(work).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::flow::{Matched, Wanted};
    use crate::inference::frame::{Frame, FrameKey};
    use crate::inference::precision::Precision;
    use crate::inference::{Engine, EngineOptions, FlowNetwork, Kernels};
    use crate::inside::process::{ONE_THREAD, in_own_process};
    use crate::model::weights::choice::Choice;

    fn engine(side_by_side: bool) -> Engine {
        let options = EngineOptions {
            weights: Choice::plain(Path::new("lite")),
            device: "cpu".into(),
            precision: Precision::Float32,
            kernels: Kernels::default(),
            cache_bytes: 1 << 24,
            cuda_graph: false,
            side_by_side,
        };
        Engine::load(&options).unwrap()
    }

    /// A photo of stripes, others for every number.
    fn photo(engine: &Engine, number: u8) -> Frame {
        let stripes = |x: u32, y: u32| {
            let wave = |n: u32| (n * u32::from(number + 3) % 251) as u8;
            Rgb([wave(x), wave(y), wave(x + y)])
        };
        let key = FrameKey::of(format!("{number}.png"));
        engine.input().frame(key, &RgbImage::from_fn(60, 40, stripes))
    }

    #[test]
    fn pairs_side_by_side_are_what_each_is_alone_in_their_order() {
        in_own_process(&ONE_THREAD, || {
            let mut alone = engine(false);
            let photos = [0, 1, 2, 3].map(|number| photo(&alone, number));
            let pair =
                |(source, target): (usize, usize)| (photos[source].clone(), photos[target].clone());
            let pairs = [(0, 1), (1, 2), (2, 0), (0, 2), (3, 3)].map(pair);
            // Each photo by itself, as there: a sum may round otherwise where two go through together.
            for index in 0..photos.len() {
                alone.matched(&[pair((index, index))], Wanted::Matches).unwrap();
            }
            let one = |pair: &(Frame, Frame)| {
                alone.matched(std::slice::from_ref(pair), Wanted::Confidence).unwrap().remove(0)
            };
            let wanted: Vec<Matched> = pairs.iter().map(one).collect();
            tch::set_num_threads(3);
            let mut crew = engine(true);
            assert_eq!(crew.pairs_at_once().get(), 6);
            for kept in [false, true] {
                let found = crew.matched(&pairs, Wanted::Confidence).unwrap();
                assert_eq!(found.len(), wanted.len());
                for (found, wanted) in found.iter().zip(&wanted) {
                    assert_eq!(found.flow, wanted.flow, "features kept: {kept}");
                    assert_eq!(found.confidence, wanted.confidence);
                }
            }
            assert_eq!(tch::get_num_threads(), 3, "the main thread keeps its own");
        });
    }

    #[test]
    fn one_thread_needs_no_crew_and_a_large_network_is_for_all_threads() {
        in_own_process(&ONE_THREAD, || {
            let crew = |config: &ModelConfig| Crew::of(config, &[], (Device::Cpu, Kind::Float));
            assert!(crew(&ModelConfig::lite()).unwrap().is_none());
            tch::set_num_threads(2);
            assert!(crew(&ModelConfig::base()).unwrap().is_none());
            assert!(crew(&ModelConfig::lite()).unwrap().is_some());
        });
    }
}
