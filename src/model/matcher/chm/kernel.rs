//! Kernels of Hough matching: over the cells of both grids, and over the scales of both photos. Entries that are the
//! same for a vote are one parameter.

use tch::{Device, Tensor};

use crate::model::matcher::chm::config::Sharing;
use crate::nn::parameters::{Init, VarBuilder};

/// Side of the kernel over cells.
pub(super) const SIDE: i64 = 5;

/// Scales of each photo, and side of the kernel over them.
pub(super) const SCALES: i64 = 3;

/// Entries of a kernel over the cells of both grids.
const ENTRIES: i64 = SIDE.pow(4);

/// About how large an entry is at first.
const INITIAL: f64 = 1e-3;

/// The entries that share a parameter, for each parameter.
type Groups = Vec<Vec<i64>>;

/// Which entries of a kernel over cells share one: numbered with the target's column running fastest, groups in the
/// order in which they first occur.
fn over_cells(sharing: Sharing) -> Groups {
    let distance = |a: [i64; 2], b: [i64; 2]| (a[0] - b[0]).pow(2) + (a[1] - b[1]).pow(2);
    let middle = [SIDE / 2; 2];
    let mut keys: Vec<[i64; 3]> = Vec::new();
    let mut groups = Groups::new();
    for entry in 0..ENTRIES {
        let at = |step: i64| entry / step % SIDE;
        let (source, target) = ([at(SIDE.pow(3)), at(SIDE.pow(2))], [at(SIDE), at(1)]);
        let [from, to] = [distance(source, middle), distance(target, middle)];
        let key = match sharing {
            Sharing::Psi => [from.max(to), from.min(to), distance(source, target)],
            Sharing::Iso => [distance(source, target), 0, 0],
            Sharing::Full => [entry, 0, 0],
        };
        match keys.iter().position(|other| *other == key) {
            Some(group) => groups[group].push(entry),
            None => {
                keys.push(key);
                groups.push(vec![entry]);
            }
        }
    }
    groups
}

/// Which entries of the kernel over scales share one over cells, the target's scale running fastest.
fn over_scales(sharing: Sharing) -> Groups {
    match sharing {
        Sharing::Psi => vec![vec![4], vec![0, 8], vec![2, 6], vec![1, 3, 5, 7]],
        Sharing::Iso => vec![vec![0, 4, 8], vec![2, 6], vec![1, 3, 5, 7]],
        Sharing::Full => (0..SCALES * SCALES).map(|entry| vec![entry]).collect(),
    }
}

/// The kernel over cells alone, with its variables.
#[derive(Debug)]
pub(super) struct CellKernel {
    weight: Tensor,
    bias: Tensor,
    sharing: Shared,
}

/// The kernel over scales and cells, with its variables.
#[derive(Debug)]
pub(super) struct ScaleKernel {
    /// For each group of scales, or of all of them at once where nothing is shared.
    weights: Vec<Tensor>,
    bias: Tensor,
    sharing: Shared,
    groups: Groups,
    /// For every pair of scales and every group, which pairs of scales around it the group's kernel sees: their sum is
    /// what it convolves. `[9 S, 9]`, groups running fastest. Made once: a trace would not hold numbers made on its way.
    pub seen: Tensor,
}

/// Parameters as entries.
#[derive(Debug)]
struct Shared {
    /// The parameter of each entry.
    of_entry: Tensor,
    /// What part of its parameter an entry is: they are held as sums.
    part: Tensor,
    parameters: i64,
}

impl Shared {
    fn new(groups: &Groups, device: Device) -> Self {
        let mut of_entry = vec![0i64; ENTRIES as usize];
        let mut part = vec![0f32; ENTRIES as usize];
        for (index, group) in (0..).zip(groups) {
            for &entry in group {
                of_entry[entry as usize] = index;
                part[entry as usize] = 1.0 / group.len() as f32;
            }
        }
        let [of_entry, part] = [Tensor::from_slice(&of_entry), Tensor::from_slice(&part)];
        Self {
            of_entry: of_entry.to_device(device),
            part: part.to_device(device),
            parameters: groups.len() as i64,
        }
    }

    /// `[parameters]` to the kernel's entries `[5^4]`.
    fn entries(&self, parameters: &Tensor) -> Tensor {
        parameters.index_select(0, &self.of_entry) * &self.part
    }
}

impl CellKernel {
    /// Builds the variables under `path`.
    pub(super) fn new(path: &VarBuilder, sharing: Sharing) -> Self {
        let shared = Shared::new(&over_cells(sharing), path.device());
        let shape = match sharing {
            Sharing::Full => vec![1, 1, SIDE, SIDE, SIDE, SIDE],
            Sharing::Psi | Sharing::Iso => vec![shared.parameters],
        };
        // Where nothing is shared, the authors' code replaces the bias of one value by a number.
        let bias: &[i64] = if sharing == Sharing::Full { &[] } else { &[1] };
        Self {
            weight: path.parameter("weight", &shape, Init::Uniform(INITIAL)),
            bias: path.parameter("bias", bias, Init::Constant(0.0)),
            sharing: shared,
        }
    }

