//! No output takes the place of an input or of another output, whatever the names.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{arguments, eval, scored, text};
use crate::command::{command, ended, lpmflow, names, write};
use crate::support::ZERO_SHOT;
use crate::support::files::Folder;
use crate::support::toy::Toy;

#[track_caller]
fn assert_refused(error: &str) {
    assert!(error.contains("would overwrite the input"), "{error}");
}

#[test]
fn no_output_of_an_evaluation_is_one_of_its_inputs() {
    let (dataset, predictions) = scored();
    let report = dataset.path("report.json");
    eval(&dataset, &predictions, &["--report", &text(&report)]).succeeded();
    let catalog = dataset.path("datasets.toml");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/datasets.toml"), &catalog).unwrap();
    symlink("predictions.jsonl", dataset.path("link")).unwrap();
    fs::hard_link(&predictions, dataset.path("twin")).unwrap();
    fs::create_dir(dataset.path("folder")).unwrap();
    let list = dataset.path("SPair-71k/Layout/large/test.txt");
    let annotations = dataset.path("SPair-71k/PairAnnotation/test");
    let annotation = fs::read_dir(annotations).unwrap().next().unwrap().unwrap().path();
    let inputs = [
        predictions.clone(),
        dataset.path("link"),
        dataset.path("twin"),
        dataset.path("folder/../predictions.jsonl"),
        report,
        catalog.clone(),
        dataset.photo("cat/a.png"),
        list,
        annotation,
    ];
    let before: Vec<Vec<u8>> = inputs.iter().map(|path| fs::read(path).unwrap()).collect();
    let flags = ["--markdown", "--junit", "--html", "--predictions-out"];
    let cases = inputs.iter().map(|path| ("--report", path));
    for (flag, path) in cases.chain(flags.map(|flag| (flag, &predictions))) {
        let [path, baseline, catalog] = [path, &inputs[4], &catalog].map(|path| text(path));
        let more = ["--baseline", &baseline, "--datasets", &catalog, flag, &path];
        assert_refused(&eval(&dataset, &predictions, &more).failed_with(1));
    }
    let after: Vec<Vec<u8>> = inputs.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(before == after, "every input is as it was");
    // What another split would read.
    let other = dataset.path("SPair-71k/Layout/large/trn.txt");
    fs::write(&other, "a list\n").unwrap();
    let error = eval(&dataset, &predictions, &["--report", &text(&other)]).failed_with(1);
    assert!(error.contains("trn.txt` is there already, in the dataset's folder"), "{error}");
    assert_eq!(fs::read_to_string(&other).unwrap(), "a list\n");
    // Behind what is there already, where the shell appends.
    let appending = fs::File::options().append(true).open(&predictions).unwrap();
    let mut appended = command(arguments(&dataset, &predictions, &[]));
    let error = ended(appended.stdout(appending).output().unwrap()).failed_with(1);
    assert!(error.contains("stdout goes to the input"), "{error}");
    assert!(fs::read(&predictions).unwrap() == before[0]);
}

#[test]
fn no_two_outputs_are_one_file() {
    let (dataset, predictions) = scored();
    let report = text(&dataset.path("r.json"));
    let again = eval(&dataset, &predictions, &["--report", &report, "--html", &report]);
    assert!(again.failed_with(1).contains("r.json` is named for two outputs"));
    // Neither is there yet.
    symlink("r.json", dataset.path("link")).unwrap();
    fs::create_dir(dataset.path("folder")).unwrap();
    for other in ["link", "folder/../r.json"] {
        let other = dataset.data_root().join(other).to_str().unwrap().to_owned();
        let refused = |flag: &str| {
            let run = eval(&dataset, &predictions, &["--report", &report, flag, &other]);
            let error = run.failed_with(1);
            assert!(error.contains("are one and the same"), "{error}");
        };
        refused("--html");
        assert!(!Path::new(&report).exists(), "refused before any work");
        // An error has its place in JUnit's file, but not in that of an earlier report.
        fs::write(&report, "earlier").unwrap();
        refused("--junit");
        assert_eq!(fs::read_to_string(&report).unwrap(), "earlier");
        fs::remove_file(&report).unwrap();
    }
}

