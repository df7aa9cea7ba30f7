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

/// With values kept and with values computed again; of both runs, loss and gradient norm of every step.
fn kept_and_again(toy: &Toy, name: &str, flags: &str) -> [Vec<[f64; 2]>; 2] {
    ["kept", "again"].map(|way| {
        let run = toy.path(&format!("{name}-{way}"));
        let again = if way == "again" { "--checkpoint-activations" } else { "" };
        train(toy, &run, &format!("{flags} {again}")).succeeded();
        numbers(&run)
    })
}

#[track_caller]
fn assert_equal(flags: &str, [kept, again]: [&[[f64; 2]]; 2], tolerance: f64) {
    assert_eq!(kept.len(), again.len());
    for (kept, again) in kept.concat().into_iter().zip(again.concat()) {
        assert!((kept - again).abs() <= tolerance * kept.abs(), "{flags}: {kept}, {again}");
    }
}

/// A dataset, and flags for two steps of two batches of a pair each.
fn two_steps() -> (Toy, String) {
    let toy = Toy::new(4, 1);
    let settings = toy.path("settings.toml");
    fs::write(&settings, "log_every = 1\naccumulate = 2\nepochs = 1\nbatch_size = 1\n").unwrap();
    let flags = format!("--config {}", settings.display());
    (toy, flags)
}

#[test]
fn every_ablation_trains_with_values_kept_or_computed_again_saves_and_matches() {
    in_own_process(&ONE_THREAD, || {
        let (toy, flags) = two_steps();
        let pictures = [0, 1].map(|index| toy.photos().join(format!("{index}.png")));
        for name in ablations() {
            let [kept, again] = kept_and_again(&toy, &name, &format!("{flags} --ablate {name}"));
            assert_eq!(kept.len(), 2);
            assert_equal(&name, [&kept, &again], 1e-4);
            let flow = toy.path("flow.npy");
            let weights = toy.path(&format!("{name}-kept")).join("best.safetensors");
            let paths =
                [&pictures[0], &pictures[1], &weights, &flow].map(|path| path.to_str().unwrap());
            let [source, target, weights, flow] = paths;
            lpmflow(["predict", source, target, "--weights", weights, "-o", flow]).succeeded();
            // Trained further as it is.
            let further = toy.path(&format!("{name}-further"));
            let flags = format!("--epochs 1 --batch-size 4 --init {weights}");
            train(&toy, &further, &flags).succeeded();
        }
    });
}

#[test]
fn values_computed_again_give_the_same_losses_and_gradients() {
    in_own_process(&ONE_THREAD, || {
        let (toy, flags) = two_steps();
        // In 16 bits gradients are rounded before they are summed, and from the first update on such runs part.
        for (name, more, steps, tolerance) in [
            ("whole", "", 2, 1e-4),
            ("mixed", "--precision bfloat16", 1, 2e-3),
            ("frozen", "--freeze-backbone", 2, 1e-4),
            ("lite", "--model lite --input-size 192", 2, 1e-4),
            ("actr", "--model actr-tiny", 2, 1e-4),
            ("cats", "--model cats-tiny", 2, 1e-4),
            ("chm", "--model chm-tiny", 2, 1e-4),
            ("transformatcher", "--model transformatcher-tiny", 2, 1e-4),
        ] {
            let [kept, again] = kept_and_again(&toy, name, &format!("{flags} {more}"));
            assert_eq!((kept.len(), again.len()), (2, 2));
            assert_equal(more, [&kept[..steps], &again[..steps]], tolerance);
        }
    });
}

#[test]
fn nc_net_trains_on_batches_of_several_pairs() {
    in_own_process(&ONE_THREAD, || {
        let (toy, flags) = two_steps();
        let flags = format!("{flags} --model ncnet-tiny");
        let run = toy.path("ncnet");
        train(&toy, &run, &format!("{flags} --batch-size 2 --accumulate 1")).succeeded();
        let steps = numbers(&run);
        assert_eq!(steps.len(), 2);
        assert!(steps.iter().all(|[loss, norm]| loss.is_finite() && *norm > 0.0), "{steps:?}");
        let alone = train(&toy, &toy.path("alone"), &flags);
        assert!(alone.stderr.contains("choose --batch-size 2 or more"), "{}", alone.stderr);
    });
}

#[test]
fn other_levels_of_another_backbone_are_trained_for_both_roles() {
    in_own_process(&ONE_THREAD, || {
        let (toy, flags) = two_steps();
        let vit = toy.path("vit");
        train(&toy, &vit, &flags).succeeded();
        let backbone = vit.join("best.safetensors");
        let run = toy.path("twins");
        let levels = r#"--set matcher.levels=["block-1","block-2"] --set matcher.rectified=false"#;
        let model = format!("--model transformatcher-tiny --backbone {}", backbone.display());
        train(&toy, &run, &format!("{flags} {model} {levels}")).succeeded();
        assert_eq!(numbers(&run).len(), 2);
        let written = fs::read_to_string(run.join("config.toml")).unwrap();
        assert!(written.contains("matcher.rectified=false"), "{written}");
        let kept = crate::model::weights::read(&run.join("best.safetensors")).unwrap();
        let config = serde_json::to_value(kept.config().unwrap()).unwrap();
        assert_eq!(config["backbone"]["each"]["kind"], "vit");
        assert_eq!(config["matcher"]["levels"], serde_json::json!(["block-1", "block-2"]));
        assert_eq!(config["matcher"]["rectified"], false);
        let wrong = train(&toy, &toy.path("wrong"), &format!("{flags} --set matcher.depths=2"));
        assert!(wrong.stderr.contains("matcher.depths"), "{}", wrong.stderr);
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
