//! Regularised Hough matching (Cho et al. 2015, as Min et al. have it): matches vote for how far they lead, and those
//! that lead as far as many others count more.

use tch::{Device, Kind, Tensor};

/// Pixels from cell to cell.
pub(super) const STRIDE: i64 = 4;

/// About how many bins the votes are counted in.
const BINS: f64 = 8192.0;

/// Side of the filter that spreads votes to neighbouring bins.
const FILTER: i64 = 7;

/// How often each offset is voted for: `[B, S, T]` votes of the matches of two grids of `side` rows, in a frame of
/// `STRIDE * side` pixels, to the smoothed count of each match's bin, by rows and columns of both cells: `[B, side, side,
/// side, side]`.
pub(super) fn support(votes: &Tensor, side: i64) -> Tensor {
    let device = votes.device();
    let (bins, count) = bins(side, device);
    let axis_pairs = side * side;
    // Rows of both cells together, and their columns.
    let votes = votes.view([-1, side, side, side, side]).transpose(2, 3); // [B, sy, ty, sx, tx]
    let votes = votes.reshape([-1, axis_pairs, axis_pairs]);
    let members = bins.one_hot(count).to_kind(votes.kind()); // [side^2, bins]
    let counted = members.transpose(0, 1).matmul(&votes.matmul(&members)); // [B, bins, bins]
    let spread = counted.unsqueeze(1).conv2d(
        &gaussian(device).to_kind(votes.kind()),
        None::<&Tensor>,
        1,
        FILTER / 2,
        1,
        1,
    );
    let found = spread.squeeze_dim(1).index_select(1, &bins).index_select(2, &bins);
    found.view([-1, side, side, side, side]).transpose(2, 3)
}

/// The bin of each pair of positions along one axis, source first, `[side * side]`, and how many there are.
fn bins(side: i64, device: Device) -> (Tensor, i64) {
    let frame = (STRIDE * side) as f64;
    let size = 2.0 * frame / BINS.sqrt();
    let count = (2.0 * frame / size) as i64 + 1;
    let line = Tensor::arange(side, (Kind::Float, device)) * STRIDE;
    // Parity: counted from the source's far rim.
    let offsets = line.unsqueeze(0) - line.unsqueeze(1) + frame;
    // By a tensor, so that it is divided in 32 bits.
    let bins = (offsets / Tensor::full([1], size, (Kind::Float, device))).trunc();
    (bins.to_kind(Kind::Int64).flatten(0, 1), count)
}

/// `[1, 1, 7, 7]`, of sum 1.
fn gaussian(device: Device) -> Tensor {
    let variance = (FILTER as f64 / 2.0 / 2.354).powi(2);
    let steps = Tensor::arange(FILTER, (Kind::Float, device)) - FILTER / 2;
    let line = (steps.square() / (-2.0 * variance)).exp();
    let filter = line.unsqueeze(1) * line.unsqueeze(0);
    let sum = filter.sum(Kind::Float);
    (filter / sum).view([1, 1, FILTER, FILTER])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_that_lead_alike_support_each_other() {
        // Three cells lead one to the right, one leads elsewhere.
        let side = 6;
        let votes = Tensor::zeros([1, side * side, side * side], (Kind::Float, Device::Cpu));
        let at = |row: i64, column: i64| row * side + column;
        for (from, to) in
            [(at(1, 1), at(1, 2)), (at(3, 2), at(3, 3)), (at(4, 4), at(4, 5)), (at(0, 0), at(5, 5))]
        {
            let _ = votes.get(0).get(from).narrow(0, to, 1).fill_(1.0);
        }
        let support = support(&votes, side).reshape([1, side * side, side * side]);
        let of = |from: i64, to: i64| support.double_value(&[0, from, to]);
        let many = of(at(1, 1), at(1, 2));
        assert!(many > 2.5 * of(at(0, 0), at(5, 5)), "{many}");
        // Every match of that offset has it, whoever voted.
        assert_eq!(many, of(at(5, 0), at(5, 1)));
    }
}
