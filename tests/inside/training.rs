//! `train` with everything that can be left out of LPMFlow: many short runs, in one process.

use std::fs;
use std::path::Path;

use clap::ValueEnum;
use serde_json::Value;

use crate::commands::testing::{Run, lpmflow};
use crate::inside::process::{ONE_THREAD, in_own_process};
use crate::inside::support::toy::Toy;
use crate::model::matcher::lpmflow::config::Ablation;

/// Trains on a toy dataset, `tiny` unless the flags say another.
fn train(toy: &Toy, output: &Path, flags: &str) -> Run {
    lpmflow(toy.training(output, flags))
}

fn ablations() -> impl Iterator<Item = String> {
    Ablation::value_variants()
        .iter()
        .map(|part| part.to_possible_value().unwrap().get_name().to_owned())
}

#[test]
fn every_ablation_trains_saves_and_matches() {
    in_own_process(&ONE_THREAD, || {
        let toy = Toy::new(2, 1);
        let pictures = [0, 1].map(|index| toy.photos().join(format!("{index}.png")));
        for name in ablations() {
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
    });
}

#[test]
fn values_computed_again_give_the_same_losses_and_gradients() {
    in_own_process(&ONE_THREAD, || {
        let toy = Toy::new(4, 1);
        let settings = toy.path("settings.toml");
        fs::write(&settings, "log_every = 1\naccumulate = 2\nepochs = 1\nbatch_size = 1\n")
            .unwrap();
        let switches = ablations().map(|name| format!("--ablate {name}"));
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
    });
}

/// Loss and gradient norm of every step.
fn numbers(run: &Path) -> Vec<[f64; 2]> {
    let number = |line: &Value, key: &str| line[key].as_f64().unwrap();
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line.get("loss").is_some())
        .map(|line| ["loss", "gradient_norm"].map(|key| number(&line, key)))
        .collect()
}
