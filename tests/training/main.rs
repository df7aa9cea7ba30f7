//! `lpmflow train` through the real binary, on painted figures.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

#[path = "../support/command.rs"]
mod command;
mod errors;
mod interruption;
#[path = "../support/toy.rs"]
mod toy;

use std::fs;
use std::path::Path;

use clap::ValueEnum;
use command::{Folder, Run, lpmflow, names};
use lpmflow::model::matcher::lpmflow::config::Ablation;
use serde_json::Value;
use toy::Toy;

/// Trains `tiny` on a toy dataset with further flags.
fn train(toy: &Toy, output: &Path, flags: &str) -> Run {
    lpmflow(arguments(toy, output, flags))
}

fn arguments(toy: &Toy, output: &Path, flags: &str) -> Vec<String> {
    let output = ["train", "--output", output.to_str().unwrap()];
    let flags =
        if flags.contains("--model") { flags.to_owned() } else { format!("--model tiny {flags}") };
    let flags = flags.split_whitespace().map(str::to_owned);
    output.map(str::to_owned).into_iter().chain(toy.flags()).chain(flags).collect()
}

/// The lines of a run's metrics that have `key`.
fn metrics(run: &Path, key: &str) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line.get(key).is_some()).collect()
}

#[test]
fn tiny_learns_four_pairs_by_heart() {
    let toy = Toy::new(4, 0);
    let run = toy.path("run");
    let recipe =
        "--epochs 200 --batch-size 4 --learning-rate 2e-3 --backbone-rate 1e-3 --no-augmentation";
    let log = train(&toy, &run, recipe).succeeded().stderr;
    let pck: Vec<f64> = metrics(&run, "validation_pck")
        .iter()
        .map(|line| line["validation_pck"].as_f64().unwrap())
        .collect();
    let best = pck.iter().copied().fold(0.0, f64::max);
    println!("PCK@0.1 of every tenth epoch: {:?}", pck.iter().step_by(10).collect::<Vec<_>>());
    assert!(pck[0] < 60.0 && best > 95.0, "from {} to {best}", pck[0]);
    assert!(log.contains("4 training pairs of 8 photos"), "{log}");
    assert!(log.contains("expected time"), "{log}");
}

#[test]
fn the_run_folder_holds_what_it_should() {
    let toy = Toy::new(3, 2);
    let run = toy.path("run");
    let config = toy.path("mine.toml");
    fs::write(&config, "log_every = 1\nepochs = 9\nema_decay = 0.5\nseed = 3\n").unwrap();
    let flags =
        format!("--config {} --epochs 2 --batch-size 2 --freeze-backbone", config.display());
    let log = train(&toy, &run, &flags).succeeded().stderr;
    assert!(log.contains("frozen"), "{log}");
    let files = names(&run);
    assert!(
        files[..4] == ["best.safetensors", "config.toml", files[2].as_str(), "last.safetensors"]
    );
    assert!(files[2].starts_with("events.out.tfevents."), "{files:?}");
    assert_eq!(files[4..], ["metrics.jsonl", "moments-00000004.safetensors"]);
    assert_eq!(metrics(&run, "end_point_error").len(), 4);
    assert_eq!(metrics(&run, "validation_pck").len(), 2);
    // Flags come before the file, and the complete configuration trains the same again.
    let text = fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(text.contains("epochs = 2") && text.contains("seed = 3"), "{text}");
    let again = toy.path("again");
    let [output, config] =
        [&again, &run.join("config.toml")].map(|path| path.to_str().unwrap().to_owned());
    lpmflow(["train", "--output", &output, "--config", &config]).succeeded();
    let last = |folder: &Path| fs::read(folder.join("last.safetensors")).unwrap();
    assert!(last(&run) == last(&again), "the same configuration trains the same weights");
}

#[test]
fn every_ablation_trains_saves_and_matches() {
    let toy = Toy::new(2, 1);
    let pictures = [0, 1].map(|index| toy.photos().join(format!("{index}.png")));
    for ablation in Ablation::value_variants() {
        let name = ablation.to_possible_value().unwrap().get_name().to_owned();
        let run = toy.path(&name);
        train(&toy, &run, &format!("--epochs 1 --batch-size 2 --ablate {name}")).succeeded();
        let flow = toy.path("flow.npy");
        let weights = run.join("best.safetensors");
        let paths =
            [&pictures[0], &pictures[1], &weights, &flow].map(|path| path.to_str().unwrap());
        let [source, target, weights, flow] = paths;
        lpmflow(["predict", source, target, "--weights", weights, "-o", flow]).succeeded();
        // Trained further as it is.
        let further = toy.path(&format!("{name}-further"));
        train(&toy, &further, &format!("--epochs 1 --init {weights}")).succeeded();
    }
}

#[test]
fn values_computed_again_give_the_same_losses_and_gradients() {
    let toy = Toy::new(4, 1);
    let settings = toy.path("settings.toml");
    fs::write(&settings, "log_every = 1\naccumulate = 2\nepochs = 1\nbatch_size = 1\n").unwrap();
    let numbers = |run: &Path| -> Vec<[f64; 2]> {
        let number = |line: &Value, key: &str| line[key].as_f64().unwrap();
        let lines = metrics(run, "loss");
        lines.iter().map(|line| ["loss", "gradient_norm"].map(|key| number(line, key))).collect()
    };
    let switches = Ablation::value_variants()
        .iter()
        .map(|part| format!("--ablate {}", part.to_possible_value().unwrap().get_name()));
    let others = ["", "--precision bfloat16", "--freeze-backbone", "--model lite"];
    for (index, flags) in others.map(str::to_owned).into_iter().chain(switches).enumerate() {
        let [kept, again] = ["kept", "again"].map(|name| toy.path(&format!("{name}-{index}")));
        let flags = format!("--config {} {flags}", settings.display());
        train(&toy, &kept, &flags).succeeded();
        train(&toy, &again, &format!("{flags} --checkpoint-activations")).succeeded();
        let (kept, again) = (numbers(&kept), numbers(&again));
        assert_eq!(kept.len(), 2);
        // In 16 bits gradients are rounded before they are summed, and from the first update on such
        // runs part.
        let mixed = flags.contains("bfloat16");
        let (steps, tolerance) = if mixed { (1, 2e-3) } else { (2, 1e-4) };
        for (kept, again) in kept[..steps].concat().into_iter().zip(again.concat()) {
            assert!((kept - again).abs() <= tolerance * kept.abs(), "{flags}: {kept}, {again}");
        }
    }
}

#[test]
fn photos_without_annotation_are_trained_on() {
    let toy = Toy::new(6, 0);
    let output = Folder::new();
    let photos = toy.photos().to_str().unwrap().to_owned();
    let run = output.text("run");
    let flags = ["--model", "tiny", "--epochs", "2", "--batch-size", "4", "--output", &run];
    let log = lpmflow([&["train", "--photos", &photos], &flags[..]].concat()).succeeded().stderr;
    assert!(log.contains("10 training pairs of 10 photos"), "{log}");
    let pck = &metrics(&output.path("run"), "validation_pck")[1]["validation_pck"];
    assert!((0.0..=100.0).contains(&pck.as_f64().unwrap()));
}
