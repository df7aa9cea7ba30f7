//! A protocol that one line of the list makes known goes through evaluation, comparison, every report and the
//! help texts.

use std::fs;

use clap::CommandFactory;
use serde_json::Value;

use crate::cli::Cli;
use crate::commands::testing::lpmflow;
use crate::eval::report::schema::json_schema;

#[test]
fn a_protocol_of_the_list_is_scored_by_reported_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let root = path("");
    lpmflow(["datasets", "make-toy", &root, "--images", "2", "--pairs", "2"]).succeeded();
    let [report, markdown, junit, html] =
        ["report.json", "report.md", "junit.xml", "report.html"].map(path);
    let task = ["eval", "--dataset", "toy", "--data-root", &root, "--baseline-model", "identity"];
    let outputs = [
        ["--protocol", "toy,standard"],
        ["--report", &report],
        ["--markdown", &markdown],
        ["--junit", &junit],
        ["--html", &html],
    ];
    let table = lpmflow([&task[..], outputs.as_flattened()].concat()).succeeded().stdout;
    assert!(
        table.contains("toy: A keypoint is right") && table.contains("No paper uses"),
        "{table}"
    );

    let read = |path: &str| fs::read_to_string(path).unwrap();
    let written: Value = serde_json::from_str(&read(&report)).unwrap();
    let schema = json_schema().unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&written).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(written["headline"]["protocol"], "toy");
    assert_eq!(written["protocols"][0]["threshold"], "paper-frame-side");
    assert_eq!(written["protocols"][0]["average"], "keypoints");
    assert!(read(&markdown).contains("`identity` under `toy`"), "{}", read(&markdown));
    assert!(read(&junit).contains("<testsuite name=\"toy.test.toy\""), "{}", read(&junit));
    assert!(read(&html).contains("under <code>toy</code>"));

    let compared = lpmflow(["compare", &report, &report, "--protocol", "toy"]).succeeded().stdout;
    assert!(compared.contains("`toy` PCK@0.1"), "{compared}");
}

#[test]
fn a_protocol_of_the_list_is_among_the_default_ones_and_can_be_a_datasets_usual_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let root = path("");
    lpmflow(["datasets", "make-toy", &root, "--images", "2", "--pairs", "2"]).succeeded();
    let names = |flags: &[&str]| {
        let task =
            ["eval", "--dataset", "toy", "--data-root", &root, "--baseline-model", "identity"];
        let json = lpmflow([&task[..], flags, &["--json"]].concat()).succeeded().stdout;
        let report: Value = serde_json::from_str(&json).unwrap();
        let protocols = report["protocols"].as_array().unwrap();
        protocols.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let usual = names(&[]);
    assert!(usual[0] == "standard" && usual.contains(&"toy".to_owned()), "{usual:?}");
    let catalog = include_str!("../../../datasets.toml").replace("\"standard\"", "\"toy\"");
    fs::write(path("own.toml"), catalog).unwrap();
    assert_eq!(names(&["--datasets", &path("own.toml")])[0], "toy");
}

#[test]
fn help_lists_a_protocol_of_the_list_with_its_rules_in_brief() {
    let mut program = Cli::command();
    program.build();
    for name in ["eval", "compare"] {
        let command = program.find_subcommand_mut(name).unwrap();
        let help = command.render_long_help().to_string();
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(", toy]"), "{help}");
    }
    let help = program.find_subcommand_mut("eval").unwrap().render_long_help().to_string();
    assert!(
        help.contains("\n  toy             512 frame, sub-pixel, threshold from the frame"),
        "{help}"
    );
    assert!(help.contains("\n                  (PF-WILLOW: from the target keypoints"), "{help}");
}
