//! Regularised Hough matching (Cho et al. 2015, as Min et al. have it): matches vote for how far they lead, and those
//! that lead as far as many others count more.

use tch::{Device, Kind, Tensor};

use crate::geometry::Size;

/// About how many bins the votes are counted in.
const BINS: f64 = 8192.0;

/// Side of the filter that spreads votes to neighbouring bins.
const FILTER: i64 = 7;

/// The cells of one photo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// Rows and columns.
    pub grid: [i64; 2],
    /// Pixels from cell to cell.
    pub step: i64,
    /// The frame, in pixels.
    pub frame: Size,
}

/// How often each offset is voted for: `[B, S, T]` votes of the matches of two photos' cells, source first, to the
/// smoothed count of each match's bin, by rows and columns of both cells: `[B, sy, sx, ty, tx]`.
pub(super) fn support(votes: &Tensor, [source, target]: [Side; 2]) -> Tensor {
    let (device, kind) = (votes.device(), votes.kind());
    let both = |length: fn(Size) -> usize| (length(source.frame) + length(target.frame)) as f64;
    let (width, height) = (both(|size| size.width), both(|size| size.height));
    let size = (width * height / BINS).sqrt();
    let axis = |axis: usize, length: f64, frame: usize| Axis {
        bins: bins([source, target].map(|side| (side.grid[axis], side.step)), frame, size, device),
        count: (length / size) as i64 + 1,
    };
    let rows = axis(0, height, source.frame.height);
    let columns = axis(1, width, source.frame.width);
    // Rows of both cells together, and their columns.
    let ([sy, sx], [ty, tx]) = (source.grid, target.grid);
    let votes = votes.view([-1, sy, sx, ty, tx]).transpose(2, 3); // [B, sy, ty, sx, tx]
    let votes = votes.reshape([-1, sy * ty, sx * tx]);
    let counted = rows.members(kind).transpose(0, 1).matmul(&votes.matmul(&columns.members(kind))); // [B, bins, bins]
    let filter = gaussian(device).to_kind(kind);
    let spread = counted.unsqueeze(1).conv2d(&filter, None::<&Tensor>, 1, FILTER / 2, 1, 1);
    let found = spread.squeeze_dim(1).index_select(1, &rows.bins).index_select(2, &columns.bins);
    found.view([-1, sy, ty, sx, tx]).transpose(2, 3)
}

/// The bins along one axis.
struct Axis {
    /// That of each pair of positions, source first.
    bins: Tensor,
    count: i64,
}

impl Axis {
    /// Which pairs of positions are in which bin, `[pairs, bins]`.
    fn members(&self, kind: Kind) -> Tensor {
        self.bins.one_hot(self.count).to_kind(kind)
    }
}

/// The bin of each pair of positions along one axis, source first, for so many cells and pixels between them.
fn bins(cells: [(i64, i64); 2], frame: usize, size: f64, device: Device) -> Tensor {
    let line = |(count, step): (i64, i64)| Tensor::arange(count, (Kind::Float, device)) * step;
    let [source, target] = cells.map(line);
    // Parity: counted from the source's far rim.
    let offsets = target.unsqueeze(0) - source.unsqueeze(1) + frame as f64;
    // By a tensor, so that it is divided in 32 bits.
    let bins = (offsets / Tensor::full([1], size, (Kind::Float, device))).trunc();
    bins.to_kind(Kind::Int64).flatten(0, 1)
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
        let frame = Size::square(4 * side as usize);
        let photo = Side { grid: [side; 2], step: 4, frame };
        let support = support(&votes, [photo; 2]).reshape([1, side * side, side * side]);
        let of = |from: i64, to: i64| support.double_value(&[0, from, to]);
        let many = of(at(1, 1), at(1, 2));
        assert!(many > 2.5 * of(at(0, 0), at(5, 5)), "{many}");
        // Every match of that offset has it, whoever voted.
        assert_eq!(many, of(at(5, 0), at(5, 1)));
    }
}
