//! The user's environment: variables that are empty, and the path.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::command::{PROGRAM, Run, lpmflow, lpmflow_in};
use crate::support::files::Folder;

/// Every variable that a help text names.
fn variables() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for command in ["predict", "eval", "train", "bench", "export", "compare", "datasets list"] {
        let help = lpmflow(command.split(' ').chain(["--help"])).succeeded().stdout;
        for named in help.split("[env: ").skip(1) {
            found.insert(named.split(['=', ']']).next().unwrap().to_owned());
        }
    }
    assert!(found.contains("LPMFLOW_THREADS") && found.len() > 10, "{found:?}");
    found
}

#[test]
fn an_empty_variable_counts_as_none() {
    let variables = variables();
    let empty: Vec<(&str, &str)> = variables
        .iter()
        .map(String::as_str)
        .chain(["LPMFLOW_WEIGHTS", "NO_COLOR"])
        .map(|name| (name, ""))
        .collect();
    for flags in [
        "bench --untrained tiny --iterations 1 --warm-up 0 --no-training",
        "datasets list",
        "train --output unwritten",
        "eval",
    ] {
        let flags: Vec<&str> = flags.split(' ').collect();
        let [empty, unset] = [&empty[..], &[]].map(|variables| lpmflow_in(variables, &flags));
        assert_eq!(empty.code, unset.code, "{}", empty.stderr);
        if unset.code != 0 {
            // The usage names what is set.
            let error = |run: &Run| run.stderr.split("Usage:").next().unwrap().to_owned();
            assert_eq!(error(&empty), error(&unset));
        }
    }
}

#[test]
fn a_typed_flag_comes_before_a_variable_that_contradicts_it() {
    let folder = Folder::new();
    let photos = folder.text("photos");
    std::fs::create_dir(&photos).unwrap();
    let train = |variable: (&str, &str), flags: &[&str]| {
        let all = ["train", "--photos", &photos, "--output", &folder.text("run")];
        lpmflow_in(&[variable], all.iter().chain(flags)).stderr
    };
    // All get as far as the photos, of which there are none.
    for (variable, flags) in [
        (("LPMFLOW_EPOCHS", "2"), &["--steps", "1"][..]),
        (("LPMFLOW_STEPS", "2"), &["-e1"]),
        (("LPMFLOW_DATASET", "pf-willow"), &[]),
    ] {
        let error = train(variable, flags);
        assert!(error.contains("photos`"), "{variable:?} {flags:?}: {error}");
    }
    let error = train(("LPMFLOW_EPOCHS", "0"), &[]);
    assert!(error.contains("the value comes from LPMFLOW_EPOCHS in the environment"), "{error}");
    let mut other = crate::command::command(["train", "--photos", &photos, "-o", "run"]);
    let odd = std::os::unix::ffi::OsStrExt::from_bytes(b"\xff");
    let odd: &std::ffi::OsStr = odd;
    let output = other.env("LPMFLOW_SEED", odd).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("comes from LPMFLOW_SEED"), "{error}");
}

#[test]
fn a_folder_of_weights_that_is_none_is_told_not_passed_over() {
    let folder = Folder::new();
    for place in [folder.text("absent"), folder.photo("photo.png", 4, 4)] {
        let error = lpmflow_in(
            &[("LPMFLOW_WEIGHTS", &place)],
            ["export", "--weights", "lite", "-o", &folder.text("copy.safetensors")],
        )
        .failed_with(1);
        assert!(error.contains(&format!("LPMFLOW_WEIGHTS names `{place}`")), "{error}");
    }
}

#[test]
fn threads_that_no_machine_has_are_refused() {
    for threads in ["0", "1025", "100000", "-1", "two"] {
        let error = lpmflow(["datasets", "list", &format!("--threads={threads}")]).failed_with(2);
        assert!(error.contains("threads are a number from 1 to 1024"), "{error}");
    }
}

#[test]
fn numbers_beyond_what_a_flag_takes_are_told_what_it_takes() {
    let beyond: [(&[&str], &str); 3] = [
        (&["compare", "a", "b", "--max-drop", "-1"], "points are a number from 0 to 100"),
        (&["bench", "--iterations", "1000000000000"], "a whole number from 1 to 1000000"),
        (&["bench", "--warm-up", "-1"], "a whole number from 0 to 1000000"),
    ];
    for (arguments, wanted) in beyond {
        let error = lpmflow(arguments).failed_with(2);
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn set_up_ends_with_the_line_that_puts_the_program_on_the_path() {
    let folder = Folder::new();
    let beside = folder.path("a b");
    std::fs::create_dir(&beside).unwrap();
    let program = beside.join("lpmflow");
    std::fs::copy(PROGRAM, &program).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/path.sh");
    let line = |path: &str| {
        let output = Command::new("bash").arg(&script).arg(&program).env("PATH", path).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let usual = "/usr/bin:/bin";
    let text = format!("{}lpmflow --version", line(usual));
    let output = Command::new("bash").args(["-c", &text]).env("PATH", usual).output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"lpmflow "), "{text}");
    assert_eq!(line(&format!("{}:{usual}", beside.display())), "", "nothing to do");
    let setup = include_str!("../../scripts/setup.sh");
    assert!(setup.contains("scripts/path.sh target/debug/lpmflow"));
}
