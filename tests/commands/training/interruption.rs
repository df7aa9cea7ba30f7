//! Runs that are cut off and go on.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::child::{start, wait};
use super::metrics;
use crate::command::{Run, lpmflow, shell};
use crate::support::toy::Toy;

/// Everything that has a state: an average, accumulated and clipped gradients, augmentation, dropout.
const SETTINGS: &str = "log_every = 1\ncheckpoint_every = 2\naccumulate = 2\ngradient_clip = 1.0\n\
                        ema_decay = 0.9\nepochs = 3\nbatch_size = 1\n[schedule]\ndecay = \"cosine\"\n";

/// Optimizer steps of a run: three epochs of seven pairs, two pairs a step.
const STEPS: usize = 12;

fn toy(train: usize, validation: usize) -> (Toy, String) {
    let toy = Toy::new(train, validation);
    let settings = toy.path("settings.toml");
    fs::write(&settings, SETTINGS).unwrap();
    let flags = format!("--config {} --learning-rate 1e-3", settings.display());
    (toy, flags)
}

fn resume(run: &Path) -> Vec<String> {
    ["train", "--resume", run.to_str().unwrap()].map(str::to_owned).to_vec()
}

fn last(run: &Path) -> Vec<u8> {
    fs::read(run.join("last.safetensors")).unwrap()
}

/// The moments of the kills: others in every run, unless `LPMFLOW_TEST_SEED` says which.
fn seed() -> u64 {
    match std::env::var("LPMFLOW_TEST_SEED") {
        Ok(seed) => seed.parse().expect("LPMFLOW_TEST_SEED is a whole number"),
        Err(_) => rand::rng().random(),
    }
}

