//! Weights of strangers: what a file says of itself is not believed before it is checked against its tensors, so that
//! no small file takes gigabytes or minutes. `tests/inside/strangers.rs` has the limits one by one.

use std::time::{Duration, Instant};

use crate::command::{ended, shell, write};
use crate::support::files::Folder;
use crate::support::strangers::{described, vit};

/// Far more than refusing takes, and far less than the claims would take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The error of `predict` with such weights, in memory that fits the program and no more.
fn error_of(content: &[u8]) -> String {
    let folder = Folder::new();
    let weights = write(&folder, "stranger.safetensors", content);
    let photo = folder.photo("photo.png", 64, 64);
    let start = Instant::now();
    let mut predict = shell(
        "ulimit -v 12000000; exec \"$0\" \"$@\"",
        ["predict", &photo, &photo, "--weights", &weights, "-o", &folder.text("flow.npy")],
    );
    let error = ended(predict.output().unwrap()).failed_with(1);
    assert!(start.elapsed() < PATIENCE, "{:?}: {error}", start.elapsed());
    assert!(error.contains("stranger.safetensors`"), "{error}");
    error
}

#[test]
fn a_size_beyond_the_limits_is_refused_before_any_work() {
    let error = error_of(&described(|config| config["backbone"] = vit(256, 16, 8192, 256, 64)));
    assert!(error.contains("at most 4096"), "{error}");
}

#[test]
fn a_model_that_the_file_does_not_hold_is_reported_without_being_made() {
    // 12.9 thousand million values.
    let error = error_of(&described(|config| config["backbone"] = vit(256, 16, 4096, 64, 64)));
    assert!(error.contains("its tensors do not fit the model"), "{error}");
    assert!(error.contains("missing: ") && error.contains(" more"), "{error}");
    assert!(error.len() < 20_000, "{}", error.len());
}
