//! What a run has found is not lost because it cannot be written: the table comes first, every output is tried,
//! and the error names each that is missing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{arguments, disk, eval, scored, text};
use crate::command::{command, ended, lpmflow, names, shell, write};
use crate::support::files::Folder;
use crate::support::toy::Toy;

#[test]
fn a_full_disk_costs_what_should_lie_on_it_and_nothing_else() {
    let (dataset, predictions) = scored();
    let Some(full) = disk(dataset.path("full"), 4096) else { return };
    let [report, html] = ["report.json", "page.html"].map(|name| text(&full.path(name)));
    let [junit, markdown] = ["junit.xml", "report.md"].map(|name| text(&dataset.path(name)));
    let outputs =
        ["--report", &report, "--junit", &junit, "--html", &html, "--markdown", &markdown];
    let run = eval(&dataset, &predictions, &outputs);
    assert!(run.stdout.contains("standard"), "the table: {}", run.stdout);
    let error = run.failed_with(1);
    assert!(error.contains("2 results are missing"), "{error}");
    for path in [&report, &html] {
        assert!(error.contains(&format!("writing `{path}`: No space left on device")), "{error}");
    }
    assert!(fs::read_to_string(junit).unwrap().contains("</testsuites>"));
    assert!(fs::read_to_string(markdown).unwrap().starts_with("## spair71k"));
    assert_eq!(names(&full.0), [""; 0], "no half file");
}

#[test]
fn stdout_on_a_full_disk_costs_no_file() {
    let (dataset, predictions) = scored();
    let report = dataset.path("report.json");
    let run = |more: &[&str]| {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = command(arguments(&dataset, &predictions, more));
        ended(command.stdout(full).output().unwrap()).failed_with(1)
    };
    let error = run(&["--report", &text(&report)]);
    assert!(error.contains("lpmflow: writing the result to stdout: No space left"), "{error}");
    assert!(fs::read_to_string(&report).unwrap().ends_with("}\n"));
    assert!(run(&["--json"]).contains("writing the result to stdout"));
    let error = run(&["--report", "/dev/full"]);
    assert!(error.contains("2 results are missing"), "{error}");
    let error = run(&["--markdown", "-"]);
    assert!(error.contains("writing `-`: No space left"), "{error}");
}

