//! The consensus' rounds: mutual softmax (`mutual_softmax.cu`) and the sum over neighbours (`neighbours.cu`) in turn.

use tch::{Kind, Tensor};

use crate::nn::native::kernels::disc::KernelDisc;
use crate::nn::native::kernels::launch::{Argument, Launch};
use crate::nn::native::kernels::neighbours;
use crate::nn::native::kernels::serving::{blocks, prepared, run, type_name};
use crate::nn::native::kernels::source::MUTUAL_SOFTMAX;

/// As in the source.
const THREADS: u32 = 256;
const ROWS: i64 = 4;
const WARP: i64 = 32;

/// The rounds' constants, as the operation has them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    /// How many, at least one.
    pub count: u32,
    /// Power of the neighbours' agreement.
    pub power: f64,
    /// Power of a match's own similarity.
    pub prior: f64,
    /// Added to agreement.
    pub floor: f64,
    /// Added to sums that are divided by.
    pub tiny: f64,
}

/// What the rounds are computed in, and come to.
#[derive(Debug)]
pub(crate) struct Buffers {
    /// `[B, S, T]`, float32.
    scores: Tensor,
    /// `[B, S]`, float32.
    row_scales: Tensor,
    /// `[B, S / ROWS, T]`, float32.
    partial: Tensor,
    /// `[B, T]`, float32.
    column_scales: Tensor,
    /// `[B, source row, source column, target row, target column]`, as the similarities.
    probabilities: Tensor,
    /// Likewise.
    neighbours: Tensor,
    /// `[B, S, T]`, as the similarities: the last round's.
    pub agreement: Tensor,
}

impl Buffers {
    /// Room for these similarities `[B, S, T]` between square grids of so many cells a side.
    pub(crate) fn new(similarities: &Tensor, [sources, targets]: [i64; 2]) -> Self {
        let (batch, device) = (similarities.size()[0], similarities.device());
        let [cells, target_cells] = [sources * sources, targets * targets];
        let floats = |shape: &[i64]| Tensor::empty(shape, (Kind::Float, device));
        let pairs = similarities.empty_like().view([batch, sources, sources, targets, targets]);
        Self {
            scores: floats(&[batch, cells, target_cells]),
            row_scales: floats(&[batch, cells]),
            partial: floats(&[batch, (cells + ROWS - 1) / ROWS, target_cells]),
            column_scales: floats(&[batch, target_cells]),
            neighbours: pairs.empty_like(),
            probabilities: pairs,
            agreement: similarities.empty_like(),
        }
    }
}

/// The smoothed agreement of the last round; `None` where the kernels do not serve.
///
/// # Shapes
/// `similarities` and result `[B, S, T]`, between square grids of `sides` cells a side.
pub(crate) fn agreement(
    similarities: &Tensor,
    sides: [i64; 2],
    (weights, half_widths): (&[f64], &[usize]),
    rounds: Rounds,
) -> Option<Tensor> {
    let [similarities] = prepared([similarities])?;
    let disc = KernelDisc::new(weights, half_widths)?;
    let buffers = Buffers::new(&similarities, sides);
    run(&launches(&similarities, &buffers, &disc, rounds)?, similarities.device());
    Some(buffers.agreement)
}

/// What is launched in turn; `None` for sizes and number formats that it does not take.
pub(crate) fn launches<'a>(
    similarities: &'a Tensor,
    buffers: &'a Buffers,
    disc: &'a KernelDisc,
    rounds: Rounds,
) -> Option<Vec<Launch<'a>>> {
    let kind = type_name(similarities.kind())?;
    let [batch, sources, targets] = <[i64; 3]>::try_from(similarities.size()).ok()?;
    let [.., target_rows, target_columns] = buffers.probabilities.size()[..] else { return None };
    let integer = |value: i64| i32::try_from(value).ok().map(Argument::Integer);
    let number = |value: f64| Argument::Number(value as f32);
    let groups = (sources + ROWS - 1) / ROWS;
    let launch = |entry: &str, arguments, grid| Launch {
        source: MUTUAL_SOFTMAX,
        entry: entry.to_owned(),
        arguments,
        grid,
        threads: THREADS,
    };
    let Buffers { scores, row_scales, partial, column_scales, probabilities, .. } = buffers;
    let [scores, row_scales, partial, column_scales] =
        [scores, row_scales, partial, column_scales].map(Argument::Values);
    let first = vec![
        Argument::Values(similarities),
        scores,
        row_scales,
        partial,
        integer(sources)?,
        integer(targets)?,
        number(rounds.tiny),
    ];
    let next = |agreement| -> Option<Vec<Argument<'a>>> {
        Some(vec![
            Argument::Values(similarities),
            Argument::Values(&buffers.neighbours),
            agreement,
            scores,
            row_scales,
            partial,
            integer(sources)?,
            integer(target_rows)?,
            integer(target_columns)?,
            number(rounds.power),
            number(rounds.prior),
            number(rounds.floor),
            number(rounds.tiny),
        ])
    };
    let columns =
        vec![partial, column_scales, integer(groups)?, integer(targets)?, number(rounds.tiny)];
    let mutual = vec![
        scores,
        row_scales,
        column_scales,
        Argument::Values(probabilities),
        integer(sources)?,
        integer(targets)?,
    ];
    let by_group = [blocks(batch * groups, 1)?, 1, 1];
    let mut launches = vec![launch(&format!("first_scores_{kind}"), first, by_group)];
    for round in 1..=rounds.count {
        let column_grid = [blocks(targets, WARP)?, u32::try_from(batch).ok()?, 1];
        launches.push(launch("column_scales", columns.clone(), column_grid));
        let rows = [blocks(batch * sources, 1)?, 1, 1];
        launches.push(launch(&format!("mutual_softmax_{kind}"), mutual.clone(), rows));
        launches.push(neighbours::launch(probabilities, &buffers.neighbours, disc)?);
        let kept = match round == rounds.count {
            true => Argument::Values(&buffers.agreement),
            false => Argument::Nothing,
        };
        launches.push(launch(&format!("next_scores_{kind}"), next(kept)?, by_group));
    }
    Some(launches)
}
