//! What stops a run, and what is left then.

use std::fs;

use super::child::{start, wait};
use super::{metrics, train};
use crate::command::{ended, lpmflow, shell};
use crate::support::toy::Toy;

#[test]
fn a_loss_that_is_not_finite_stops_with_step_pairs_and_checkpoint() {
    let toy = Toy::new(4, 1);
    let run = toy.path("run");
    let error = train(&toy, &run, "--epochs 9 --batch-size 2 --learning-rate 1e30").failed_with(1);
    assert!(error.contains("not finite at step 2"), "{error}");
    assert_eq!(error.matches(".png -> ").count(), 2, "the batch has two pairs: {error}");
    assert!(error.contains("the checkpoint of step 0"), "{error}");
    assert!(error.contains(run.join("last.safetensors").to_str().unwrap()), "{error}");
    assert!(run.join("last.safetensors").is_file());
    assert!(error.contains("would come to the same again") && error.contains("--init"), "{error}");
}

/// A step so long that the weights themselves are no longer numbers, at the end of an epoch: nothing is left
/// for the checkpoint to find.
#[test]
fn so_do_weights_that_a_step_has_made_infinite_without_a_list_of_all_of_them() {
    let toy = Toy::new(2, 1);
    let run = toy.path("run");
    let error = train(&toy, &run, "--epochs 2 --batch-size 2 --learning-rate 1e39").failed_with(1);
    assert!(error.contains("the weights are not finite at step 1"), "{error}");
    assert!(
        error.contains("the checkpoint of step 0") && error.contains("--learning-rate"),
        "{error}"
    );
    assert!(error.len() < 1500, "{error}");
    let weights = run.join("last.safetensors");
    let further = format!("--epochs 1 --batch-size 2 --init {}", weights.display());
    train(&toy, &toy.path("again"), &further).succeeded();
}

#[test]
fn a_folder_that_cannot_be_written_is_named_before_training() {
    let toy = Toy::new(2, 1);
    fs::write(toy.path("file"), "").unwrap();
    let error = train(&toy, &toy.path("file/run"), "--epochs 1").failed_with(1);
    assert!(error.contains("making the run folder") && error.contains("file/run"), "{error}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let folder = toy.path("locked");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
        if fs::write(folder.join("probe"), "").is_ok() {
            println!("skipped: this user may write everywhere");
            return;
        }
        let error = train(&toy, &folder, "--epochs 1").failed_with(1);
        assert!(error.contains("locked") && error.contains("ermission denied"), "{error}");
    }
}

#[test]
fn a_folder_with_a_run_is_not_overwritten() {
    let toy = Toy::new(2, 1);
    let run = toy.path("run");
    train(&toy, &run, "--epochs 1").succeeded();
    let before = fs::read(run.join("last.safetensors")).unwrap();
    let error = train(&toy, &run, "--epochs 1 --seed 5").failed_with(1);
    assert!(error.contains("there is a run in") && error.contains("--resume"), "{error}");
    assert!(fs::read(run.join("last.safetensors")).unwrap() == before);
}

#[test]
fn a_folder_in_which_another_process_trains_is_left_to_it() {
    let toy = Toy::new(2, 1);
    let run = toy.path("run");
    fs::create_dir(&run).unwrap();
    let other = fs::File::open(&run).unwrap();
    other.lock().unwrap();
    let error = train(&toy, &run, "--epochs 1").failed_with(1);
    assert!(error.contains("another process is training in"), "{error}");
    assert_eq!(fs::read_dir(&run).unwrap().count(), 0);
    other.unlock().unwrap();
    train(&toy, &run, "--epochs 1").succeeded();
    other.lock().unwrap();
    let error = lpmflow(["train", "--resume", run.to_str().unwrap()]).failed_with(1);
    assert!(error.contains("another process is training in"), "{error}");
}

