//! A reader that goes away ends nothing but its own reading: no panic, no message, the usual exit code.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{arguments, eval, scored, text};
use crate::command::{command, names, write};
use crate::support::files::Folder;

fn start<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Child {
    command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The exit code and stderr of a run whose stdout nobody reads.
fn unread<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> (Option<i32>, String) {
    let mut child = start(arguments);
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_is_only_shown_ends_quietly() {
    let shown: [&[&str]; 7] = [
        &["completions", "bash"],
        &["completions", "zsh"],
        &["man", "-"],
        &["help", "predict"],
        &["--version"],
        &["datasets", "list", "--quiet"],
        &["datasets", "list", "--json"],
    ];
    for arguments in shown {
        assert_eq!(unread(arguments), (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn an_evaluation_that_nobody_reads_writes_its_files_and_keeps_its_exit_code() {
    let (dataset, predictions) = scored();
    let worse = dataset.predictions("worse.jsonl", &[0; 6]);
    let baseline = text(&dataset.path("baseline.json"));
    eval(&dataset, &predictions, &["--report", &baseline]).succeeded();
    let report = dataset.path("report.json");
    let named = text(&report);
    for shown in [&[][..], &["--json"], &["--markdown", "-"], &["--html", "-"]] {
        let more = ["--quiet", "--report", &named, "--baseline", &baseline, "--max-drop", "1"];
        let (code, stderr) = unread(&arguments(&dataset, &worse, &[&more[..], shown].concat()));
        assert_eq!(code, Some(3), "{shown:?}: {stderr}");
        assert!(stderr.lines().all(|line| line.starts_with("warning: ")), "{stderr}");
        fs::remove_file(&report).unwrap();
    }
    let compared = ["compare", &baseline, &baseline];
    assert_eq!(unread(&compared), (Some(0), String::new()));
}

#[test]
fn a_reader_of_messages_may_go_as_well() {
    let (dataset, predictions) = scored();
    let mut child = start(&arguments(&dataset, &predictions, &["--markdown", "-"]));
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert!(output.stdout.starts_with(b"## spair71k"));
    let mut child = start(&["eval", "--dataset", "nothing"]);
    drop(child.stderr.take());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(2));
}

#[test]
fn a_reader_of_a_fifo_may_go_before_the_end() {
    let (dataset, predictions) = scored();
    let fifo = dataset.path("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let child = start(&arguments(&dataset, &predictions, &["--html", &text(&fifo)]));
    let mut first = [0; 9];
    fs::File::open(&fifo).unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_list_that_nobody_reads_stops_in_good_order() {
    let folder = Folder::new();
    folder.photo("a.png", 40, 30);
    folder.photo("b.png", 30, 40);
    let list = write(&folder, "list.csv", "a.png,b.png\n".repeat(400));
    let output = folder.text("out");
    let mut child = start(&["predict", "--pairs", &list, "--output-dir", &output]);
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(141), "{stderr}");
    assert!(!stderr.contains("lpmflow: ") && !stderr.contains("panicked"), "{stderr}");
    let files = names(Path::new(&output));
    assert!((2..800).contains(&files.len()) && files.len().is_multiple_of(2), "{files:?}");
    assert!(files.iter().all(|name| !name.starts_with(".lpmflow-")), "{files:?}");
}

/// The thread that prints waits for the reader then, and must not keep the process.
#[test]
fn a_second_interrupt_ends_a_list_whose_results_nobody_reads() {
    let folder = Folder::new();
    let list = write(&folder, "list.csv", "none.png,none.png\n".repeat(2000));
    let mut child = command(["predict", "--pairs", &list, "--output-dir", &folder.text("out")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdout = child.stdout.take().unwrap();
    let (start, mut before) = (Instant::now(), 0);
    let ended = loop {
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it does not end");
        }
        sleep(Duration::from_millis(100));
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        let waiting = rustix::io::ioctl_fionread(&stdout).unwrap();
        if waiting > 0 && waiting == before {
            let id = child.id().to_string();
            Command::new("kill").args(["-INT", &id]).status().unwrap();
        }
        before = waiting;
    };
    assert_eq!(ended.code(), Some(130));
}
