//! `lpmflow predict --pairs`, through the real binary with the default weights.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::command::{Run, command, lpmflow_reading, names, write};
use crate::support::files::Folder;

/// A folder with three small photos.
fn photos() -> Folder {
    let folder = Folder::new();
    folder.photo("a.png", 40, 30);
    folder.photo("b.jpg", 30, 50);
    std::fs::create_dir(folder.path("more")).unwrap();
    folder.photo("more/c.png", 20, 20);
    folder
}

fn statuses(run: &Run) -> Vec<String> {
    let status = |record: &serde_json::Value| record["status"].as_str().unwrap().to_owned();
    run.json_lines().iter().map(status).collect()
}

#[test]
fn json_lines_from_standard_input_carry_names_and_keypoints() {
    let folder = photos();
    let (a, b) = (folder.text("a.png"), folder.text("b.jpg"));
    let list = format!(
        "{{\"source\": {a:?}, \"target\": {b:?}, \"name\": \"mine/1\", \"keypoints\": [[3, 4]]}}\n\
         {{\"source\": {a:?}, \"target\": {b:?}, \"keypoints\": [[99, 4]]}}\n"
    );
    let output = folder.text("out");
    let arguments = ["predict", "--pairs", "-", "--output-dir", &output, "--format", "matches.jpg"];
    let run = lpmflow_reading(&list, arguments);
    assert_eq!(statuses(&run), ["done", "failed"]);
    let records = run.json_lines();
    assert_eq!(records[0]["keypoints"]["source"][0], serde_json::json!([3.0, 4.0]));
    assert_eq!(records[0]["keypoints"]["target"].as_array().unwrap().len(), 1);
    assert!(records[1]["error"].as_str().unwrap().contains("(99, 4) lies outside"));
    assert_eq!(names(&folder.path("out")), ["mine_1.json", "mine_1.matches.jpg"]);
}

#[test]
fn an_interrupted_run_finishes_what_is_under_way_and_goes_on_later() {
    let folder = photos();
    let list = write(&folder, "list.csv", "a.png,b.jpg\n".repeat(400));
    let output = folder.text("out");
    let mut child = command(["predict", "--pairs", &list, "--output-dir", &output])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let rest = std::io::read_to_string(stdout).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert!(stderr.contains("interrupted: run it again to go on"), "{stderr}");
    let done = 1 + rest.lines().count();
    assert!(done < 400);
    // Every pair that was reported is complete, and nothing else is there.
    assert_eq!(names(&folder.path("out")).len(), 2 * done);
}
