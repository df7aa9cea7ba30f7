//! Frames loaded ahead of the network, on every core, with bounded memory.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use rayon::prelude::*;

use crate::data::Pair;
use crate::data::photo::decode_annotated;
use crate::data::photo::orientation::Exif;
use crate::eval::predictions::pair_label;
use crate::geometry::Turn;
use crate::inference::frame::{Frame, FrameKey, Input};
use crate::lru::Lru;
use crate::prefetch::Prefetch;

/// Memory for frames that a later pair may show again: 170 of side 512.
const KEPT_BYTES: usize = 128 << 20;

/// How a photo becomes a frame: decoding, mirroring, scaling.
pub(crate) type Load<'a> = &'a (dyn Fn(&FrameKey) -> Result<Frame> + Sync);

/// A benchmark's photo as a frame: decoded and scaled as the field's readers do, but for its EXIF orientation if
/// that is to be applied, then mirrored if the pair is.
///
/// # Errors
/// When the photo cannot be decoded.
pub(crate) fn load(key: &FrameKey, input: Input, exif: Exif) -> Result<Frame> {
    Ok(input.frame(key.clone(), &decode_annotated(&key.path, exif)?))
}

/// Some pairs in the dataset's order.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    /// The pairs whose photos could be loaded.
    pub pairs: Vec<&'a Pair>,
    /// Their frames.
    pub frames: Vec<(Frame, Frame)>,
    /// What is wrong with the others, and how many there are.
    pub unreadable: Vec<anyhow::Error>,
}

/// Loads the frames of all pairs, `batch_size` at a time, and hands each batch to `consume` in order.
/// While `consume` works, the next batches are loaded; how many is bounded, whatever the number of
/// pairs.
///
/// # Errors
/// What `consume` returns, or when the system refuses another thread. A photo that cannot be loaded is no error
/// here, but listed in its batch.
pub(crate) fn for_each_batch<'a>(
    pairs: &'a [Pair],
    batch_size: NonZeroUsize,
    load: Load,
    consume: &mut dyn FnMut(Batch<'a>) -> Result<()>,
) -> Result<()> {
    let batch_size = batch_size.get();
    // Small batches are loaded several at once, to keep every core busy.
    let ahead = rayon::current_num_threads().div_ceil(batch_size);
    let mut kept = Lru::new(KEPT_BYTES);
    let batches = pairs.chunks(batch_size * ahead).flat_map(move |pairs| {
        let photos = photos(pairs, load, &mut kept);
        pairs.chunks(batch_size).map(|pairs| assemble(pairs, &photos)).collect::<Vec<_>>()
    });
    std::thread::scope(|scope| Prefetch::start_in(scope, ahead, batches)?.try_for_each(consume))
}

/// A loaded photo, or why there is none.
type Photo = Result<Frame, String>;

/// The frame keys of a pair.
fn keys(pair: &Pair) -> [FrameKey; 2] {
    [&pair.source, &pair.target].map(|image| FrameKey {
        turn: Turn { mirrored: pair.mirrored, ..Turn::NONE },
        ..FrameKey::of(&image.path)
    })
}

/// Every photo of the pairs, loaded unless kept from before.
fn photos(
    pairs: &[Pair],
    load: Load,
    kept: &mut Lru<FrameKey, Frame>,
) -> BTreeMap<FrameKey, Photo> {
    // Ordered, so that what is kept does not depend on a hash.
    let mut photos: BTreeMap<FrameKey, Option<Photo>> = pairs
        .iter()
        .flat_map(keys)
        .map(|key| {
            let photo = kept.get(&key).cloned().map(Ok);
            (key, photo)
        })
        .collect();
    photos.par_iter_mut().filter(|(_, photo)| photo.is_none()).for_each(|(key, photo)| {
        *photo = Some(load(key).map_err(|error| format!("{error:#}")));
    });
    let photos: BTreeMap<FrameKey, Photo> =
        photos.into_iter().filter_map(|(key, photo)| Some((key, photo?))).collect();
    for (key, photo) in &photos {
        if let Ok(photo) = photo {
            kept.insert(key.clone(), photo.clone(), photo.bytes());
        }
    }
    photos
}

