//! Outputs that are no plain files: links stay, streams are written straight, stdout is for one alone.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{arguments, eval, scored, text};
use crate::command::{self, ended, lpmflow, names};
use crate::support::files::Folder;

fn is_report(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(bytes).is_ok_and(|report| report["headline"]["pck"].is_number())
}

#[test]
fn links_are_followed_and_stay() {
    let (dataset, predictions) = scored();
    let elsewhere = dataset.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("old.json"), "old").unwrap();
    let links = [("there.json", "elsewhere/old.json"), ("new.json", "elsewhere/new.json")];
    links.iter().for_each(|(link, target)| symlink(target, dataset.path(link)).unwrap());
    symlink("there.json", dataset.path("twice.json")).unwrap();
    for link in ["there.json", "new.json", "twice.json"] {
        eval(&dataset, &predictions, &["--report", &text(&dataset.path(link))]).succeeded();
        assert!(dataset.path(link).is_symlink(), "{link} stays a link");
        assert!(is_report(&fs::read(dataset.path(link)).unwrap()), "{link}");
    }
    assert_eq!(names(&elsewhere), ["new.json", "old.json"]);
    symlink("circle", dataset.path("circle")).unwrap();
    let error =
        eval(&dataset, &predictions, &["--report", &text(&dataset.path("circle"))]).failed_with(1);
    assert!(error.contains("circle`: its links lead in a circle"), "{error}");
}