#[test]
fn a_pair_overwrites_neither_photos_nor_keypoints_nor_weights() {
    let folder = Folder::new();
    let (a, b) = (folder.photo("a.png", 40, 30), folder.photo("b.png", 30, 40));
    let points = write(&folder, "points.npy", "[[3, 4]]");
    let weights = folder.text("weights.npy");
    fs::copy(ZERO_SHOT, &weights).unwrap();
    let flags = ["predict", &a, &b, "--keypoints", &points, "--weights", &weights];
    for (flag, path) in [
        ("-o", &a),
        ("--warp", &b),
        ("--matches", &b),
        ("-o", &points),
        ("--confidence", &points),
        ("-o", &weights),
    ] {
        assert_refused(&lpmflow([&flags[..], &[flag, path]].concat()).failed_with(1));
    }
    let copied = fs::read(&weights).unwrap() == fs::read(ZERO_SHOT).unwrap();
    assert!(copied && fs::read_to_string(&points).unwrap() == "[[3, 4]]");
    // Standard input that is a file.
    let mut predict = command(["predict", &a, &b, "--keypoints", "-", "-o", &points]);
    let output = predict.stdin(fs::File::open(&points).unwrap()).output().unwrap();
    assert_refused(&ended(output).failed_with(1));
}

#[test]
fn a_list_overwrites_neither_itself_nor_photos_nor_its_own_results() {
    let folder = Folder::new();
    folder.photo("a.png", 40, 30);
    folder.photo("b.png", 30, 40);
    let run = |name: &str, line: &str, formats: &[&str]| {
        let list = write(&folder, name, line);
        let output = folder.text("");
        let mut arguments = vec!["predict", "--pairs", &list, "--output-dir", &output];
        arguments.extend(formats.iter().flat_map(|format| ["--format", format]));
        let error = lpmflow(arguments).failed_with(1);
        assert_eq!(fs::read_to_string(list).unwrap(), line, "the list is as it was");
        error
    };
    let pair = |name: &str| {
        format!("{{\"source\": \"a.png\", \"target\": \"b.png\", \"name\": \"{name}\"}}\n")
    };
    assert_refused(&run("pairs.json", &pair("pairs"), &[]));
    assert_refused(&run("list.jsonl", &pair("a"), &["png"]));
    let error = run("list.jsonl", &pair("x"), &["png", "PNG"]);
    assert!(error.contains("x.png` is named for two outputs"), "{error}");
    assert_eq!(names(&folder.path("")), ["a.png", "b.png", "list.jsonl", "pairs.json"]);
}

#[test]
fn an_export_does_not_replace_the_weights_it_reads() {
    let folder = Folder::new();
    let weights = folder.text("weights.safetensors");
    fs::copy(ZERO_SHOT, &weights).unwrap();
    fs::hard_link(&weights, folder.path("twin.pt")).unwrap();
    for output in [&weights, &folder.text("twin.pt")] {
        let error = lpmflow(["export", "--weights", &weights, "-o", output]).failed_with(1);
        assert_refused(&error);
    }
    assert!(fs::read(&weights).unwrap() == fs::read(ZERO_SHOT).unwrap());
}

#[test]
fn a_run_folder_keeps_what_is_no_run_of_ours() {
    let toy = Toy::new(2, 1);
    let run = toy.path("run");
    fs::create_dir(&run).unwrap();
    let config = run.join("config.toml");
    let mine = "# my settings\nepochs = 1\n";
    fs::write(&config, mine).unwrap();
    let flags = format!("--config {}", config.display());
    assert_refused(&lpmflow(toy.training(&run, &flags)).failed_with(1));
    for (name, content) in [
        ("config.toml", mine),
        ("config.toml", "baseURL = \"https://example.org\"\n"),
        ("metrics.jsonl", "{\"step\": 1}\n"),
        ("best.safetensors", "weights"),
        ("left_out.json", "[\"of mine\"]\n"),
    ] {
        fs::remove_file(run.join("config.toml")).ok();
        fs::write(run.join(name), content).unwrap();
        let error = lpmflow(toy.training(&run, "--epochs 1")).failed_with(1);
        assert!(error.contains(&format!("{name}` is there already")), "{error}");
        assert_eq!(fs::read_to_string(run.join(name)).unwrap(), content);
        fs::remove_file(run.join(name)).unwrap();
    }
    // TensorBoard's files of others stay, and what is left of a run that was cut off at once is in nobody's way.
    fs::write(run.join("events.out.tfevents.1700000000.host.1"), "theirs").unwrap();
    lpmflow(toy.training(&run, "--epochs 1")).succeeded();
    assert!(run.join("events.out.tfevents.1700000000.host.1").is_file());
    fs::remove_file(run.join("last.safetensors")).unwrap();
    fs::remove_file(run.join("best.safetensors")).unwrap();
    fs::write(run.join("metrics.jsonl"), "").unwrap();
    lpmflow(toy.training(&run, "--epochs 1")).succeeded();
}
