//! Where tests find what is not in the repository.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// Each file of golden numbers with the dataset, split and data root it is about.
pub const GOLDEN_SPLITS: [(&str, &str, &str, &str); 6] = [
    ("spair_trn", "spair71k", "trn", "dogs-spair"),
    ("spair_val", "spair71k", "val", "dogs-spair"),
    ("pfpascal_trn", "pf-pascal", "trn", "dogs-pfpascal"),
    ("pfpascal_val", "pf-pascal", "val", "dogs-pfpascal"),
    ("pfpascal_test", "pf-pascal", "test", "dogs-pfpascal"),
    ("pfwillow_test", "pf-willow", "test", "pf-willow"),
];

/// The folder of golden numbers, or `None` after saying that the test is skipped.
///
/// # Panics
/// Where data is required, when the folder is not there.
pub fn golden() -> Option<PathBuf> {
    folder("LPMFLOW_GOLDEN", "golden")
}

/// The folder of development data, or `None` after saying that the test is skipped.
///
/// # Panics
/// Where data is required, when the folder is not there.
pub fn data() -> Option<PathBuf> {
    folder("LPMFLOW_DATA", "data")
}

fn folder(variable: &str, name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join("shared").join(name);
    let folder = env::var_os(variable).map_or_else(beside, PathBuf::from);
    if !folder.is_dir() {
        let missing = format!("no folder `{}` (set {variable})", folder.display());
        assert!(!is_required(|name| env::var_os(name)), "{missing}");
        println!("skipped: {missing}");
        return None;
    }
    Some(folder)
}

/// Whether tests must find their data: `LPMFLOW_REQUIRE_DATA` says so, or else `CI`, which build servers
/// set; `0`, `false` and nothing mean no.
fn is_required(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let value = variable("LPMFLOW_REQUIRE_DATA").or_else(|| variable("CI"));
    value.is_some_and(|value| !["", "0", "false"].iter().any(|no| value == **no))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inside::process::in_own_process;

    #[test]
    fn build_servers_must_have_the_data_and_a_variable_of_ours_decides_first() {
        let required = |set: &[(&str, &str)]| {
            is_required(|name| {
                set.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into())
            })
        };
        assert!(!required(&[]));
        assert!(required(&[("CI", "true")]) && required(&[("LPMFLOW_REQUIRE_DATA", "1")]));
        assert!(!required(&[("CI", "false")]) && !required(&[("CI", "")]));
        assert!(!required(&[("CI", "true"), ("LPMFLOW_REQUIRE_DATA", "0")]));
    }

    #[test]
    fn a_missing_folder_is_skipped_where_it_may_be() {
        let settings = [("LPMFLOW_GOLDEN", "/nowhere"), ("LPMFLOW_REQUIRE_DATA", "0")];
        in_own_process(&settings, || assert_eq!(golden(), None));
    }

    #[test]
    fn a_missing_folder_fails_with_its_variable_where_data_is_required() {
        let settings = [("LPMFLOW_DATA", "/nowhere"), ("LPMFLOW_REQUIRE_DATA", "1")];
        in_own_process(&settings, || {
            let panic = std::panic::catch_unwind(data).unwrap_err();
            let message = panic.downcast_ref::<String>().unwrap();
            assert!(message.contains("/nowhere") && message.contains("LPMFLOW_DATA"), "{message}");
        });
    }
}
