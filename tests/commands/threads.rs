//! Processor threads: as many as the process may use, and what users set wins. How they wait is tested beside
//! the code.
#![cfg(target_os = "linux")]

use std::process::Command;

use serde_json::Value;

use crate::command::shell;
use crate::support::spair::TinySpair;

/// `lpmflow` with nothing set that concerns threads.
fn lpmflow_on(processors: &str) -> Command {
    let mut command = shell(&format!("exec taskset -c {processors} \"$0\" \"$@\""), [""; 0]);
    let ours = ["LPMFLOW_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"];
    for name in ours.into_iter().chain(["RAYON_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"]) {
        command.env_remove(name);
    }
    command
}

/// How many threads `eval` says that it had.
fn threads(command: &mut Command) -> u64 {
    let dataset = TinySpair::write();
    let root = dataset.data_root().to_str().unwrap();
    let output = command
        .args(["eval", "--dataset", "spair71k", "--data-root", root, "--json"])
        .args(["--baseline-model", "identity"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    report["run"]["threads"].as_u64().unwrap()
}

#[test]
fn there_are_as_many_as_the_process_may_use_unless_the_user_says_otherwise() {
    assert_eq!(threads(&mut lpmflow_on("0")), 1);
    assert_eq!(threads(lpmflow_on("0").args(["--threads", "3"])), 3);
    assert_eq!(threads(lpmflow_on("0").env("LPMFLOW_THREADS", "2")), 2);
    assert_eq!(threads(lpmflow_on("0").env("RAYON_NUM_THREADS", "2")), 2);
}