#[test]
fn outputs_are_checked_before_the_work() {
    let (dataset, _) = scored();
    let locked = dataset.path("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    let folder = Folder::new();
    let (a, b) = (folder.photo("a.png", 40, 30), folder.photo("b.png", 30, 40));
    let missing = text(&dataset.path("missing/r"));
    let mut places = vec![missing];
    if fs::write(locked.join("probe"), "").is_err() {
        places.push(text(&locked.join("r")));
    }
    for place in places {
        let [html, flow, network] = ["html", "flo", "pt"].map(|end| format!("{place}.{end}"));
        let root = text(dataset.data_root());
        let commands = [
            vec!["eval", "--dataset", "spair71k", "--data-root", &root, "--html", &html],
            vec!["predict", &a, &b, "-o", &flow],
            vec!["export", "--weights", "lite", "-o", &network],
        ];
        for command in commands {
            let error = lpmflow(&command).failed_with(1);
            assert!(error.starts_with("lpmflow: cannot write `"), "{command:?}: {error}");
            assert!(error.contains(&place), "{error}");
        }
    }
    let toy = Toy::new(2, 1);
    let inside_a_file = toy.path("datasets.toml").join("run");
    let error = lpmflow(toy.training(&inside_a_file, "--epochs 1")).failed_with(1);
    assert!(error.starts_with("lpmflow: making the run folder: cannot write"), "{error}");
}

#[test]
fn every_product_of_a_pair_is_tried() {
    let folder = Folder::new();
    let (a, b) = (folder.photo("a.png", 40, 30), folder.photo("b.png", 30, 40));
    let points = write(&folder, "points.json", "[[3, 4]]");
    let full = folder.text("full.flo");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    let warp = folder.text("warp.png");
    let run = lpmflow(["predict", &a, &b, "-o", &full, "--warp", &warp, "--keypoints", &points]);
    assert_eq!(run.json_lines()[0]["source"][0], serde_json::json!([3.0, 4.0]));
    let error = run.failed_with(1);
    assert!(error.contains("full.flo`: No space left") && error.contains("wrote `"), "{error}");
    assert!(fs::read(warp).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn a_list_goes_on_when_its_disk_is_full() {
    let folder = Folder::new();
    let list = write(&folder, "list.csv", "a.png,b.png\nb.png,a.png\n");
    folder.photo("a.png", 40, 30);
    folder.photo("b.png", 30, 40);
    let Some(full) = disk(folder.path("full"), 8192) else { return };
    let run = lpmflow(["predict", "--pairs", &list, "--output-dir", &text(&full.0)]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let lines = run.json_lines();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert!(line["error"].as_str().unwrap().contains("No space left"), "{line}");
    }
}

/// Neither on a full disk nor where files may not be long, which the system answers by ending the process, and so
/// does libtorch's own writer.
#[test]
fn an_export_that_does_not_fit_is_an_error_and_leaves_nothing() {
    let folder = Folder::new();
    let limited = "ulimit -f 50; exec \"$0\" \"$@\"";
    for name in ["network.pt", "weights.safetensors"] {
        let mut export = shell(limited, ["export", "--weights", "lite", "-o", &folder.text(name)]);
        let error = ended(export.output().unwrap()).failed_with(1);
        assert!(error.contains(&format!("{name}`: File too large")), "{error}");
        assert!(!error.contains("terminate") && !error.contains("C++"), "{error}");
        assert!(!error.contains("::drop"), "what no user knows: {error}");
    }
    assert_eq!(names(&folder.path("")), [""; 0]);
    let Some(full) = disk(folder.path("full"), 1 << 20) else { return };
    for name in ["network.pt", "weights.safetensors"] {
        let path = text(&full.path(name));
        let error = lpmflow(["export", "--weights", "lite", "-o", &path]).failed_with(1);
        assert!(error.contains(&format!("{name}`: No space left")), "{error}");
    }
    assert_eq!(names(&full.0), [""; 0]);
}

/// What killed runs left is cleared by whoever writes there next; what is under way beside stays.
#[test]
fn leftovers_are_cleared_and_files_under_way_are_not() {
    let (dataset, predictions) = scored();
    let beside = fs::File::create(dataset.path(".lpmflow-beside")).unwrap();
    beside.lock().unwrap();
    let litter = |folder: &std::path::Path| {
        fs::write(folder.join(".lpmflow-a1b2c3"), "half").unwrap();
        fs::create_dir(folder.join(".lpmflow-d4e5f6")).unwrap();
        fs::write(folder.join(".lpmflow-d4e5f6/lpmflow.pt"), "half").unwrap();
    };
    let temporary = |folder: &std::path::Path| -> Vec<String> {
        names(folder).into_iter().filter(|name| name.starts_with(".lpmflow-")).collect()
    };
    litter(dataset.data_root());
    eval(&dataset, &predictions, &["--report", &text(&dataset.path("r.json"))]).succeeded();
    assert_eq!(temporary(dataset.data_root()), [".lpmflow-beside"]);

    let toy = Toy::new(2, 1);
    let run = toy.path("run");
    lpmflow(toy.training(&run, "--epochs 1")).succeeded();
    litter(&run);
    lpmflow(["train", "--resume", &text(&run), "--epochs", "2"]).succeeded();
    assert_eq!(temporary(&run), [""; 0]);
    litter(&run);
    lpmflow(["man", &text(&run)]).succeeded();
    assert_eq!(temporary(&run), [""; 0]);
}
