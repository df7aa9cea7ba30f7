//! Finding and reading reference numbers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use tch::Tensor;

/// Sums are taken in the order of AVX2 whatever the processor has: the order that the reference numbers were
/// made in. In that of AVX-512 a single cell of `flow_21` moves by up to 2.4e-3, with MKL and with oneDNN
/// alike, and the tolerance is 2e-3. libtorch and its libraries read these before their first sum, so the
/// tests run in processes of their own.
pub const ARITHMETIC: [(&str, &str); 4] = [
    ("ATEN_CPU_CAPABILITY", "avx2"),
    ("MKL_CBWR", "AVX2"),
    ("ONEDNN_MAX_CPU_ISA", "AVX2"),
    ("OMP_NUM_THREADS", "1"),
];

/// The reference files `PREFIX-seedN.safetensors` with their seeds: those of the repository and of the
/// folder that `LPMFLOW_GOLDEN` names.
pub fn seeds(prefix: &str) -> Vec<(u64, PathBuf)> {
    seeds_in("", prefix)
}

/// As [`seeds`], those of the repository in a folder of their own.
pub fn seeds_in(folder: &str, prefix: &str) -> Vec<(u64, PathBuf)> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut found = seeds_of(&own, prefix);
    found.extend(further_seeds(prefix));
    assert!(!found.is_empty(), "no {prefix}-seedN.safetensors in tests/golden");
    found.into_iter().collect()
}

/// The reference files of the folder that `LPMFLOW_GOLDEN` names, if it has some.
pub fn further_seeds(prefix: &str) -> BTreeMap<u64, PathBuf> {
    let folder = std::env::var_os("LPMFLOW_GOLDEN").map(PathBuf::from);
    folder.map_or_else(BTreeMap::new, |folder| seeds_of(&folder, prefix))
}

fn seeds_of(folder: &Path, prefix: &str) -> BTreeMap<u64, PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let seed = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let name = path.file_name()?.to_str()?;
        let seed =
            name.strip_prefix(prefix)?.strip_prefix("-seed")?.strip_suffix(".safetensors")?;
        Some((seed.parse().ok()?, path))
    };
    entries.filter_map(seed).collect()
}

/// All float tensors of a file.
pub fn tensors(path: &Path) -> BTreeMap<String, Tensor> {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.tensors()
        .into_iter()
        .filter(|(_, view)| view.dtype() == Dtype::F32)
        .map(|(name, view)| {
            let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
            let values: Vec<f32> = view
                .data()
                .chunks_exact(4)
                .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
                .collect();
            (name, Tensor::from_slice(&values).view(shape.as_slice()))
        })
        .collect()
}

/// How far two tensors are apart.
#[derive(Clone, Copy, Debug)]
pub struct Distance {
    pub maximum: f64,
    pub mean: f64,
    /// Largest difference over largest reference value.
    pub relative: f64,
}

/// Compares with the reference.
pub fn distance(name: &str, ours: &Tensor, reference: &Tensor) -> Distance {
    assert_eq!(ours.size(), reference.size(), "shape of {name}");
    let difference = (ours - reference).abs();
    let maximum = difference.max().double_value(&[]);
    Distance {
        maximum,
        mean: difference.mean(None).double_value(&[]),
        relative: maximum / reference.abs().max().double_value(&[]),
    }
}