    /// The weight of a four-dimensional convolution (see [`crate::nn::layers::conv4d::convolve`]) and its bias.
    pub(super) fn weight(&self) -> (Tensor, Tensor) {
        let entries = self.sharing.entries(&self.weight.flatten(0, -1));
        (entries.view([SIDE, 1, 1, SIDE, SIDE, SIDE].as_slice()), self.bias.view([1]))
    }
}

impl ScaleKernel {
    /// Builds the variables under `path`.
    pub(super) fn new(path: &VarBuilder, sharing: Sharing) -> Self {
        let shared = Shared::new(&over_cells(sharing), path.device());
        let groups = over_scales(sharing);
        let init = Init::Uniform(INITIAL);
        let weights = match sharing {
            Sharing::Full => {
                let shape = [1, 1, SCALES, SCALES, SIDE, SIDE, SIDE, SIDE];
                vec![path.parameter("param", &shape, init)]
            }
            Sharing::Psi | Sharing::Iso => {
                let path = path / "param";
                let group =
                    |index: usize| path.parameter(&index.to_string(), &[shared.parameters], init);
                (0..groups.len()).map(group).collect()
            }
        };
        let bias = path.parameter("bias", &[1], Init::Constant(0.0));
        let seen = seen(&groups).to_device(path.device());
        Self { weights, bias, sharing: shared, groups, seen }
    }

    /// The weight of a four-dimensional convolution of as many channels as there are groups of scales into one, and
    /// the bias.
    pub(super) fn weight(&self) -> (Tensor, Tensor) {
        let rows = Tensor::cat(&self.weights, 0).view([self.groups.len() as i64, -1]); // [S, parameters]
        let kernels: Vec<Tensor> = (0..)
            .zip(&self.groups)
            .map(|(index, group)| self.sharing.entries(&rows.get(index)) / group.len() as f64)
            .collect();
        let kernel = Tensor::stack(&kernels, 0).view([1, -1, SIDE, SIDE, SIDE, SIDE].as_slice());
        (kernel.permute([2, 0, 1, 3, 4, 5]), self.bias.shallow_clone())
    }
}

/// See [`ScaleKernel::seen`].
fn seen(groups: &Groups) -> Tensor {
    let pairs = SCALES * SCALES;
    let mut seen = Vec::new();
    for pair in 0..pairs {
        for group in groups {
            let mut row = vec![0f32; pairs as usize];
            for entry in group {
                let along = |pair: i64, entry: i64| pair + entry - SCALES / 2;
                let source = along(pair / SCALES, entry / SCALES);
                let target = along(pair % SCALES, entry % SCALES);
                if (0..SCALES).contains(&source) && (0..SCALES).contains(&target) {
                    row[(source * SCALES + target) as usize] = 1.0;
                }
            }
            seen.extend(row);
        }
    }
    Tensor::from_slice(&seen).view([-1, pairs])
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn entries_share_a_parameter_as_the_authors_files_have_it() {
        for (sharing, cells, scales) in
            [(Sharing::Psi, 55, 4), (Sharing::Iso, 15, 3), (Sharing::Full, 625, 9)]
        {
            let (cells, scales) = ((over_cells(sharing), cells), (over_scales(sharing), scales));
            for ((groups, count), entries) in [(cells, 625), (scales, 9)] {
                assert_eq!(groups.len(), count, "{sharing:?}");
                let mut all = groups.concat();
                all.sort_unstable();
                assert_eq!(all, (0..entries).collect::<Vec<_>>(), "{sharing:?}");
            }
        }
    }

    #[test]
    fn the_kernel_sums_up_to_its_parameters() {
        for sharing in [Sharing::Psi, Sharing::Iso, Sharing::Full] {
            let path = VarBuilder::fresh(Device::Cpu);
            let kernel = ScaleKernel::new(&(&path / "scales"), sharing);
            // Each group's kernel counts once for each of its scales.
            let groups: Vec<f32> = kernel.groups.iter().map(|group| group.len() as f32).collect();
            let weight = kernel.weight().0.sum_dim_intlist(
                [0i64, 1, 3, 4, 5].as_slice(),
                false,
                Kind::Float,
            );
            let found = (weight * Tensor::from_slice(&groups)).sum(Kind::Float).double_value(&[]);
            let wanted: f64 =
                kernel.weights.iter().map(|weight| weight.sum(Kind::Float).double_value(&[])).sum();
            assert!((found - wanted).abs() < 1e-6, "{sharing:?}: {found}, not {wanted}");
        }
    }

    #[test]
    fn scales_beyond_the_last_are_not_seen() {
        let seen = seen(&over_scales(Sharing::Psi));
        let row = |pair: i64, group: i64| Vec::<f32>::try_from(seen.get(pair * 4 + group)).unwrap();
        // Of the first pair of scales: itself, the one diagonally behind it, nothing across, and two beside it.
        assert_eq!(row(0, 0), [1., 0., 0., 0., 0., 0., 0., 0., 0.]);
        assert_eq!(row(0, 1), [0., 0., 0., 0., 1., 0., 0., 0., 0.]);
        assert_eq!(row(0, 2), [0.; 9]);
        assert_eq!(row(0, 3), [0., 1., 0., 1., 0., 0., 0., 0., 0.]);
    }
}
