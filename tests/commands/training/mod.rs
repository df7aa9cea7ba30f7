//! `lpmflow train` through the real binary, on painted figures.

mod bad_photos;
pub mod child;
mod errors;
mod interruption;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::{Run, lpmflow, names};
use crate::support::files::Folder;
use crate::support::toy::Toy;

/// Trains `tiny` on a toy dataset with further flags.
fn train(toy: &Toy, output: &Path, flags: &str) -> Run {
    lpmflow(toy.training(output, flags))
}

/// The lines of a run's metrics that have `key`.
fn metrics(run: &Path, key: &str) -> Vec<Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line.get(key).is_some()).collect()
}

#[test]
fn tiny_learns_four_pairs_by_heart() {
    // Each pair four times an epoch, so that most of the time goes into steps.
    let toy = Toy::new(4, 1);
    let list = fs::read_to_string(toy.path("toy/train.csv")).unwrap();
    let (header, pairs) = list.split_once('\n').unwrap();
    fs::write(toy.path("toy/validation.csv"), &list).unwrap();
    fs::write(toy.path("toy/train.csv"), format!("{header}\n{}", pairs.repeat(4))).unwrap();
    let run = toy.path("run");
    // What was learned is kept, and what gradients were is soon forgotten: fewer steps suffice.
    let config = toy.path("settings.toml");
    fs::write(&config, "[optimizer]\nweight_decay = 0.0\nbeta2 = 0.98\n").unwrap();
    let recipe = format!(
        "--config {} --epochs 30 --batch-size 4 --learning-rate 2e-3 --backbone-rate 1e-3 --no-augmentation",
        config.display()
    );
    let log = train(&toy, &run, &recipe).succeeded().stderr;
    let pck: Vec<f64> = metrics(&run, "validation_pck")
        .iter()
        .map(|line| line["validation_pck"].as_f64().unwrap())
        .collect();
    let best = pck.iter().copied().fold(0.0, f64::max);
    println!("PCK@0.1 of every third epoch: {:?}", pck.iter().step_by(3).collect::<Vec<_>>());
    assert!(pck[0] < 60.0 && best > 95.0, "from {} to {best}", pck[0]);
    assert!(log.contains("16 training pairs of 8 photos"), "{log}");
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
    let rest = ["metrics.jsonl", "moments-00000004.safetensors", "pictures", "run.html"];
    assert_eq!(files[4..], rest);
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

/// What every ablation does within the test process (`tests/inside/training.rs`), once as users do it.
#[test]
fn an_ablated_network_trains_with_values_computed_again_matches_and_trains_further() {
    let toy = Toy::new(2, 1);
    let run = toy.path("run");
    let flags = "--epochs 1 --batch-size 2 --ablate larl --checkpoint-activations";
    train(&toy, &run, flags).succeeded();
    let [source, target] = [0, 1].map(|index| toy.photos().join(format!("{index}.png")));
    let paths = [source, target, run.join("best.safetensors"), toy.path("flow.npy")];
    let [source, target, weights, flow] = paths.each_ref().map(|path| path.to_str().unwrap());
    lpmflow(["predict", source, target, "--weights", weights, "-o", flow]).succeeded();
    train(&toy, &toy.path("further"), &format!("--epochs 1 --init {weights}")).succeeded();
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
    // Six steps from random values: said before, and after.
    assert!(log.contains("warning: this run can hardly learn"), "{log}");
    assert!(log.contains("before training: validation PCK "), "{log}");
    assert!(log.contains("warning: the run has learned nothing of use"), "{log}");
    let pck = &metrics(&output.path("run"), "validation_pck")[1]["validation_pck"];
    assert!((0.0..=100.0).contains(&pck.as_f64().unwrap()));
}

#[test]
fn photos_alone_train_the_default_weights_further_in_steps() {
    let toy = Toy::new(3, 0);
    let output = Folder::new();
    let (photos, run) = (toy.photos(), output.text("run"));
    let recipe = ["--steps", "4", "--batch-size", "2", "--learning-rate", "1e-3", "--output", &run];
    let data = ["train", "--photos", photos.to_str().unwrap(), "--validation-pairs", "2"];
    // Photos of half the usual size: a quarter of the time.
    let log = lpmflow([&data[..], &recipe, &["--input-size", "192"]].concat()).succeeded().stderr;
    assert!(log.contains("`lite.safetensors`") && log.contains("6 steps of 2 pairs"), "{log}");
    assert!(!log.contains("hardly learn"), "{log}");
    assert!(log.contains("not which parts of two objects correspond"), "{log}");
    let config = fs::read_to_string(output.path("run/config.toml")).unwrap();
    assert!(config.contains("init = \"lite\"") && !config.contains("\nsteps = "), "{config}");
    assert_eq!(metrics(&output.path("run"), "start_pck").len(), 1);
    let weights = output.text("run/best.safetensors");
    let [a, b] = [0, 1].map(|index| photos.join(format!("{index}.png")));
    let predict =
        ["predict", a.to_str().unwrap(), b.to_str().unwrap(), "--weights", &weights, "-o"];
    lpmflow([&predict[..], &[&output.text("flow.npy")]].concat()).succeeded();
}

#[test]
fn a_run_is_seen_in_the_terminal_on_a_page_and_beside_another() {
    let toy = Toy::new(4, 5);
    let [run, other] = ["run", "other"].map(|name| toy.path(name));
    let config = toy.path("settings.toml");
    fs::write(&config, "log_every = 1\n").unwrap();
    let flags = format!("--config {} --epochs 2 --batch-size 2", config.display());
    let log = train(&toy, &run, &format!("{flags} --watch")).succeeded().stderr;
    assert!(log.contains("loss: ") && log.contains("validation PCK in percent: "), "{log}");
    assert!(log.contains("4 steps\n") && log.contains('\u{2514}'), "{log}");
    // Four of five pairs, before and after each epoch.
    let pictures = names(&run.join("pictures"));
    assert_eq!(pictures.len(), 12);
    assert_eq!([&*pictures[0], &*pictures[11]], ["step-00000000-1.jpg", "step-00000004-4.jpg"]);
    let events = names(&run).into_iter().find(|name| name.starts_with("events.")).unwrap();
    let events = fs::read(run.join(events)).unwrap();
    let tag = b"validation/pair-4";
    assert_eq!(events.windows(tag.len()).filter(|bytes| bytes == tag).count(), 3);

    let beside = run.to_str().unwrap();
    train(&toy, &other, &format!("{flags} --seed 3 --beside {beside}")).succeeded();
    let page = |run: &Path| fs::read_to_string(run.join("run.html")).unwrap();
    let seen = page(&other);
    for expected in ["Beside other runs", "<code>seed</code>", "PCK@0.1 (keypoint-box)"] {
        assert!(seen.contains(expected), "`{expected}` is missing");
    }
    assert!(!seen.contains("<code>epochs</code>"), "what is the same differs not");
    assert!(seen.matches("data:image/jpeg;base64,").count() >= 8);
    assert!(!seen.contains("http:") && !seen.contains("https:") && !seen.contains("<script"));

    fs::remove_file(run.join("run.html")).unwrap();
    let shown = lpmflow(["train", "--report", beside]).succeeded();
    assert!(shown.stdout.starts_with("loss: ") && shown.stderr.contains("wrote `"), "{shown:?}");
    assert!(!page(&run).contains("Beside other runs"));
    fs::write(run.join("run.html"), "mine").unwrap();
    let error = lpmflow(["train", "--report", beside]).failed_with(1);
    assert!(error.contains("is no page of a run: move it away"), "{error}");
    let folder = toy.photos();
    let error = lpmflow(["train", "--report", folder.to_str().unwrap()]).failed_with(1);
    assert!(error.contains("it is no run folder"), "{error}");
}
