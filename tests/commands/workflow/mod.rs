//! The workflow that README shows, its steps run literally: what they let pass, what they stop, and how they tell.
#![cfg(unix)]

mod runner;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::lpmflow;
use crate::support::evaluation::{assert_satisfies_schema, json, text};
use runner::{Event, Job, Runner};

/// Weights called as the default ones, which see less: a folder for `LPMFLOW_WEIGHTS`.
fn worse_weights() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("lite.safetensors");
    let export = ["export", "--weights", "lite", "--input-size", "160", "-o", text(&output)];
    lpmflow(export).succeeded();
    folder
}

/// A runner whose main branch has left its baseline.
fn with_baseline(instructions: &str) -> Runner {
    let mut runner = Runner::new();
    let job = runner.run(&Job::new(Event::Push, instructions));
    assert_eq!(job.code, 0, "{}", job.log);
    assert_satisfies_schema(&json(&job.file("report.json")));
    runner
}

#[test]
fn readme_shows_the_workflow_that_is_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let workflow = fs::read_to_string(root.join("scripts/examples/accuracy.yml")).unwrap();
    assert!(readme.contains(&format!("```yaml\n{workflow}```\n")), "README shows another workflow");
}

#[test]
fn a_pull_request_that_changes_nothing_passes_ten_times_and_on_every_processor() {
    let mut runner = with_baseline("avx2");
    let mut scores = Vec::new();
    for number in 0..10 {
        let instructions = ["avx2", "default"][number % 2];
        let job = runner.run(&Job::new(Event::PullRequest, instructions));
        assert_eq!(job.code, 0, "run {number} on {instructions}: {}", job.log);
        assert!(job.summary.contains("✅ no regression"), "{}", job.summary);
        let report = json(&job.file("report.json"));
        scores.push((instructions, report["run"]["instructions"].clone(), report["pairs"].clone()));
    }
    assert!(scores.iter().all(|score| score.2.as_array().unwrap().len() > 20));
    let of = |name: &str| -> Vec<&Value> {
        scores.iter().filter(|score| score.0 == name).map(|score| &score.2).collect()
    };
    for name in ["avx2", "default"] {
        assert!(of(name).iter().all(|pairs| *pairs == of(name)[0]), "{name} differs from itself");
    }
    assert_ne!(scores[0].1, scores[1].1, "both ran with the same instructions");
}

#[test]
fn a_regression_is_caught_named_and_pictured() {
    let mut runner = with_baseline("avx2");
    let weights = worse_weights();
    let job = Job::new(Event::PullRequest, "avx2").with("LPMFLOW_WEIGHTS", weights.path());
    let job = runner.run(&job);
    assert_eq!(job.code, 3, "{}", job.log);
    assert!(job.summary.contains("❌ regression: `standard` PCK@0.1"), "{}", job.summary);
    assert!(job.summary.contains("| ❌ | max-drop PCK@0.1 |"), "{}", job.summary);
    assert!(job.summary.contains("pairs that got worse"), "{}", job.summary);
    let annotation = "::error file=baseline/report.json,title=accuracy fell::max-drop PCK@0.1: ";
    assert!(job.log.contains(annotation), "{}", job.log);
    let junit = fs::read_to_string(job.file("junit.xml")).unwrap();
    let document = roxmltree::Document::parse(&junit).unwrap();
    let failing: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name("failure"))
        .map(|node| node.parent_element().unwrap().attribute("name").unwrap())
        .collect();
    assert!(failing.contains(&"max-drop PCK@0.1"), "{failing:?}");
    assert!(failing.contains(&"significant PCK@0.1"), "{failing:?}");
    assert!(failing.iter().any(|name| name.starts_with("max-drop-category ")), "{failing:?}");
    let page = fs::read_to_string(job.file("report.html")).unwrap();
    let worse = page.split_once("Pairs that got worse").unwrap().1;
    let worse = worse.split_once("Worst pairs").unwrap().0;
    assert!(
        worse.contains("data:image/jpeg;base64,") && worse.contains("; it was "),
        "no pictures"
    );
}

#[test]
fn an_improvement_passes_and_is_told() {
    let mut runner = Runner::new();
    let weights = worse_weights();
    let main = Job::new(Event::Push, "avx2").with("LPMFLOW_WEIGHTS", weights.path());
    assert_eq!(runner.run(&main).code, 0);
    let job = runner.run(&Job::new(Event::PullRequest, "avx2"));
    assert_eq!(job.code, 0, "{}", job.log);
    assert!(job.summary.contains("▲ ") && job.summary.contains(" got better"), "{}", job.summary);
}

#[test]
fn a_baseline_that_is_missing_or_foreign_is_told_from_a_regression() {
    let mut runner = Runner::new();
    let request = || Job::new(Event::PullRequest, "avx2");
    let absent = runner.run(&request());
    assert_eq!(absent.code, 5, "{}", absent.log);
    assert!(absent.log.contains("::error title=baseline-unusable::"), "{}", absent.log);
    assert!(absent.summary.contains("❌ the baseline cannot be used"), "{}", absent.summary);

    let seed = |workspace: &Path| {
        // The main branch drew other objects.
        let list = workspace.join("data/toy/Layout/large/test.txt");
        let text = fs::read_to_string(&list).unwrap();
        fs::write(&list, text.lines().skip(1).collect::<Vec<_>>().join("\n")).unwrap();
    };
    assert_eq!(runner.run(&Job::new(Event::Push, "avx2").before("Evaluate", &seed)).code, 0);
    let foreign = runner.run(&request());
    assert_eq!(foreign.code, 5, "{}", foreign.log);
    assert!(foreign.summary.contains("they cover different pairs"), "{}", foreign.summary);
    let junit = fs::read_to_string(foreign.file("junit.xml")).unwrap();
    assert!(junit.contains("<error type=\"baseline-unusable\""), "{junit}");
}

#[test]
fn missing_data_is_told_from_a_regression() {
    let mut runner = with_baseline("avx2");
    let remove =
        |workspace: &Path| fs::remove_dir_all(workspace.join("data/toy/JPEGImages/fish")).unwrap();
    let job = runner.run(&Job::new(Event::PullRequest, "avx2").before("Evaluate", &remove));
    assert_eq!(job.code, 4, "{}", job.log);
    assert!(job.summary.contains("❌ the data cannot be used"), "{}", job.summary);
    let junit = fs::read_to_string(job.file("junit.xml")).unwrap();
    assert!(junit.contains("<error type=\"data-unusable\"") && junit.contains("fish"), "{junit}");
}