#[test]
fn a_dataset_that_vanishes_leaves_a_checkpoint_to_go_on_from() {
    let toy = Toy::new(8, 1);
    let run = toy.path("run");
    let settings = toy.path("settings.toml");
    fs::write(&settings, "log_every = 1\ncheckpoint_every = 2\nprefetch = 1\n").unwrap();
    let flags = format!("--config {} --epochs 500 --batch-size 2", settings.display());
    let mut child = start(&toy.training(&run, &flags));
    let far = wait(&mut child, || metrics(&run, "loss").len() >= 5);
    fs::rename(toy.photos(), toy.path("toy/elsewhere")).unwrap();
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(far, "it ended before its fifth step: {error}");
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(".png`") && error.contains("still stands"), "{error}");
    fs::rename(toy.path("toy/elsewhere"), toy.photos()).unwrap();
    let begun = metrics(&run, "loss").last().unwrap()["epoch"].as_u64().unwrap() + 1;
    let epochs = begun.to_string();
    lpmflow(["train", "--resume", run.to_str().unwrap(), "--epochs", &epochs]).succeeded();
}

/// A limit on the size of files stands in for a full disk: the first checkpoint, without moments, fits.
#[test]
#[cfg(unix)]
fn a_checkpoint_that_does_not_fit_leaves_the_one_before() {
    let toy = Toy::new(4, 1);
    let run = toy.path("run");
    let limited = "ulimit -f 1200; exec \"$0\" \"$@\"";
    let mut limited = shell(limited, toy.training(&run, "--epochs 2 --batch-size 2"));
    let error = ended(limited.output().unwrap()).failed_with(1);
    assert!(
        error.contains("the checkpoint of step 0") && error.contains("still stands"),
        "{error}"
    );
    assert!(error.contains("moments-") && error.contains("too large"), "{error}");
    let names = crate::command::names(&run);
    assert!(names.iter().all(|name| !name.starts_with(".lpmflow-")), "no half file: {names:?}");
    lpmflow(["train", "--resume", run.to_str().unwrap()]).succeeded();
    assert_eq!(metrics(&run, "validation_pck").len(), 2);
}

#[test]
fn what_was_trained_outlasts_a_file_that_cannot_be_written() {
    let toy = Toy::new(8, 0);
    let [straight, run] = ["straight", "run"].map(|name| toy.path(name));
    // The first epoch does better than no training, and so is to be written.
    let flags =
        "--epochs 2 --batch-size 1 --learning-rate 2e-3 --backbone-rate 1e-3 --no-augmentation";
    train(&toy, &straight, flags).succeeded();
    let mut child = start(&toy.training(&run, flags));
    let best = run.join("best.safetensors");
    assert!(wait(&mut child, || best.exists()));
    fs::remove_file(&best).unwrap();
    fs::create_dir(&best).unwrap();
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("the checkpoint of step 8") && error.contains("folder"), "{error}");
    fs::remove_dir(best).unwrap();
    lpmflow(["train", "--resume", run.to_str().unwrap()]).succeeded();
    for name in ["last.safetensors", "best.safetensors"] {
        let bytes = |run: &std::path::Path| fs::read(run.join(name)).unwrap();
        assert!(bytes(&straight) == bytes(&run), "`{name}` differs");
    }
}

#[test]
fn mistakes_in_settings_come_with_the_nearest_valid_name() {
    let toy = Toy::new(2, 1);
    let settings = toy.path("settings.toml");
    fs::write(&settings, "epoch = 3\n[model]\nablte = []\n[data]\nphoto = \"x\"\n").unwrap();
    let flags = format!("--config {}", settings.display());
    let error = train(&toy, &toy.path("run"), &flags).failed_with(1);
    for nearest in ["`epochs`", "`model.ablate`", "`data.photos`"] {
        assert!(error.contains(&format!("did you mean {nearest}?")), "{error}");
    }
    assert!(error.contains("settings.toml`"), "{error}");
    let error = train(&toy, &toy.path("run"), "--ablate mmfy").failed_with(2);
    assert!(error.contains("'mmfi'"), "{error}");
    fs::write(&settings, "epochs = 0\n").unwrap();
    let error = train(&toy, &toy.path("run"), &flags).failed_with(1);
    assert!(error.contains("epochs must lie in 1 to 1000000000"), "{error}");
    for flags in ["--epochs 0", "--batch-size 0", "--learning-rate nan", "--device gpu"] {
        train(&toy, &toy.path("run"), flags).failed_with(2);
    }
    let missing = ["train", "--output", "nowhere", "--dataset", "spair71"];
    assert!(lpmflow(missing).failed_with(2).contains("did you mean `spair71k`?"));
    assert!(lpmflow(["train", "--output", "nowhere"]).failed_with(2).contains("--photos"));
}
