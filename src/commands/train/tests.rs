//! The toy model, which the lists alone know, through every command.

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use serde_json::Value;

use crate::cli::Cli;
use crate::commands::testing::lpmflow;
use crate::inside::process::{ONE_THREAD, in_own_process};
use crate::model::weights;

/// The lines of a run's metrics that have `key`.
fn metrics(run: &str, key: &str) -> Vec<Value> {
    let text = fs::read_to_string(Path::new(run).join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line.get(key).is_some()).collect()
}

fn events(run: &str) -> Vec<u8> {
    let files = fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path());
    let is_events = |path: &std::path::PathBuf| path.to_str().unwrap().contains("tfevents");
    files.filter(is_events).flat_map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn a_model_with_parts_and_a_loss_of_its_own_goes_through_every_command() {
    in_own_process(&ONE_THREAD, || {
        train_and_use();
    });
}

fn train_and_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let data = path("data");
    lpmflow(["datasets", "make-toy", &data, "--images", "3", "--pairs", "2"]).succeeded();
    let of_toy = ["--dataset", "toy", "--data-root", &data, "--device", "cpu"];

    let settings = path("settings.toml");
    let text = "log_every = 1\nema_decay = 0.5\n[group_learning_rates]\nhead = 1e-2\n[toy]\ntoy_weight = 0.25\n";
    fs::write(&settings, text).unwrap();
    let train = |run: &str, epochs: &str| {
        let flags = ["--model", "toy", "--batch-size", "2", "--epochs", epochs, "--output", run];
        lpmflow([&["train", "--config", &settings][..], &of_toy, &flags].concat()).succeeded()
    };
    let (whole, parts) = (path("whole"), path("parts"));
    let log = train(&whole, "3").stderr;
    assert!(log.contains("(toy_loss "), "{log}");
    let losses = metrics(&whole, "toy_loss");
    for line in &losses {
        let number = |value: &Value| value.as_f64().unwrap();
        assert_eq!(number(&line["weights"]["toy_loss"]), 0.25);
        assert!((number(&line["loss"]) / number(&line["toy_loss"]) - 0.25).abs() < 1e-9);
        assert_eq!(number(&line["learning_rate"]), 1e-2);
    }
    assert_eq!(metrics(&whole, "mean_toy_loss").len(), 3);
    let (first, last) = (&losses[0]["toy_loss"], &losses[losses.len() - 1]["toy_loss"]);
    assert_ne!(first, last, "something is learned");
    assert!(events(&whole).windows(14).any(|window| window == b"train/toy_loss"));

    train(&parts, "1");
    lpmflow(["train", "--resume", &parts, "--epochs", "3", "--device", "cpu"]).succeeded();
    let read = |run: &str, name: &str| fs::read(Path::new(run).join(name)).unwrap();
    for name in ["last.safetensors", "best.safetensors"] {
        assert!(read(&whole, name) == read(&parts, name), "`{name}` differs");
    }

    let weights = format!("{whole}/best.safetensors");
    let report = path("report.json");
    let flags = ["--weights", &weights, "--report", &report];
    lpmflow([&["eval"][..], &of_toy, &flags].concat()).succeeded();
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(report["model"]["config"]["backbone"]["kind"], "toy");

    let photos = fs::read_dir(Path::new(&data).join("toy/JPEGImages")).unwrap();
    let photo = photos.map(|entry| entry.unwrap().path()).next().unwrap();
    let photo = if photo.is_dir() {
        fs::read_dir(photo).unwrap().next().unwrap().unwrap().path()
    } else {
        photo
    };
    let (photo, points, flow) = (photo.to_str().unwrap(), path("points.json"), path("flow.npy"));
    fs::write(&points, "[[20, 20], [40, 30]]").unwrap();
    let of_weights = ["--weights", &weights, "--device", "cpu"];
    let flags = ["predict", photo, photo, "-o", &flow, "--keypoints", &points];
    let moved = lpmflow([&flags[..], &of_weights].concat()).succeeded().stdout;
    assert!(moved.contains('['), "{moved}");

    let further = path("further");
    let flags = ["--init", &weights, "--epochs", "1", "--output", &further];
    lpmflow([&["train"][..], &of_toy, &flags].concat()).succeeded();
    for name in ["toy.safetensors", "toy.pt"] {
        let output = path(name);
        lpmflow(["export", "--weights", &weights, "-o", &output, "--verify"]).succeeded();
    }
    let flags = ["bench", "--untrained", "toy", "--iterations", "1", "--device", "cpu"];
    lpmflow(flags).succeeded();

    // Too small a rate to change what is found: what the run began with stays the best.
    fs::write(&settings, "[group_learning_rates]\nhead = 1e-12\n").unwrap();
    let unmoved = path("unmoved");
    let log = train(&unmoved, "2").stderr;
    assert!(log.contains("before training, and no epoch did better"), "{log}");
    let best = weights::read(&Path::new(&unmoved).join("best.safetensors")).unwrap();
    let state = &best.provenance().training_run.unwrap()["state"];
    assert_eq!((&state["step"], &state["best"]["epoch"]), (&0.into(), &Value::Null));
}

#[test]
fn help_and_errors_name_a_further_model_and_its_settings() {
    let mut program = Cli::command();
    for command in ["train", "bench"] {
        let help = program.find_subcommand_mut(command).unwrap().render_long_help().to_string();
        assert!(help.contains("toy"), "{help}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let settings = path("settings.toml");
    let error = |text: &str| {
        fs::write(&settings, text).unwrap();
        let run = path("run");
        lpmflow(["train", "--config", &settings, "--photos", "none", "--output", &run])
            .failed_with(1)
    };
    let error_text = error("[toy]\ntoy_wait = 1.0\n");
    assert!(error_text.contains("`toy.toy_wait` (did you mean `toy.toy_weight`?)"), "{error_text}");
    let error_text = error("[toy]\ntoy_weight = 0.0\n");
    assert!(error_text.contains("toy.toy_weight must be above 0"), "{error_text}");
    let error_text = lpmflow(["bench", "--untrained", "toys", "--device", "cpu"]).failed_with(1);
    assert!(error_text.contains("zero-shot, toy"), "{error_text}");
}
