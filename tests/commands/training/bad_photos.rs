//! Photos whose header is sound and whose data are cut off.

use std::fs;
use std::path::Path;

use super::interruption::assert_kills_change_nothing;
use super::train;
use crate::command::lpmflow;
use crate::support::toy::Toy;

/// Small steps with a checkpoint after every second.
const SETTINGS: &str =
    "log_every = 1\ncheckpoint_every = 2\nepochs = 3\nbatch_size = 2\nlearning_rate = 1e-3\n";

/// Cuts a photo's file in the middle of its pixels.
fn cut(toy: &Toy, name: &str) {
    let path = toy.photos().join(name);
    let bytes = fs::read(&path).unwrap();
    fs::write(path, &bytes[..bytes.len() * 2 / 3]).unwrap();
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_dataset_goes_without_them_and_kills_change_nothing() {
    // Pairs 0 to 6 are trained on, 7 and 8 validate; each has two photos of its own.
    let toy = Toy::new(7, 2);
    cut(&toy, "4.png");
    cut(&toy, "17.png");
    let settings = toy.path("settings.toml");
    fs::write(&settings, SETTINGS).unwrap();
    let flags = format!("--config {}", settings.display());
    let error = train(&toy, &toy.path("strict"), &flags).failed_with(4);
    assert!(error.contains("17.png") && error.contains("--skip-bad"), "{error}");

    // Three epochs of six pairs, two a step.
    let flags = format!("{flags} --skip-bad");
    let run = assert_kills_change_nothing(&toy, |run| toy.training(run, &flags), (9, 3));
    let warning =
        "left out 2 photos that cannot be decoded, and with them 1 training and 1 validation pairs";
    assert!(run.stderr.contains(warning), "{}", run.stderr);
    for name in ["toy/figures/4.png`: the file is damaged", "toy/figures/17.png`"] {
        assert!(run.stderr.contains(name), "{name}: {}", run.stderr);
    }
    assert!(run.stderr.contains("6 training pairs"), "{}", run.stderr);
    let list = fs::read_to_string(toy.path("straight/left_out.json")).unwrap();
    assert!(list.contains("toy/figures/17.png"), "{list}");
}

#[test]
fn a_folder_of_photos_goes_without_them_and_what_was_left_out_stays_so() {
    let toy = Toy::new(6, 0);
    let whole: Vec<_> =
        (0..12).map(|i| fs::read(toy.photos().join(format!("{i}.png"))).unwrap()).collect();
    for name in ["1.png", "5.png", "8.png"] {
        cut(&toy, name);
    }
    let (straight, mended) = (toy.path("straight"), toy.path("mended"));
    let arguments = |run: &Path, epochs: &str| {
        let photos = text(&toy.photos());
        let run = text(run);
        let flags = ["--skip-bad", "--model", "tiny", "--batch-size", "2", "--epochs", epochs];
        let fixed = ["train", "--photos", &photos, "--validation-pairs", "4", "--output", &run];
        fixed.iter().chain(&flags).map(|word| (*word).to_owned()).collect::<Vec<_>>()
    };
    let run = lpmflow(arguments(&straight, "2")).succeeded();
    assert!(run.stderr.contains("left out 3 photos that cannot be decoded"), "{}", run.stderr);
    lpmflow(arguments(&mended, "1")).succeeded();
    for (index, bytes) in whole.iter().enumerate() {
        fs::write(toy.photos().join(format!("{index}.png")), bytes).unwrap();
    }
    lpmflow(["train", "--resume", &text(&mended), "--epochs", "2"]).succeeded();
    let last = |run: &Path| fs::read(run.join("last.safetensors")).unwrap();
    assert!(last(&straight) == last(&mended), "the photos of one run are the same to its end");
}

#[test]
fn a_run_that_stopped_at_a_photo_goes_on_without_it() {
    let toy = Toy::new(4, 1);
    let run = toy.path("run");
    cut(&toy, "0.png");
    let error = train(&toy, &run, "--batch-size 1 --epochs 1").failed_with(1);
    assert!(error.contains("0.png") && error.contains("still stands"), "{error}");
    let resumed =
        lpmflow(["train", "--resume", &text(&run), "--skip-bad", "--allow-changes"]).succeeded();
    assert!(
        resumed.stderr.contains("left out 1 photo that cannot be decoded"),
        "{}",
        resumed.stderr
    );
    assert!(run.join("best.safetensors").is_file());
}
