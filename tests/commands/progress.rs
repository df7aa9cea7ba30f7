//! Where nobody sees a bar, long commands print a line on their progress now and then.

use std::path::Path;

use crate::command::{lpmflow, write};
use crate::cutouts;
use crate::support::files::Folder;
use crate::support::spair::TinySpair;
use crate::support::toy::Toy;

/// The lines on stderr of a command with `more` flags that begin in one of these ways, after what an earlier run
/// left is forgotten.
#[track_caller]
fn lines(arguments: &[&str], more: &[&str], forget: &dyn Fn(), starts: &[&str]) -> Vec<String> {
    forget();
    let stderr = lpmflow([arguments, more].concat()).succeeded().stderr;
    let tells = |line: &&str| starts.iter().any(|start| line.starts_with(start));
    stderr.lines().filter(tells).map(str::to_owned).collect()
}

/// What a command says on stderr, with a line every few milliseconds; and that it says nothing of the kind by
/// itself when it takes less than a minute.
#[track_caller]
fn assert_tells(arguments: &[&str], forget: &dyn Fn(), starts: &[&str]) {
    let told = lines(arguments, &["--progress-every", "0.003"], forget, starts);
    for start in starts {
        assert!(told.iter().any(|line| line.starts_with(start)), "{start}: {told:?}");
    }
    assert_eq!(lines(arguments, &[], forget, starts), [""; 0]);
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn nothing() {}

#[test]
fn an_evaluation_tells_its_progress() {
    let dataset = TinySpair::write();
    let root = text(dataset.data_root());
    let eval = ["eval", "--dataset", "spair71k", "--data-root", root];
    assert_tells(&eval, &nothing, &["evaluating: "]);
    let told = lpmflow([&eval[..], &["--progress-every", "0.003"]].concat()).stderr;
    let told = told.lines().find(|line| line.starts_with("evaluating: ")).unwrap();
    assert!(told.contains(" of 6 pairs"), "{told}");
    for silent in [&["--progress-every", "0"][..], &["--progress-every", "0.003", "--quiet"]] {
        assert_eq!(lines(&eval, silent, &nothing, &["evaluating: "]), [""; 0], "{silent:?}");
    }
}

#[test]
fn a_list_of_pairs_tells_its_progress() {
    let folder = Folder::new();
    folder.photo("a.png", 40, 30);
    folder.photo("b.png", 30, 40);
    let list = write(&folder, "list.csv", "a.png,b.png\n".repeat(20));
    let output = folder.text("out");
    let forget = || {
        std::fs::remove_dir_all(&output).ok();
    };
    let arguments = ["predict", "--pairs", &list, "--output-dir", &output];
    assert_tells(&arguments, &forget, &["matching: "]);
}

#[test]
fn timing_and_exporting_tell_their_progress() {
    let folder = Folder::new();
    let bench = ["bench", "--iterations", "1", "--warm-up", "0", "--no-training"];
    assert_tells(&bench, &nothing, &["timing: "]);
    let network = folder.text("network.pt");
    assert_tells(&["export", "--weights", "lite", "-o", &network], &nothing, &["exporting, for "]);
}

#[test]
fn training_tells_its_progress() {
    let toy = Toy::new(4, 2);
    let run = toy.path("run");
    let forget = || {
        std::fs::remove_dir_all(&run).ok();
    };
    let arguments = toy.training(&run, "--epochs 1 --batch-size 1");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    assert_tells(&arguments, &forget, &["epoch 1/1: 0", "validating: "]);
}

#[test]
fn making_datasets_tells_its_progress() {
    let folder = Folder::new();
    let root = folder.text("data");
    let forget = || {
        std::fs::remove_dir_all(&root).ok();
    };
    let toy = ["datasets", "make-toy", &root, "--images", "2", "--pairs", "1"];
    assert_tells(&toy, &forget, &["drawing"]);
    let pictures = Folder::new();
    cutouts::make_pictures(&pictures);
    let arguments = cutouts::arguments(&pictures, "data", "1");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let forget = || {
        std::fs::remove_dir_all(pictures.path("data")).ok();
    };
    assert_tells(&arguments, &forget, &["compositing"]);
}

#[test]
fn the_interval_is_a_number_of_seconds() {
    for wrong in ["nan", "often", "1e300"] {
        let flags = ["datasets", "list", "--progress-every", wrong];
        let error = lpmflow(flags).failed_with(2);
        assert!(error.contains("seconds are a number from 0"), "{wrong}: {error}");
    }
}
