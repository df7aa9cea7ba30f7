//! Checkpoints that are replaced, cut off, or of another origin.

use serde_json::json;

use super::*;
use crate::processes::communicator::SingleProcess;
use crate::train::folder::state::{Best, Start, Totals};
use crate::train::samples::sampler::Position;

fn checkpoints(folder: &Path) -> Checkpoints {
    let settings = json!({"epochs": 3});
    Checkpoints::new(folder, ModelConfig::tiny(), Provenance::default(), settings, &SingleProcess)
}

fn state(step: u64) -> RunState {
    let position = Position { epoch: 1, batch: step };
    let best = Some(Best { epoch: Some(0), pck: 31.4 });
    let mut totals = Totals::default();
    totals.add_loss(0.1 + 0.2, step);
    totals.add_term("end_point_error", 0.7, step);
    let start = Some(Start { pck: 12.5, same_position: 0.1 + 0.2 });
    RunState { step, position, totals, best, start }
}

fn tensors(value: f32) -> Tensors {
    BTreeMap::from([("x".to_owned(), Tensor::from_slice(&[value, 2.0]))])
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_newest_checkpoint_comes_back_exactly_and_older_moments_go() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = checkpoints(folder.path());
    checkpoints.save_last(&state(3), &tensors(0.5), &tensors(7.0)).unwrap();
    checkpoints.save_last(&state(6), &tensors(0.25), &tensors(8.0)).unwrap();
    checkpoints.save_best(&state(6), &tensors(0.25)).unwrap();
    assert_eq!(names(folder.path()), [BEST, LAST, "moments-00000006.safetensors"]);
    let checkpoint = load_last(folder.path(), true).unwrap();
    assert_eq!(checkpoint.state, state(6));
    assert_eq!(checkpoint.weights.tensors["x"], tensors(0.25)["x"]);
    assert_eq!(checkpoint.moments["x"], tensors(8.0)["x"]);
}

#[test]
fn killed_between_moments_and_weights_the_checkpoint_before_stands() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = checkpoints(folder.path());
    checkpoints.save_last(&state(3), &tensors(0.5), &tensors(7.0)).unwrap();
    let before = fs::read(folder.path().join(LAST)).unwrap();
    let moments = fs::read(folder.path().join("moments-00000003.safetensors")).unwrap();
    checkpoints.save_last(&state(6), &tensors(0.25), &tensors(8.0)).unwrap();
    // The folder as it was before the weights were replaced, and half a file of the next attempt.
    fs::write(folder.path().join(LAST), before).unwrap();
    fs::write(folder.path().join("moments-00000003.safetensors"), moments).unwrap();
    fs::write(folder.path().join(".lpmflow-a1b2c3"), "half").unwrap();
    let checkpoint = load_last(folder.path(), true).unwrap();
    assert_eq!(checkpoint.state, state(3));
    assert_eq!(checkpoint.moments["x"], tensors(7.0)["x"]);
    assert_eq!(names(folder.path()), [LAST, "moments-00000003.safetensors"]);
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = checkpoints(folder.path());
    checkpoints.save_last(&state(3), &tensors(0.5), &tensors(7.0)).unwrap();
    // Weights that are not finite cannot be stored.
    assert!(checkpoints.save_last(&state(6), &tensors(f32::NAN), &tensors(8.0)).is_err());
    assert_eq!(load_last(folder.path(), true).unwrap().state, state(3));
}

#[test]
fn folders_without_a_run_and_weights_of_another_origin_cannot_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let error = |folder: &Path| format!("{:#}", load_last(folder, true).unwrap_err());
    assert!(error(folder.path()).contains("there is no `last.safetensors`"));
    let checkpoints = checkpoints(folder.path());
    checkpoints.save_best(&state(1), &tensors(1.0)).unwrap();
    fs::rename(folder.path().join(BEST), folder.path().join(LAST)).unwrap();
    assert!(error(folder.path()).contains("no optimizer moments"));
    let description = Description::new(ModelConfig::tiny(), Provenance::default());
    save(&folder.path().join(LAST), &tensors(1.0), &description, Storage::Float32).unwrap();
    assert!(error(folder.path()).contains("does not come from `lpmflow train`"));
}

/// As versions wrote it that knew the losses by name.
#[test]
fn the_checkpoint_of_an_older_version_comes_back_with_its_totals() {
    let folder = tempfile::tempdir().unwrap();
    let run = json!({
        "state": {
            "step": 3,
            "position": {"epoch": 1, "batch": 3},
            "totals": {"batches": 3, "end_point_error": 6.0, "contrast": 1.5, "loss": 7.5},
            "best": {"epoch": 0, "pck": 31.4},
        },
        "moments": "moments-00000003.safetensors",
    });
    let provenance = Provenance { training_run: Some(run), ..Provenance::default() };
    let description = Description::new(ModelConfig::tiny(), provenance);
    for name in [LAST, "moments-00000003.safetensors"] {
        save(&folder.path().join(name), &tensors(0.5), &description, Storage::Float32).unwrap();
    }
    let state = load_last(folder.path(), true).unwrap().state;
    assert_eq!(state.totals.mean_loss(), 2.5);
    let wanted = [("end_point_error", 2.0), ("contrastive_loss", 0.5)];
    assert_eq!(state.totals.mean_terms(), wanted.map(|(name, mean)| (name.to_owned(), mean)));
    assert_eq!(state.step, 3);
}