fn assemble<'a>(pairs: &'a [Pair], photos: &BTreeMap<FrameKey, Photo>) -> Batch<'a> {
    let mut batch = Batch { pairs: Vec::new(), frames: Vec::new(), unreadable: Vec::new() };
    for pair in pairs {
        let frame = |key: FrameKey| photos[&key].clone().map_err(anyhow::Error::msg);
        let [source, target] = keys(pair);
        let both = || -> Result<(Frame, Frame)> { Ok((frame(source)?, frame(target)?)) };
        match both().with_context(|| format!("loading {}", pair_label(pair))) {
            Ok(frames) => {
                batch.pairs.push(pair);
                batch.frames.push(frames);
            }
            Err(error) => batch.unreadable.push(error),
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anyhow::bail;
    use image::RgbImage;

    use super::*;
    use crate::eval::testing::pair;

    /// Pairs over `photos` images, each next to the one after it.
    fn pairs(count: usize, photos: usize) -> Vec<Pair> {
        let numbered = |index: usize| {
            let mut pair = pair(&[(1.0, 1.0)], &[(1.0, 1.0)]);
            pair.index = index;
            pair.source.path = format!("{}.png", index % photos).into();
            pair.target.path = format!("{}.png", (index + 1) % photos).into();
            pair
        };
        (0..count).map(numbered).collect()
    }

    fn frame(key: &FrameKey) -> Result<Frame> {
        Ok(Input::stretched(4).frame(key.clone(), &RgbImage::new(4, 4)))
    }

    fn batch_size(size: usize) -> NonZeroUsize {
        NonZeroUsize::new(size).unwrap()
    }

    #[test]
    fn batches_come_in_order_and_each_photo_is_loaded_once() {
        let pairs = pairs(50, 7);
        let loads = AtomicUsize::new(0);
        let load = |key: &FrameKey| {
            loads.fetch_add(1, Ordering::Relaxed);
            frame(key)
        };
        let mut seen = Vec::new();
        for_each_batch(&pairs, batch_size(3), &load, &mut |batch| {
            assert_eq!(batch.pairs.len(), batch.frames.len());
            assert_eq!(batch.frames[0].0.key.path, batch.pairs[0].source.path);
            seen.extend(batch.pairs.iter().map(|pair| pair.index));
            Ok(())
        })
        .unwrap();
        assert!(seen.into_iter().eq(0..50));
        assert_eq!(loads.into_inner(), 7);
    }

    #[test]
    fn photos_in_memory_are_bounded_while_the_consumer_lags() {
        // Each pair brings one new photo.
        let pairs = pairs(300, 1000);
        let loaded = AtomicUsize::new(0);
        let consumed = AtomicUsize::new(0);
        let most_ahead = AtomicUsize::new(0);
        let load = |key: &FrameKey| {
            let ahead = loaded.fetch_add(1, Ordering::SeqCst) - consumed.load(Ordering::SeqCst);
            most_ahead.fetch_max(ahead, Ordering::SeqCst);
            frame(key)
        };
        for_each_batch(&pairs, batch_size(2), &load, &mut |batch| {
            std::thread::sleep(std::time::Duration::from_millis(2));
            consumed.fetch_add(batch.pairs.len(), Ordering::SeqCst);
            Ok(())
        })
        .unwrap();
        // A window being loaded, as much again waiting, and a batch being consumed.
        let window = 2 * rayon::current_num_threads().div_ceil(2);
        let (limit, most_ahead) = (2 * window + 4, most_ahead.into_inner());
        assert!(most_ahead <= limit, "{most_ahead} photos ahead");
    }

    #[test]
    fn unreadable_photo_costs_its_pairs_alone() {
        let pairs = pairs(6, 6);
        let load = |key: &FrameKey| match key.path.to_str() {
            Some("2.png") => bail!("reading `2.png`: cut short"),
            _ => frame(key),
        };
        let (mut read, mut unread) = (Vec::new(), Vec::new());
        for_each_batch(&pairs, batch_size(4), &load, &mut |batch| {
            read.extend(batch.pairs.iter().map(|pair| pair.index));
            unread.extend(batch.unreadable.iter().map(|error| format!("{error:#}")));
            Ok(())
        })
        .unwrap();
        assert_eq!(read, [0, 3, 4, 5]);
        assert_eq!(unread[0], "loading pair 1 (`1.png` -> `2.png`): reading `2.png`: cut short");
        assert_eq!(unread.len(), 2);
    }

    #[test]
    fn error_of_the_consumer_ends_the_run() {
        let pairs = pairs(1000, 1000);
        let loads = AtomicUsize::new(0);
        let load = |key: &FrameKey| {
            loads.fetch_add(1, Ordering::Relaxed);
            frame(key)
        };
        let error = for_each_batch(&pairs, batch_size(1), &load, &mut |_| bail!("no network"));
        assert_eq!(error.unwrap_err().to_string(), "no network");
        assert!(loads.into_inner() < 100);
    }
}
