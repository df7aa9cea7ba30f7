//! Processes that are asked to stop: all end as one does.

use std::fs;
use std::process::Child;

use super::{children, send};
use crate::command::{Run, ended};
use crate::support::files::Folder;
use crate::support::toy::Toy;
use crate::training::child::wait;

/// Whether a process has asked to be told of Ctrl-C.
fn listens(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 2 != 0)
}

/// Starts the command in so many processes, and stops it when all are there and `reached` says so.
fn stopped(
    arguments: &[String],
    processes: usize,
    signal: &str,
    reached: impl Fn() -> bool,
) -> Run {
    let mut words = arguments.to_vec();
    let workers = if processes > 1 { processes } else { 0 };
    if workers > 0 {
        words.extend(["--processes".to_owned(), processes.to_string()]);
    }
    let mut command = crate::command::command(&words);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child: Child = command.spawn().unwrap();
    let process = child.id();
    let there = || listens(process) && children(process).len() == workers && reached();
    assert!(wait(&mut child, there), "it was too fast to be stopped");
    send(signal, &process.to_string());
    ended(child.wait_with_output().unwrap())
}

#[test]
fn an_evaluation_ends_as_an_interrupted_one_in_one_process_or_several() {
    let toy = Toy::new(0, 40);
    let report = toy.path("report.json");
    let words = ["eval", "--report", report.to_str().unwrap()];
    let arguments = [words.map(str::to_owned).to_vec(), toy.flags()].concat();
    for processes in [1, 2] {
        for signal in ["-INT", "-TERM"] {
            let run = stopped(&arguments, processes, signal, || true);
            let error = run.failed_with(130);
            assert!(!error.contains("lpmflow: ") && !report.exists(), "{error}");
        }
    }
}

#[test]
fn a_list_that_is_stopped_says_so_once_and_goes_on() {
    let toy = Toy::new(0, 40);
    let lines = (0..60).map(|pair| format!("toy/figures/{pair}.png,toy/figures/0.png\n"));
    let list = toy.path("pairs.csv");
    fs::write(&list, lines.collect::<String>()).unwrap();
    for (processes, signal) in [(1, "-INT"), (2, "-INT"), (2, "-TERM")] {
        let folder = Folder::new();
        let output = folder.text("results");
        let words = ["predict", "--pairs", list.to_str().unwrap(), "--output-dir", &output];
        let arguments: Vec<String> = words.map(str::to_owned).into();
        // The first results are there.
        let begun = || fs::read_dir(&output).is_ok_and(|files| files.count() > 2);
        let run = stopped(&arguments, processes, signal, begun);
        let lines = run.stdout.lines().count();
        let error = run.failed_with(130);
        assert!((1..60).contains(&lines), "{lines}: {error}");
        let told = if lines == 1 { "1 pair".to_owned() } else { format!("{lines} pairs") };
        let wanted = format!("{told} done, 0 done before, 0 failed, interrupted");
        assert_eq!(error.matches(&wanted).count(), 1, "{error}");
        assert_eq!(error.matches(" done before").count(), 1, "{error}");
    }
}