#[test]
fn a_replaced_file_keeps_its_permissions() {
    let (dataset, predictions) = scored();
    let report = dataset.path("private.json");
    fs::write(&report, "old").unwrap();
    fs::set_permissions(&report, fs::Permissions::from_mode(0o600)).unwrap();
    eval(&dataset, &predictions, &["--report", &text(&report)]).succeeded();
    assert!(is_report(&fs::read(&report).unwrap()));
    assert_eq!(fs::metadata(&report).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_fifo_is_written_straight() {
    let (dataset, predictions) = scored();
    let fifo = dataset.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for flag in ["--report", "--html", "--junit", "--markdown", "--predictions-out"] {
        let (path, reader) = (
            fifo.clone(),
            std::thread::spawn({
                let fifo = fifo.clone();
                move || fs::read(fifo).unwrap()
            }),
        );
        let run = eval(&dataset, &predictions, &[flag, &text(&path)]).succeeded();
        assert!(!reader.join().unwrap().is_empty(), "{flag}");
        assert!(run.stdout.contains("standard"), "the table stays on stdout: {}", run.stdout);
        assert!(fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo(), "{flag}");
    }
}

#[test]
fn a_device_is_written_straight() {
    let (dataset, predictions) = scored();
    let null = dataset.path("null.flo");
    let made = Command::new("mknod").arg(&null).args(["c", "1", "3"]).output().unwrap();
    if !made.status.success() || fs::write(&null, "probe").is_err() {
        println!("skipped: this user may make no device here");
        return;
    }
    let null = text(&null);
    let all = ["--report", &null, "--html", &null, "--junit", &null, "--predictions-out", &null];
    eval(&dataset, &predictions, &all).succeeded();
    let folder = Folder::new();
    let (a, b) = (folder.photo("a.png", 40, 30), folder.photo("b.png", 30, 40));
    lpmflow(["predict", &a, &b, "-o", &null, "--warp", &null]).succeeded();
    lpmflow(["export", "--weights", "zero-shot", "--format", "torchscript", "-o", &null])
        .succeeded();
    assert!(fs::symlink_metadata(&null).unwrap().file_type().is_char_device());
}

/// As containers have single files of their host.
#[test]
fn a_file_that_is_a_mount_is_written_in_its_place() {
    let (dataset, predictions) = scored();
    let [host, mounted] = ["host.json", "mounted.json"].map(|name| dataset.path(name));
    [&host, &mounted].iter().for_each(|path| fs::write(path, "old ".repeat(9999)).unwrap());
    let mount = Command::new("mount").arg("--bind").args([&host, &mounted]).output().unwrap();
    if !mount.status.success() {
        println!("skipped: this user may not mount");
        return;
    }
    let run = eval(&dataset, &predictions, &["--report", &text(&mounted)]);
    assert!(Command::new("umount").arg(&mounted).status().unwrap().success());
    run.succeeded();
    assert!(is_report(&fs::read(&host).unwrap()));
}

#[test]
fn stdout_is_for_one_output_and_the_table_then_goes_to_stderr() {
    let (dataset, predictions) = scored();
    let link = dataset.path("link");
    symlink("/proc/self/fd/1", &link).unwrap();
    for stdout in ["-", "/dev/stdout", "/dev/fd/1", &text(&link)] {
        let run = eval(&dataset, &predictions, &["--report", stdout]).succeeded();
        assert!(is_report(run.stdout.as_bytes()), "{stdout}: {}", run.stdout);
        assert!(run.stderr.contains("standard"), "{stdout}: {}", run.stderr);
        let quiet = eval(&dataset, &predictions, &["--quiet", "--report", stdout]).succeeded();
        assert_eq!((is_report(quiet.stdout.as_bytes()), quiet.stderr.as_str()), (true, ""));
    }
    let run = eval(&dataset, &predictions, &["--markdown", "-"]).succeeded();
    assert!(run.stdout.starts_with("## spair71k") && !run.stderr.contains("## spair71k"));
    let both = eval(&dataset, &predictions, &["--report", "-", "--markdown", "/dev/stdout"]);
    let error = both.failed_with(1);
    assert!(error.contains("`-` and `/dev/stdout` are one and the same"), "{error}");
    let json = eval(&dataset, &predictions, &["--report", "-", "--json"]).failed_with(2);
    assert!(json.contains("both want stdout"), "{json}");
    assert!(link.is_symlink());
}

/// The file that stdout goes to must not be replaced: what is shown later would go to a file without a name.
#[test]
fn the_file_behind_stdout_or_another_descriptor_is_not_replaced() {
    let (dataset, predictions) = scored();
    let shell = |script: &str, file: &Path| {
        fs::write(file, "before\n").unwrap();
        let mut eval = command::shell(script, arguments(&dataset, &predictions, &[]));
        ended(eval.env("FILE", file).output().unwrap()).succeeded();
        fs::read(file).unwrap()
    };
    let file = dataset.path("out.json");
    assert!(is_report(&shell("exec \"$0\" \"$@\" --report \"$FILE\" > \"$FILE\"", &file)));
    assert!(is_report(&shell("exec \"$0\" \"$@\" --report /dev/stdout > \"$FILE\"", &file)));
    let appended = shell("exec \"$0\" \"$@\" --report /dev/fd/3 3>> \"$FILE\"", &file);
    assert!(appended.starts_with(b"before\n") && is_report(&appended[7..]));
    let appended = shell("exec \"$0\" \"$@\" --report - >> \"$FILE\"", &file);
    assert!(appended.starts_with(b"before\n") && is_report(&appended[7..]));
}

#[test]
fn products_go_to_stdout_in_their_first_format() {
    let folder = Folder::new();
    let (a, b) = (folder.photo("a.png", 40, 30), folder.photo("b.png", 30, 40));
    let points = folder.path("points.json");
    fs::write(&points, "[[3, 4]]").unwrap();
    let script = "exec \"$0\" predict \"$A\" \"$B\" --keypoints \"$POINTS\" \"$@\" > \"$OUT\"";
    let bytes = |flags: &[&str]| {
        let out = folder.path("out");
        let mut predict = command::shell(script, flags);
        predict.envs([("A", &a), ("B", &b), ("POINTS", &text(&points)), ("OUT", &text(&out))]);
        let stderr = ended(predict.output().unwrap()).succeeded().stderr;
        assert!(stderr.contains("\"confidence\":["), "{stderr}");
        fs::read(out).unwrap()
    };
    lpmflow(["predict", &a, &b, "-o", &folder.text("file.flo")]).succeeded();
    assert!(bytes(&["-o", "-"]) == fs::read(folder.path("file.flo")).unwrap());
    assert!(bytes(&["--warp", "-"]).starts_with(b"\x89PNG"));
    let error = lpmflow(["predict", &a, &b, "-o", "-", "--json"]).failed_with(2);
    assert!(error.contains("both want stdout"), "{error}");
    let error =
        lpmflow(["export", "--weights", "lite", "-o", "-", "--format", "torchscript", "--verify"]);
    assert!(error.failed_with(2).contains("--verify reads the file again"));
}

#[test]
fn what_can_take_no_output_is_named_with_the_reason() {
    let (dataset, predictions) = scored();
    let socket = dataset.path("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let missing = format!("{}/", text(&dataset.path("missing")));
    for (path, reason) in [
        (text(&socket), "it is a socket"),
        (text(dataset.data_root()), "it is a folder"),
        (missing, "it names a folder"),
        (text(&dataset.path("missing/report.json")), "does not exist: create it first"),
        (text(&predictions.join("report.json")), "Not a directory"),
        ("/dev/fd/77".to_owned(), "No such file or directory"),
    ] {
        let error = eval(&dataset, &predictions, &["--report", &path]).failed_with(1);
        assert!(error.contains(&format!("cannot write `{path}`: ")), "{error}");
        assert!(error.contains(reason), "{path}: {error}");
    }
}
