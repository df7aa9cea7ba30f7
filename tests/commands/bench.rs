//! `lpmflow bench` through the real binary.

use crate::command::lpmflow;

#[test]
fn the_report_fits_its_schema_and_a_table_says_the_same() {
    let schema = serde_json::from_str(include_str!("../../src/bench/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (flags, limit) in [
        ("--weights lite --input-size 192 --iterations 1 --quality fine", false),
        ("--untrained tiny --iterations 2 --batch-size 2 --limit", true),
    ] {
        let run = |more: &str| {
            let flags = format!("bench --warm-up 0 {flags} {more}");
            lpmflow(flags.split_whitespace()).succeeded()
        };
        let report = &run("--json").json_lines()[0];
        let problems: Vec<String> =
            validator.iter_errors(report).map(|problem| problem.to_string()).collect();
        assert!(problems.is_empty(), "{problems:?}");
        let names: Vec<&str> = report["measurements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["name"].as_str().unwrap())
            .collect();
        let products: &[&str] = if limit { &["products"] } else { &[] };
        let expected = [&["forward", "backbone", "matcher"], products, &["loader", "training"]];
        assert_eq!(names, expected.concat(), "{flags}");
        let table = run("");
        assert!(
            table.stderr.contains("too few times to know how far they vary"),
            "{}",
            table.stderr
        );
        assert!(table.stdout.contains("on cpu with 1 thread\n"), "{}", table.stdout);
        let table = table.stdout;
        assert_eq!(table.contains("limit: the forward pass takes "), limit, "{table}");
        for word in names.into_iter().chain(["GFLOP", "parameters", "peak memory"]) {
            assert!(table.contains(word), "{word} in {table}");
        }
        assert!(!run("--no-training").stdout.contains("training"));
    }
}

#[test]
fn the_sum_of_gradients_over_processes_is_timed_alone() {
    let schema = serde_json::from_str(include_str!("../../src/bench/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let run = |more: &str| {
        let flags = format!("bench --untrained tiny --iterations 5 --processes 2 {more}");
        lpmflow(flags.split_whitespace()).succeeded()
    };
    let bytes = ["float32", "bfloat16"].map(|transfer| {
        let run = run(&format!("--json --gradient-transfer {transfer}"));
        assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
        let report = &run.json_lines()[0];
        let problems: Vec<String> =
            validator.iter_errors(report).map(|problem| problem.to_string()).collect();
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(report["measurements"][0]["name"], "reduction");
        assert_eq!(report["run"]["processes"], 2);
        report["run"]["gradient_bytes"].as_u64().unwrap()
    });
    assert_eq!(bytes[0], 2 * bytes[1]);
    let table = run("").stdout;
    assert!(table.starts_with("gradients of ") && table.contains("over 2 processes"), "{table}");
}
