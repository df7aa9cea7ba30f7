//! Two ResNets in one file, as CHM and TransforMatcher are saved: every tensor holds the source's half first and the
//! target's after it, so that one network of grouped convolutions does the work of both.

use anyhow::{Context, Result, ensure};

use crate::model::backbone::twins::ROLES;
use crate::model::config::BACKBONE;
use crate::model::weights::published::Tensors;
use crate::model::weights::resnet::without_norms;

/// Where the backbone stands in a file.
const PUBLISHED: &str = "backbone.";

/// The classifier is there once, and never read.
const CLASSIFIER: &str = "fc.";

/// A file's tensors with the two networks apart, their batch norms folded; what is no backbone keeps its name.
pub(super) fn apart(tensors: Tensors) -> Result<Tensors> {
    let mut halves = [Tensors::new(), Tensors::new()];
    let mut rest = Tensors::new();
    for (name, tensor) in tensors {
        match name.strip_prefix(PUBLISHED) {
            None => drop(rest.insert(name, tensor)),
            Some(own) if own.starts_with(CLASSIFIER) || own.ends_with("num_batches_tracked") => {}
            Some(own) => {
                let rows = tensor
                    .size()
                    .first()
                    .copied()
                    .with_context(|| format!("`{name}` is a number"))?;
                ensure!(
                    rows > 0 && rows % 2 == 0,
                    "`{name}` does not hold two networks: it has {rows} rows"
                );
                let [source, target] = &mut halves;
                source.insert(own.to_owned(), tensor.narrow(0, 0, rows / 2));
                target.insert(own.to_owned(), tensor.narrow(0, rows / 2, rows / 2));
            }
        }
    }
    for (role, half) in ROLES.into_iter().zip(halves) {
        let own = |name: String| format!("{BACKBONE}{role}.{}", &name[BACKBONE.len()..]);
        rest.extend(without_norms(half)?.into_iter().map(|(name, tensor)| (own(name), tensor)));
    }
    Ok(rest)
}

/// The tensors of the sources' network, as a file of it alone would have them.
pub(super) fn of_source(tensors: &Tensors) -> Tensors {
    let prefix = format!("{BACKBONE}{}.", ROLES[0]);
    let own = |(name, tensor): (&String, &tch::Tensor)| {
        let own = name.strip_prefix(&prefix)?;
        Some((format!("{BACKBONE}{own}"), tensor.shallow_clone()))
    };
    tensors.iter().filter_map(own).collect()
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    /// One block of both networks, the source's values 1 and the target's 2.
    fn published() -> Tensors {
        let options = (Kind::Float, Device::Cpu);
        let both = |mut shape: Vec<i64>| {
            shape[0] /= 2;
            let ones = Tensor::ones(&shape, options);
            Tensor::cat(&[&ones, &(&ones * 2.0)], 0)
        };
        let mut tensors = Tensors::new();
        for (convolution, norm, shape) in [
            ("conv1", "bn1", vec![128, 3, 7, 7]),
            ("layer1.0.conv1", "layer1.0.bn1", vec![128, 64, 1, 1]),
            ("layer1.0.conv2", "layer1.0.bn2", vec![128, 64, 3, 3]),
            ("layer1.0.conv3", "layer1.0.bn3", vec![512, 64, 1, 1]),
            ("layer1.0.downsample.0", "layer1.0.downsample.1", vec![512, 64, 1, 1]),
        ] {
            let rows = shape[0];
            tensors.insert(format!("backbone.{convolution}.weight"), both(shape));
            for part in ["weight", "bias", "running_mean", "running_var"] {
                tensors.insert(format!("backbone.{norm}.{part}"), Tensor::ones([rows], options));
            }
            tensors.insert(format!("backbone.{norm}.num_batches_tracked"), Tensor::from(0i64));
        }
        tensors.insert("backbone.fc.weight".to_owned(), Tensor::ones([1000, 2048], options));
        tensors.insert("learner.bias".to_owned(), Tensor::ones([1], options));
        tensors
    }

    #[test]
    fn both_networks_come_apart_and_what_is_no_backbone_stays() {
        let tensors = apart(published()).unwrap();
        let value = |role: &str| {
            tensors[&format!("{BACKBONE}{role}.layer1.0.conv3.weight")].double_value(&[0, 0, 0, 0])
        };
        // Divided by the batch norm's deviation.
        assert!((value("source") - 1.0).abs() < 1e-4 && (value("target") - 2.0).abs() < 1e-4);
        assert!(tensors.contains_key("learner.bias"));
        assert!(!tensors.keys().any(|name| name.contains("fc") || name.contains("running")));
        let source = of_source(&tensors);
        assert_eq!(2 * source.len() + 1, tensors.len());
        assert!(source.contains_key(&format!("{BACKBONE}conv1.bias")));
    }

    #[test]
    fn a_file_of_one_network_is_told() {
        let mut file = published();
        file.insert(
            "backbone.bn1.weight".to_owned(),
            Tensor::ones([3], (Kind::Float, Device::Cpu)),
        );
        let error = apart(file).unwrap_err().to_string();
        assert!(error.contains("`backbone.bn1.weight` does not hold two networks"), "{error}");
    }
}
