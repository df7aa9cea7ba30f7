//! Pairs that processes share: evaluation and prediction.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{all, free_port, member};
use crate::command::{Run, lpmflow, names};
use crate::support::files::Folder;
use crate::support::toy::Toy;

/// The report but for what differs from run to run.
fn report(file: &Path) -> String {
    let mut report: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    for timing in ["seconds", "pairs_per_second", "peak_memory_bytes"] {
        report["run"].as_object_mut().unwrap().remove(timing);
    }
    serde_json::to_string_pretty(&report).unwrap()
}

#[test]
fn two_and_three_processes_write_the_report_of_one() {
    let toy = Toy::new(0, 7);
    let eval = |output: &Path, flags: &[&str]| -> Vec<String> {
        let mut words: Vec<String> = ["eval", "--skip-bad", "--report"].map(str::to_owned).into();
        words.extend([output.to_str().unwrap().to_owned(), "--predictions-out".to_owned()]);
        words.push(output.with_extension("jsonl").to_str().unwrap().to_owned());
        words.extend(toy.flags());
        words.extend(flags.iter().map(|flag| (*flag).to_owned()));
        words
    };
    // One that is left out, by the last of them.
    fs::write(toy.photos().join("12.png"), "no photo").unwrap();
    let alone = toy.path("alone.json");
    let usual = lpmflow(eval(&alone, &[])).succeeded();
    let same = |output: &Path, run: Run| {
        assert_eq!(report(output), report(&alone));
        let lines = |file: &Path| fs::read_to_string(file.with_extension("jsonl")).unwrap();
        assert_eq!(lines(output), lines(&alone));
        let table = |run: &Run| run.stdout.lines().take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(table(&run), table(&usual));
        assert!(run.stderr.contains("12.png"), "{}", run.stderr);
    };
    for processes in ["2", "3"] {
        let output = toy.path(&format!("{processes}.json"));
        let run = lpmflow(eval(&output, &["--processes", processes])).succeeded();
        same(&output, run);
    }
    let (output, port) = (toy.path("launched.json"), free_port());
    let members = (0..2).map(|rank| member(rank, 2, port, &eval(&output, &[]))).collect();
    let mut runs = all(members);
    assert_eq!(runs[1].stdout, "", "the first says everything");
    same(&output, runs.remove(0).succeeded());
}

/// A list of pairs of painted figures.
fn list(toy: &Toy, pairs: usize) -> String {
    let text: String = (0..pairs)
        .map(|pair| format!("toy/figures/{}.png,toy/figures/{}.png\n", pair, pair + 1))
        .collect();
    let file = toy.path("pairs.csv");
    fs::write(&file, format!("source,target\n{text}")).unwrap();
    file.to_str().unwrap().to_owned()
}

fn predict(list: &str, output: &str, flags: &[&str]) -> Run {
    let predict = ["predict", "--pairs", list, "--output-dir", output, "--format", "flo"];
    lpmflow([&predict[..], flags].concat())
}

/// What the lines say of pairs, but for numbers, whose last digits depend on the batch, and the folder.
fn lines(run: &Run, folder: &str) -> Vec<String> {
    let told = |line: &Value| {
        let keys = ["line", "source", "target", "status", "source_size", "files"];
        keys.map(|key| line[key].to_string()).join(" ").replace(folder, "")
    };
    run.json_lines().iter().map(told).collect()
}

#[test]
fn parts_of_a_list_are_together_the_list() {
    let toy = Toy::new(0, 4);
    let list = list(&toy, 7);
    let output = Folder::new();
    let [whole, parts, together] = ["whole", "parts", "together"].map(|name| output.text(name));
    let alone = predict(&list, &whole, &[]).succeeded();
    assert_eq!(alone.stdout.lines().count(), 7);
    let mut said = Vec::new();
    for part in ["0/3", "1/3", "2/3"] {
        said.extend(lines(&predict(&list, &parts, &["--shard", part]).succeeded(), &parts));
    }
    assert_eq!(said, lines(&alone, &whole));
    let run = predict(&list, &together, &["--processes", "3"]).succeeded();
    assert_eq!(run.stderr.matches("7 pairs done, 0 done before, 0 failed").count(), 1);
    assert_eq!(lines(&run, &together), lines(&alone, &whole));
    for folder in [&parts, &together] {
        assert_eq!(names(Path::new(folder)), names(Path::new(&whole)));
        for name in names(Path::new(&whole)).iter().filter(|name| name.ends_with("flo")) {
            let length = |folder: &str| fs::metadata(Path::new(folder).join(name)).unwrap().len();
            assert_eq!(length(folder), length(&whole), "{name}");
        }
    }
    let again = predict(&list, &together, &[]).succeeded();
    assert_eq!(again.stdout.matches("\"skipped\"").count(), 7, "{}", again.stdout);
}

#[test]
fn more_processes_or_parts_than_pairs_are_told() {
    let toy = Toy::new(0, 2);
    let list = list(&toy, 2);
    let folder = Folder::new();
    let output = folder.text("results");
    let run = predict(&list, &output, &["--processes", "30"]).succeeded();
    assert!(run.stderr.contains("2 pairs: no more than 2 workers started"), "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 2);
    let run = predict(&list, &output, &["--shard", "0/99"]).succeeded();
    assert!(run.stderr.contains("part 0/99 of 2 pairs is empty"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    let eval = ["eval", "--processes", "30", "--limit", "2"].map(str::to_owned).to_vec();
    let run = lpmflow([eval, toy.flags()].concat()).succeeded();
    assert!(run.stderr.contains("of 30 processes 2 are started"), "{}", run.stderr);
}

#[test]
fn a_pair_that_fails_fails_alone_and_the_page_of_all_comes_from_the_whole_list() {
    let toy = Toy::new(0, 3);
    let list = list(&toy, 5);
    fs::write(toy.photos().join("1.png"), "no photo").unwrap();
    let output = Folder::new();
    let folder = output.text("results");
    let run = predict(&list, &folder, &["--format", "view.html", "--processes", "2"]);
    assert_eq!(run.stdout.lines().count(), 5);
    let error = run.failed_with(1);
    assert!(error.contains("1.png"), "{error}");
    let index = Path::new(&folder).join("index.html");
    assert!(index.exists() && error.contains(&format!("wrote `{}`", index.display())), "{error}");
    assert!(error.contains("3 pairs done, 0 done before, 2 failed"), "{error}");
    let error = predict("-", &folder, &["--processes", "2"]).failed_with(2);
    assert!(error.contains("name a file"), "{error}");
    let error = predict(&list, &folder, &["--shard", "2/2"]).failed_with(2);
    assert!(error.contains("a part is I/N"), "{error}");
}
