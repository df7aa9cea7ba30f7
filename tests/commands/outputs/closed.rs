//! A stdout that is closed, and a current folder that is gone: neither is a result.

use std::fs;

use super::{arguments, scored, text};
use crate::command::{Run, ended, shell};
use crate::support::files::Folder;

/// Runs `lpmflow` with its descriptors changed by the shell.
fn redirected<S: AsRef<std::ffi::OsStr>>(how: &str, arguments: &[S]) -> Run {
    ended(shell(&format!("exec \"$0\" \"$@\" {how}"), arguments).output().unwrap())
}

#[test]
fn what_stdout_does_not_take_is_an_error() {
    let shown: [&[&str]; 5] = [
        &["datasets", "list"],
        &["completions", "bash"],
        &["man", "-"],
        &["help", "predict"],
        &["--version"],
    ];
    let wanted = "lpmflow: writing the result to stdout: it is not open for writing\n";
    for arguments in shown {
        let error = redirected(">&-", arguments).failed_with(1);
        assert!(error.ends_with(wanted), "{arguments:?}: {error}");
    }
    for how in ["<&- >&-", "1</dev/null"] {
        let error = redirected(how, shown[0]).failed_with(1);
        assert!(error.ends_with(wanted), "{how}: {error}");
    }
    let full = redirected(">/dev/full", &["--version"]).failed_with(1);
    assert!(full.contains("writing the result to stdout: No space left"), "{full}");
    redirected(">/dev/null", &["--version"]).succeeded();
}

#[test]
fn an_output_on_a_closed_stdout_is_refused_before_the_work_and_files_are_written() {
    let (dataset, predictions) = scored();
    for output in ["-", "/dev/stdout"] {
        let eval = arguments(&dataset, &predictions, &["--report", output]);
        let error = redirected(">&-", &eval).failed_with(1);
        assert!(error.contains(&format!("cannot write `{output}`: ")), "{error}");
    }
    let report = text(&dataset.path("r.json"));
    let eval = arguments(&dataset, &predictions, &["--report", &report]);
    let error = redirected(">&-", &eval).failed_with(1);
    assert!(error.contains("writing the result to stdout: it is not open"), "{error}");
    assert!(fs::read_to_string(report).unwrap().ends_with("}\n"));
}

#[test]
fn a_current_folder_that_is_gone_is_said_to_be() {
    let folder = Folder::new();
    let line = "mkdir gone; cd gone; rmdir ../gone; exec \"$0\" \"$@\"";
    let mut command = shell(line, ["--version"]);
    let error = ended(command.current_dir(folder.path("")).output().unwrap()).failed_with(1);
    assert!(
        error.contains("lpmflow: the current folder cannot be used: it has been deleted"),
        "{error}"
    );
}
