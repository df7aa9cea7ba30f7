//! An evaluation that several processes share: each predicts some of the pairs, and all get everything.

use std::ops::Range;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::data::Pair;
use crate::eval::Event;
use crate::eval::predictions::Prediction;
use crate::processes::communicator::{Communicator, Unit, gather};
use crate::processes::shards::Shard;

/// What one process found.
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    predictions: Vec<Prediction>,
    /// What is wrong with the pairs that it left out.
    left_out: Vec<String>,
}

/// How some pairs are predicted.
pub(crate) type Predict<'a> =
    dyn FnMut(&[Pair], &mut dyn FnMut(Event)) -> Result<Vec<Prediction>> + 'a;

/// The predictions of pairs that the processes share among them. What is wrong with pairs that another process left
/// out is told when all have come to their end.
///
/// # Errors
/// As those of `predict`, and when another process is gone.
pub(crate) fn predict_together(
    communicator: &dyn Communicator,
    pairs: &[Pair],
    predict: &mut Predict,
    on_event: &mut dyn FnMut(Event),
) -> Result<Vec<Prediction>> {
    if communicator.world_size() == 1 {
        return predict(pairs, on_event);
    }
    let (index, count) = (communicator.rank(), communicator.world_size());
    let mut left_out = Vec::new();
    let own = &pairs[share(pairs, Shard { index, count })];
    let predictions = predict(own, &mut |event| {
        match &event {
            Event::Skipped(error) => left_out.push(format!("{error:#}")),
            Event::Progress { done, .. } => communicator.advance(Unit::Pairs(*done)),
        }
        on_event(event);
    })?;
    communicator.at_rest();
    let found = serde_json::to_vec(&Found { predictions, left_out })?;
    let mut predictions = Vec::with_capacity(pairs.len());
    for (rank, bytes) in gather(communicator, &found)?.iter().enumerate() {
        let found: Found = serde_json::from_slice(bytes)
            .with_context(|| format!("reading what process {rank} found"))?;
        predictions.extend(found.predictions);
        if rank != index {
            let others = found.left_out.into_iter().map(anyhow::Error::msg);
            others.for_each(|error| on_event(Event::Skipped(error)));
        }
    }
    Ok(predictions)
}

/// A part of the pairs that begins and ends where their source changes, so that what is known of a photo is of use to
/// the next pair.
fn share(pairs: &[Pair], shard: Shard) -> Range<usize> {
    let same = |index: usize| pairs[index].source.path == pairs[index - 1].source.path;
    let moved = |mut index: usize| {
        while index > 0 && index < pairs.len() && same(index) {
            index += 1;
        }
        index
    };
    let Range { start, end } = shard.of(pairs.len());
    moved(start)..moved(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::pair;

    fn pairs(sources: &str) -> Vec<Pair> {
        let named = |name: char| {
            let mut pair = pair(&[(1.0, 2.0)], &[(3.0, 4.0)]);
            pair.source.path = name.to_string().into();
            pair
        };
        sources.chars().map(named).collect()
    }

    #[test]
    fn parts_are_all_pairs_and_keep_those_of_a_source_together() {
        for (sources, count, wanted) in [
            ("aabbccdd", 2, vec![4, 4]),
            ("aaaaabcd", 2, vec![5, 3]),
            ("aaaa", 3, vec![4, 0, 0]),
            ("abc", 2, vec![1, 2]),
            ("", 2, vec![0, 0]),
        ] {
            let pairs = pairs(sources);
            let parts: Vec<_> =
                (0..count).map(|index| share(&pairs, Shard { index, count })).collect();
            assert!(parts.iter().cloned().flatten().eq(0..pairs.len()));
            assert_eq!(parts.iter().map(Range::len).collect::<Vec<_>>(), wanted, "{sources}");
        }
    }
}