/// Trains once straight through and once killed up to `most` times, and compares everything that is left. Returns
/// what the first of the two said.
pub(super) fn assert_kills_change_nothing(
    toy: &Toy,
    arguments: impl Fn(&Path) -> Vec<String>,
    (steps, most): (usize, usize),
) -> Run {
    let (straight, killed) = (toy.path("straight"), toy.path("killed"));
    let run = lpmflow(arguments(&straight)).succeeded();

    let seed = seed();
    println!("LPMFLOW_TEST_SEED={seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut child = start(&arguments(&killed));
    let mut kills = 0;
    loop {
        let before = metrics(&killed, "loss").len();
        let further: usize = rng.random_range(1..6);
        let has_checkpoint = || killed.join("last.safetensors").exists();
        let steps = || metrics(&killed, "loss").len();
        // Lines of lost steps are dropped at the start, so the count may fall first.
        let far = wait(&mut child, || has_checkpoint() && steps().abs_diff(before) >= further);
        std::thread::sleep(Duration::from_millis(rng.random_range(0..60)));
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        println!("killed after {} steps", steps());
        if !far || kills == most {
            break;
        }
        child = start(&resume(&killed));
    }
    assert!(kills > 1, "the run was too fast to be killed");
    lpmflow(resume(&killed)).succeeded();
    for file in ["last.safetensors", "best.safetensors"] {
        let bytes = |run: &Path| fs::read(run.join(file)).unwrap();
        assert!(bytes(&straight) == bytes(&killed), "`{file}` differs");
    }
    let pictures = |run: &Path| -> Vec<(String, Vec<u8>)> {
        let folder = run.join("pictures");
        let read = |name: String| (name.clone(), fs::read(folder.join(name)).unwrap());
        crate::command::names(&folder).into_iter().map(read).collect()
    };
    assert!(!pictures(&straight).is_empty() && pictures(&straight) == pictures(&killed));
    let numbers = |run: &Path| -> Vec<_> {
        metrics(run, "loss")
            .iter()
            .map(|line| (line["step"].clone(), line["loss"].clone()))
            .collect()
    };
    assert_eq!(numbers(&straight).len(), steps);
    assert_eq!(numbers(&straight), numbers(&killed));
    run
}

#[test]
fn a_run_killed_at_random_moments_or_interrupted_ends_as_one_that_was_not() {
    let (toy, flags) = toy(7, 2);
    assert_kills_change_nothing(&toy, |run| toy.training(run, &flags), (STEPS, 6));

    let stopped = toy.path("stopped");
    let mut child = start(&toy.training(&stopped, &flags));
    assert!(wait(&mut child, || metrics(&stopped, "loss").len() >= 3));
    let process = child.id().to_string();
    Command::new("kill").args(["-INT", &process]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let steps = metrics(&stopped, "loss").len();
    assert!((3..STEPS).contains(&steps), "{steps} steps");
    let log = lpmflow(resume(&stopped)).succeeded().stderr;
    assert!(log.contains(&format!("resumed after step {steps}")), "not one step is lost: {log}");
    assert!(last(&toy.path("straight")) == last(&stopped), "the weights differ");
}

#[test]
fn what_the_shell_has_it_ignore_does_not_stop_it() {
    let toy = Toy::new(4, 1);
    let run = toy.path("run");
    // As `nohup` starts programs, but for the output.
    let line = "trap '' HUP; exec \"$0\" \"$@\"";
    let arguments = toy.training(&run, "--epochs 2 --batch-size 2");
    let mut child = shell(line, arguments).stderr(Stdio::piped()).spawn().unwrap();
    assert!(wait(&mut child, || run.join("config.toml").exists()));
    Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(metrics(&run, "validation_pck").len(), 2);
}

#[test]
fn so_does_one_on_photos_that_computes_values_again() {
    let (toy, flags) = toy(4, 1);
    let photos = toy.photos().to_str().unwrap().to_owned();
    let more = "--checkpoint-activations --epochs 2 --validation-pairs 4";
    let flags = format!("{flags} {more} --photos {photos}");
    // Two epochs of 9 photos (one of the ten validates), two a step.
    assert_kills_change_nothing(&toy, |run| toy.training(run, &flags), (10, 3));
}

#[test]
fn so_does_one_of_the_model_that_learns_by_matches() {
    let toy = Toy::new(5, 1);
    let settings = toy.path("settings.toml");
    fs::write(&settings, "log_every = 1\ncheckpoint_every = 2\nbatch_size = 1\nepochs = 2\n")
        .unwrap();
    // For photos of a quarter of the usual size: what is learned does not matter.
    let small = toy.path("small.safetensors").to_str().unwrap().to_owned();
    let size = ["export", "--weights", "lite", "--input-size", "96", "-o", &small];
    lpmflow(size).succeeded();
    let flags = format!("--config {} --init {small}", settings.display());
    assert_kills_change_nothing(&toy, |run| toy.training(run, &flags), (10, 3));
}

#[test]
fn a_finished_run_may_be_given_more_epochs_but_no_other_settings() {
    let toy = Toy::new(2, 1);
    let run = toy.path("run");
    lpmflow(toy.training(&run, "--epochs 1 --batch-size 2")).succeeded();
    let resumed = |flags: &[&str]| {
        let flags = flags.iter().map(|&flag| flag.to_owned());
        lpmflow(resume(&run).into_iter().chain(flags))
    };
    let error = resumed(&["--learning-rate", "0.1"]).failed_with(2);
    assert!(error.contains("only --epochs"), "{error}");
    let log = resumed(&["--epochs", "3"]).succeeded().stderr;
    assert!(log.contains("changed: epochs: 1 until now, 3 from now on"), "{log}");
    assert!(log.contains("4.000e-5 at the next step, as it would have been"), "{log}");
    assert_eq!(metrics(&run, "validation_pck").len(), 3);
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(config.contains("epochs = 3"), "{config}");
}

/// A run of two of three epochs, whose rates fall along a cosine.
fn cosine_run(toy: &Toy) -> std::path::PathBuf {
    let settings = toy.path("settings.toml");
    fs::write(&settings, "log_every = 1\n[schedule]\ndecay = \"cosine\"\n").unwrap();
    let run = toy.path("run");
    let flags = format!("--config {} --epochs 2 --batch-size 2", settings.display());
    lpmflow(toy.training(&run, &flags)).succeeded();
    run
}

#[test]
fn what_contradicts_the_steps_that_are_done_is_said_and_needs_a_flag() {
    let toy = Toy::new(2, 1);
    let run = cosine_run(&toy);
    let resumed = |flags: &str| {
        let flags = flags.split_whitespace().map(str::to_owned);
        lpmflow(resume(&run).into_iter().chain(flags))
    };
    let before = (last(&run), fs::read(run.join("config.toml")).unwrap());
    let error = resumed("--epochs 5").failed_with(2);
    assert!(error.contains("epochs: 2 until now, 5 from now on"), "{error}");
    assert!(error.contains("1.000e-6 had it gone on as before, 2.653e-5 at the next"), "{error}");
    assert!(error.contains("--allow-changes") && error.contains("--init"), "{error}");
    let error = resumed("--epochs 1 --allow-changes").failed_with(1);
    assert!(error.contains("2 epochs are done or begun"), "{error}");
    // Neither has touched the run.
    assert!(before == (last(&run), fs::read(run.join("config.toml")).unwrap()));
    let log = resumed("").succeeded().stderr;
    assert!(log.contains("nothing to do: the run is at its end, after 2 epochs"), "{log}");
    let log = resumed("--epochs 3 --learning-rate 1e-4 --allow-changes").succeeded().stderr;
    assert!(
        log.contains("changed: learning_rate: ") && log.contains(", 0.0001 from now on"),
        "{log}"
    );
    assert_eq!(metrics(&run, "validation_pck").len(), 3);
    assert!(resumed("").succeeded().stderr.contains("at its end, after 3 epochs"));
}

#[test]
fn a_configuration_or_data_changed_between_need_the_flag_too() {
    let toy = Toy::new(2, 1);
    let run = cosine_run(&toy);
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    fs::write(run.join("config.toml"), config.replace("batch_size = 2", "batch_size = 1")).unwrap();
    let error = lpmflow(resume(&run)).failed_with(2);
    assert!(error.contains("batch_size: 2 until now, 1 from now on"), "{error}");
    fs::write(run.join("config.toml"), &config).unwrap();
    let list = fs::read_to_string(toy.path("toy/train.csv")).unwrap();
    let shorter: Vec<&str> = list.lines().take(2).collect();
    fs::write(toy.path("toy/train.csv"), shorter.join("\n")).unwrap();
    let error = lpmflow(resume(&run)).failed_with(2);
    assert!(error.contains("data: other photos, pairs or annotations"), "{error}");
    lpmflow(resume(&run).into_iter().chain(["--allow-changes".to_owned()])).succeeded();
}
