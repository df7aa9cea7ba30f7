//! Several processes take the steps of one.

use std::fs;
use std::path::Path;

use safetensors::SafeTensors;

use super::{metrics, toy};
use crate::command::lpmflow;
use crate::support::toy::Toy;

/// How far sums of another order may be from each other.
const TOLERANCE: f64 = 1e-5;

/// The same for gradients, which jump where rounding carries a value over a corner of a ReLU (by 1.6e-5 in the fourth
/// step of `lite` with 3 processes, where losses and weights stay together).
const OVER_A_CORNER: f64 = 1e-4;

/// The pairs of a step.
const PAIRS: usize = 6;

/// Steps that are compared.
const STEPS: usize = 5;

/// All values of a weight file but for the biases of attention's keys: no softmax sees them, so that their gradient is
/// 0 but for rounding, of which AdamW makes steps like any other.
fn values(file: &Path) -> Vec<f32> {
    let bytes = fs::read(file).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut names = file.names();
    names.sort_unstable();
    let of = |name: &&str| {
        let data = file.tensor(name).unwrap().data().to_vec();
        let values =
            data.chunks_exact(4).map(|value| f32::from_le_bytes(value.try_into().unwrap()));
        let mut values: Vec<_> = values.collect();
        if name.ends_with("qkv.bias") {
            let keys = values.len() / 3;
            values.drain(keys..2 * keys);
        }
        values
    };
    names.iter().flat_map(of).collect()
}

/// How far the values of one file lie from those of another, as a part of their size.
fn distance(found: &[f32], wanted: &[f32]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let square = |value: f64| value * value;
    let off = found.iter().zip(wanted).map(|(a, b)| square(f64::from(a - b))).sum::<f64>();
    (off / wanted.iter().map(|value| square(f64::from(*value))).sum::<f64>()).sqrt()
}

/// Trains for a few steps with several numbers of processes, and compares losses and weights.
fn assert_equal(toy: &Toy, flags: &str, terms: &[&str]) {
    let run = |processes: usize| {
        let output = toy.path(&format!("run-{processes}"));
        let batch = PAIRS / processes;
        let more = format!("{flags} --epochs 1 --batch-size {batch} --processes {processes}");
        let more = if processes == 1 { more.replace("--processes 1", "") } else { more };
        lpmflow(toy.training(&output, &more)).succeeded();
        output
    };
    let alone = run(1);
    let before = metrics(&alone, "loss");
    assert_eq!(before.len(), STEPS);
    let wanted = values(&alone.join("last.safetensors"));
    for processes in [2, 3] {
        let together = run(processes);
        let found = metrics(&together, "loss");
        assert_eq!(found.len(), STEPS);
        for (found, wanted) in found.iter().zip(&before) {
            // A term that is small is the difference of what is not: its noise is that of the whole.
            let whole = wanted["loss"].as_f64().unwrap().abs();
            for term in terms.iter().chain(&["loss", "gradient_norm"]) {
                let [found, wanted] = [found, wanted].map(|line| line[term].as_f64().unwrap());
                let off = (found - wanted).abs() / wanted.abs().max(whole);
                let tolerance = if *term == "gradient_norm" { OVER_A_CORNER } else { TOLERANCE };
                assert!(off <= tolerance, "{term}: {found} is not {wanted} ({off:e})");
            }
        }
        let off = distance(&values(&together.join("last.safetensors")), &wanted);
        println!("{processes} processes: weights differ by {off:e} of their size");
        assert!(off <= TOLERANCE, "weights: {off:e}");
        let first = found[STEPS - 1][terms[0]].as_f64();
        assert!(first.unwrap() > 0.0, "{} says nothing", terms[0]);
        assert!(found[0]["reduction_seconds"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn two_and_three_processes_take_the_steps_of_one_for_the_flow() {
    let (toy, flags) = toy(STEPS * PAIRS, "");
    assert_equal(&toy, &flags, &["end_point_error"]);
}

/// Gradients are then added to by one segment after the other.
#[test]
fn two_and_three_processes_take_the_steps_of_one_where_values_are_computed_again() {
    let (toy, flags) = toy(STEPS * PAIRS, "");
    assert_equal(&toy, &format!("{flags} --checkpoint-activations"), &["end_point_error"]);
}

#[test]
fn two_and_three_processes_take_the_steps_of_one_for_matching_with_distillation() {
    let (toy, flags) = toy(STEPS * PAIRS, "");
    // Its usual rate; ten times that is soon far from where it began, and every rounding with it.
    let flags = flags.replace("1e-3", "1e-4");
    let smallest = "--model lite --init zero-shot --set backbone.variant=lite0";
    let flags = format!("{flags} {smallest} --input-size 96 --validation-pairs 1");
    assert_equal(&toy, &flags, &["matching_loss", "distillation_loss"]);
}

#[test]
fn gradients_in_bfloat16_and_batches_smaller_than_the_group_train_too() {
    let (toy, flags) = toy(5, "epochs = 2\nbatch_size = 1\n");
    let output = toy.path("run");
    let more = format!("{flags} --processes 3 --gradient-transfer bfloat16");
    let log = lpmflow(toy.training(&output, &more)).succeeded().stderr;
    assert!(log.contains("shared by 3 processes"), "{log}");
    assert!(log.contains("steps of 3 pairs"), "{log}");
    // Three and two pairs an epoch, the two for three processes.
    assert_eq!(metrics(&output, "loss").len(), 4);
    let text = fs::read_to_string(output.join("config.toml")).unwrap();
    assert!(text.contains("processes = 3") && text.contains("bfloat16"), "{text}");
}

#[test]
fn a_run_goes_on_with_another_number_of_processes_in_the_same_steps() {
    let (toy, flags) = toy(8, "epochs = 1\nbatch_size = 2\ncheckpoint_every = 1\n");
    let whole = toy.path("whole");
    lpmflow(toy.training(&whole, &format!("{flags} --processes 2 --epochs 2"))).succeeded();
    let parts = toy.path("parts");
    lpmflow(toy.training(&parts, &format!("{flags} --processes 2"))).succeeded();
    let resume = |more: &[&str]| {
        let train = ["train", "--resume", parts.to_str().unwrap()];
        lpmflow([&train[..], more].concat())
    };
    let log = resume(&["--epochs", "2", "--processes", "3"]).succeeded().stderr;
    assert!(log.contains("resumed after step 2"), "{log}");
    let [whole, parts] = [&whole, &parts].map(|run| metrics(run, "loss"));
    assert_eq!(parts.len(), 4);
    for (found, wanted) in parts.iter().zip(&whole) {
        let [found, wanted] = [found, wanted].map(|line| line["loss"].as_f64().unwrap());
        assert!((found - wanted).abs() <= 10.0 * TOLERANCE * wanted, "{found} is not {wanted}");
    }
}
