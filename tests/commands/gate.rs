//! `eval --baseline` and `compare` as a gate, through the real binary: what fails, with which exit code, and what is
//! left of it in JUnit, Markdown and annotations.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::command::{Run, command, lpmflow, lpmflow_in};
use crate::support::evaluation::text;
use crate::support::spair::TinySpair;
use crate::training::child::wait;

/// What an earlier run left, as JUnit and as Markdown.
pub const GOOD_NEWS: [&str; 2] =
    ["<testsuites name=\"lpmflow eval\">good news</testsuites>\n", "## toy test: good news\n"];

/// Runs `eval` on the tiny dataset.
fn eval(dataset: &TinySpair, arguments: &[&str]) -> Run {
    lpmflow(dataset.evaluation(arguments))
}

#[test]
fn drop_below_the_baseline_exits_with_3_and_says_so_everywhere() {
    let dataset = TinySpair::write();
    let [good, bad] = [("good.jsonl", [3, 3, 3, 3, 3, 3]), ("bad.jsonl", [3, 3, 3, 3, 3, 2])]
        .map(|(name, right)| dataset.predictions(name, &right));
    let [before, after, junit] =
        ["before.json", "after.json", "junit.xml"].map(|name| dataset.path(name));
    eval(&dataset, &["--predictions", text(&good), "--report", text(&before)]);
    let judged = |max_drop: &str| {
        eval(
            &dataset,
            &[
                "--predictions",
                text(&bad),
                "--report",
                text(&after),
                "--baseline",
                text(&before),
                "--max-drop",
                max_drop,
                "--junit",
                text(&junit),
                "--markdown",
                "-",
            ],
        )
    };
    let Run { code, stdout, stderr } = judged("5");
    assert_eq!(code, 3, "{stderr}");
    let verdict = "regression: `standard` PCK@0.1 100.00 -> 94.44 (-5.56 points, 95 % interval";
    assert!(stdout.contains(verdict) && stderr.contains(verdict), "{stdout}{stderr}");
    assert!(fs::read_to_string(&junit).unwrap().contains("<failure type=\"regression\""));
    let Run { code, .. } = judged("6");
    assert_eq!(code, 0);
    assert!(!fs::read_to_string(&junit).unwrap().contains("<failure"));

    let compare = |arguments: &[&str]| lpmflow([&["compare"], arguments].concat());
    let both = [text(&before), text(&after)];
    let Run { code, stdout, .. } = compare(&both);
    assert_eq!(code, 0);
    assert!(stdout.contains("standard        0.1  100.00  94.44   -5.56"), "{stdout}");
    assert_eq!(compare(&[both[0], both[1], "--max-drop", "5"]).code, 3);
    assert_eq!(compare(&[both[1], both[0], "--max-drop", "0"]).code, 0);
    let Run { code, stdout, .. } =
        compare(&[both[0], both[1], "--json", "--protocol", "paper", "--alpha", "0.05"]);
    let comparison: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &comparison["headline"]["protocol"]), (0, &"paper".into()));
}

#[test]
fn set_up_that_fails_is_told_by_code_junit_markdown_and_annotation() {
    let dataset = TinySpair::write();
    let [report, junit, markdown] =
        ["report.json", "junit.xml", "summary.md"].map(|name| dataset.path(name));
    let good = dataset.predictions("good.jsonl", &[3, 3, 3, 3, 3, 3]);
    eval(&dataset, &["--predictions", text(&good), "--report", text(&report)]).succeeded();
    let run = |arguments: &[&str]| {
        let outputs = ["--junit", text(&junit), "--markdown", text(&markdown)];
        let arguments = dataset.evaluation(&[&outputs, arguments].concat());
        lpmflow_in(&[("GITHUB_ACTIONS", "true")], arguments)
    };
    let foreign = dataset.path("foreign.json");
    let other = fs::read_to_string(&report).unwrap().replace("spair71k", "toy");
    fs::write(&foreign, other).unwrap();
    let photo = dataset.photo("dog/z.png");
    let told = |arguments: &[&str], code: i32, kind: &str, expected: &str| {
        let error = run(arguments).failed_with(code);
        let xml = fs::read_to_string(&junit).unwrap();
        let document = roxmltree::Document::parse(&xml).unwrap();
        let element = document.descendants().find(|node| node.has_tag_name("error")).unwrap();
        assert_eq!(element.attribute("type"), Some(kind));
        assert!(element.attribute("message").unwrap().contains(expected), "{xml}");
        let summary = fs::read_to_string(&markdown).unwrap();
        assert!(summary.contains("❌") && summary.contains(expected), "{summary}");
        let line = error.lines().find(|line| line.starts_with("::error ")).unwrap();
        let title = if kind == "failed" { "lpmflow failed" } else { kind };
        assert!(line.starts_with(&format!("::error title={title}::")), "{error}");
        [&junit, &markdown].iter().for_each(|path| fs::remove_file(path).unwrap());
    };
    let identity = ["--baseline-model", "identity", "--baseline"];
    let with = |path| [&identity[..], &[path]].concat();
    told(&with(text(&foreign)), 5, "baseline-unusable", "different datasets: `toy` and `spair71k`");
    told(&with("absent.json"), 5, "baseline-unusable", "reading report `absent.json`");
    told(&["--weights", "absent.pth"], 1, "failed", "absent.pth");
    let bytes = fs::read(&photo).unwrap();
    fs::write(&photo, &bytes[..bytes.len() / 2]).unwrap();
    told(&[], 4, "data-unusable", "z.png");
    fs::remove_file(&photo).unwrap();
    told(&with(text(&report)), 4, "data-unusable", "z.png");

    // What would take the place of an input is not written, whatever fails.
    let list = dataset.data_root().join("SPair-71k/Layout/large/test.txt");
    let before = fs::read_to_string(&list).unwrap();
    let arguments = ["--baseline-model", "identity", "--junit", text(&list)];
    eval(&dataset, &arguments).failed_with(4);
    assert_eq!(fs::read_to_string(&list).unwrap(), before);
}

#[test]
fn conditions_fail_one_by_one_and_are_annotated() {
    let dataset = TinySpair::write();
    let [good, bad] = [("good.jsonl", [3, 3, 3, 3, 3, 3]), ("bad.jsonl", [3, 2, 2, 2, 1, 2])]
        .map(|(name, right)| dataset.predictions(name, &right));
    let [before, junit] = ["before.json", "junit.xml"].map(|name| dataset.path(name));
    eval(&dataset, &["--predictions", text(&good), "--report", text(&before)]).succeeded();
    // As the runner calls it, from wherever it is named.
    let named = dataset.path("SPair-71k/../before.json");
    let fixed = ["--predictions", text(&bad), "--baseline", text(&named), "--junit", text(&junit)];
    let conditions = ["--max-drop", "40", "--max-drop-category", "40", "--fail-if", "significant"];
    let flags = [&fixed[..], &conditions, &["--alphas", "all", "--protocol", "standard"]].concat();
    let runner = [("GITHUB_ACTIONS", "true"), ("GITHUB_WORKSPACE", text(dataset.data_root()))];
    let run = lpmflow_in(&runner, dataset.evaluation(&flags));
    assert_eq!(run.code, 3, "{}", run.stderr);
    let xml = fs::read_to_string(&junit).unwrap();
    let document = roxmltree::Document::parse(&xml).unwrap();
    let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
    let failing: Vec<_> = cases
        .filter(|case| case.children().any(|node| node.has_tag_name("failure")))
        .map(|case| case.attribute("name").unwrap())
        .collect();
    let names = ["0.05", "0.1", "0.15"].map(|alpha| {
        [format!("significant PCK@{alpha}"), format!("max-drop-category PCK@{alpha} dog")]
    });
    assert_eq!(failing.len(), 6, "{xml}");
    assert!(names.iter().flatten().all(|name| failing.contains(&name.as_str())), "{failing:?}");
    let annotations: Vec<_> =
        run.stderr.lines().filter(|line| line.starts_with("::error file=")).collect();
    assert_eq!(annotations.len(), 6, "{}", run.stderr);
    let first = "::error file=before.json,title=accuracy fell::significant PCK@0.05";
    assert!(annotations[0].starts_with(first), "{annotations:?}");
    assert!(run.stdout.contains("5 pairs got worse, 0 pairs got better"), "{}", run.stdout);
    let usage = eval(&dataset, &["--fail-if", "significant"]).failed_with(2);
    assert!(usage.contains("--baseline REPORT"), "{usage}");
}

#[test]
fn flags_that_would_judge_nothing_are_refused() {
    let dataset = TinySpair::write();
    let [before, good] = ["before.json", "good.jsonl"].map(|name| dataset.path(name));
    dataset.predictions("good.jsonl", &[3; 6]);
    eval(&dataset, &["--predictions", text(&good), "--report", text(&before)]).succeeded();
    let mistaken = |run: Run, expected: &str| {
        let usage = run.failed_with(2);
        assert!(usage.contains(expected), "{usage}");
    };
    let evaluated = ["--predictions", text(&good), "--baseline", text(&before), "--alphas", "all"];
    mistaken(eval(&dataset, &evaluated), "conditions are on, and there is none: --max-drop");
    let compared = ["compare", text(&before), text(&before)];
    let compare = |more: &[&str]| lpmflow([&compared[..], more].concat());
    mistaken(compare(&["--alphas", "0.1"]), "conditions are on, and there is none: --max-drop");
    mistaken(compare(&["--names", "A,A"]), "--names calls two reports `A`");
    mistaken(compare(&["--names", ",A"]), "--names leaves a report without one");
    let identity = ["--baseline-model", "identity", "--quality", "fine"];
    mistaken(eval(&dataset, &identity), "cannot be used with '--quality");
}

#[test]
fn what_a_baseline_lacks_is_told_before_anything_is_scored() {
    let dataset = TinySpair::write();
    let [before, bare, junit] =
        ["before.json", "bare.json", "junit.xml"].map(|name| dataset.path(name));
    let good = dataset.predictions("good.jsonl", &[3; 6]);
    let scored = ["--predictions", text(&good), "--protocol", "standard", "--alpha", "0.05,0.1"];
    for (file, more) in [(&before, None), (&bare, Some("--no-pairs"))] {
        let report = ["--report", text(file)];
        let more: Vec<&str> = more.into_iter().collect();
        eval(&dataset, &[&scored[..], &report, &more].concat()).succeeded();
    }
    // Weights that are not there are noticed before the first pair, and what comes before that is told first.
    let refused = |baseline: &Path, flags: &str, code: i32, expected: &str| {
        let fixed =
            ["--weights", "absent.pth", "--baseline", text(baseline), "--junit", text(&junit)];
        let flags: Vec<&str> = flags.split_whitespace().collect();
        let error = eval(&dataset, &[&fixed[..], &flags].concat()).failed_with(code);
        assert!(error.contains(expected), "{error}");
        assert!(fs::read_to_string(&junit).unwrap().contains("<error "));
    };
    let alpha = "it has no score at alpha 0.15, which --alphas names: it has 0.05, 0.1";
    refused(&before, "--max-drop 1 --alphas 0.15", 5, alpha);
    let own = "--alphas 0.15: scores are at 0.05, 0.1 (see --alpha)";
    refused(&before, "--alpha 0.05,0.1 --max-drop 1 --alphas 0.15", 2, own);
    let pairs = "scores of single pairs, which it does not hold: write it again without --no-pairs";
    refused(&bare, "--fail-if significant", 5, pairs);
    let decides = "it has no score at alpha 0.3, which decides here: it has 0.05, 0.1";
    refused(&before, "--alpha 0.3", 5, decides);
    let protocol = "not scored under `paper`, which decides here, but under `standard`";
    refused(&before, "--protocol paper", 5, protocol);
}

#[test]
fn predictions_that_lack_what_the_baseline_has_are_unusable_data() {
    let dataset = TinySpair::write();
    let [before, junit] = ["before.json", "junit.xml"].map(|name| dataset.path(name));
    let all = dataset.predictions("all.jsonl", &[3; 6]);
    let some = dataset.predictions("some.jsonl", &[3; 4]);
    eval(&dataset, &["--predictions", text(&all), "--report", text(&before)]).succeeded();
    let judged = |predictions: &Path, baseline: &Path| {
        let fixed = ["--predictions", text(predictions), "--baseline", text(baseline)];
        eval(&dataset, &[&fixed[..], &["--max-drop", "1", "--junit", text(&junit)]].concat())
    };
    let error = judged(&some, &before).failed_with(4);
    let told =
        "the baseline has all 6 pairs, and of these 2 have no prediction and 0 were left out";
    assert!(error.contains(told), "{error}");
    let xml = fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("<error type=\"data-unusable\"") && xml.contains(told), "{xml}");
    // A baseline of the same pairs does, and one of others is the one that is to be made again.
    let few = dataset.path("few.json");
    eval(&dataset, &["--predictions", text(&some), "--report", text(&few)]).succeeded();
    judged(&some, &few).succeeded();
    let error = judged(&all, &few).failed_with(5);
    assert!(error.contains("they cover different pairs or annotations"), "{error}");
}

#[test]
fn an_error_takes_the_place_of_nothing_else() {
    let dataset = TinySpair::write();
    let (list, new) = (dataset.path("list.txt"), dataset.data_root().join("SPair-71k/new.xml"));
    fs::write(&list, "a list of pairs").unwrap();
    for flag in ["--junit", "--markdown"] {
        let unknown = ["--datasets", "absent.toml", flag, text(&list)];
        eval(&dataset, &[&["--baseline-model", "identity"], &unknown[..]].concat()).failed_with(1);
        assert_eq!(fs::read_to_string(&list).unwrap(), "a list of pairs");
    }
    // A new file in the dataset's folder replaces nothing.
    eval(&dataset, &["--baseline-model", "identity", "--junit", text(&new)]).succeeded();
    assert!(fs::read_to_string(&new).unwrap().contains("errors=\"0\""));
}

#[test]
fn good_news_of_an_earlier_run_do_not_stay() {
    let dataset = TinySpair::write();
    let [junit, markdown] = ["junit.xml", "summary.md"].map(|name| dataset.path(name));
    let outputs =
        ["--baseline-model", "identity", "--junit", text(&junit), "--markdown", text(&markdown)];
    let bad_news = |more: &[&str], code: i32, expected: &str| {
        GOOD_NEWS
            .iter()
            .zip([&junit, &markdown])
            .for_each(|(news, file)| fs::write(file, news).unwrap());
        let run = lpmflow(dataset.evaluation(&[&outputs[..], more].concat()));
        assert_eq!(run.code, code, "{}", run.stderr);
        for file in [&junit, &markdown] {
            let written = fs::read_to_string(file).unwrap();
            assert!(written.contains(expected) && !written.contains("good news"), "{written}");
        }
    };
    bad_news(&["--max-drop", "1"], 2, "conditions need something to compare with");
    bad_news(&["--report", "/nonexistent/report.json"], 1, "/nonexistent/report.json");
    // What could be measured stands beside what could not be written.
    bad_news(&["--report", "/dev/full"], 1, "/dev/full");
    let xml = fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("name=\"all pairs\"") && xml.contains("errors=\"1\""), "{xml}");
    assert!(fs::read_to_string(&markdown).unwrap().contains("| protocol |"));
}

#[test]
fn an_evaluation_that_is_stopped_says_that_it_did_not_end() {
    let dataset = TinySpair::write();
    let junit = dataset.path("junit.xml");
    fs::write(&junit, GOOD_NEWS[0]).unwrap();
    // It waits for predictions until it is killed.
    let waiting = dataset.evaluation(&["--predictions", "-", "--junit", text(&junit)]);
    let mut child = command(waiting).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let begun = || fs::read_to_string(&junit).is_ok_and(|xml| xml.contains("<error "));
    assert!(wait(&mut child, begun), "it ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    let xml = fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("it has not come to its end"), "{xml}");
}

#[test]
fn a_comparison_tells_its_verdict_on_its_page_and_in_markdown() {
    let dataset = TinySpair::write();
    let [before, after, page, summary] =
        ["before.json", "after.json", "page.html", "summary.md"].map(|name| dataset.path(name));
    for (report, right) in [(&before, 3), (&after, 2)] {
        let predictions = dataset.predictions("predictions.jsonl", &[right; 6]);
        eval(&dataset, &["--predictions", text(&predictions), "--report", text(report)])
            .succeeded();
    }
    let outputs = ["--html", text(&page), "--markdown", text(&summary)];
    let compare = |reports: [&str; 2], more: &[&str]| {
        lpmflow([&["compare"], &reports[..], &outputs, more].concat())
    };
    let judged = ["--max-drop", "1", "--fail-if", "significant", "--alphas", "all"];
    assert_eq!(compare([text(&before), text(&after)], &judged).code, 3);
    for file in [&page, &summary] {
        let written = fs::read_to_string(file).unwrap();
        let verdict = written.find("regression: ").expect("there is a verdict");
        assert!(verdict < written.find("Scores").or(written.find("| `standard` |")).unwrap());
        assert!(written.contains("98.33 % interval"), "{written}");
    }
    compare([text(&before), "absent.json"], &[]).failed_with(4);
    assert!(fs::read_to_string(&summary).unwrap().starts_with("## comparison: no result"));
    // Of three, the later ones may lack pairs as well.
    let some = dataset.predictions("some.jsonl", &[3; 4]);
    let few = dataset.path("few.json");
    eval(&dataset, &["--predictions", text(&some), "--report", text(&few)]).succeeded();
    let error = compare([text(&before), text(&few)], &[]).failed_with(4);
    assert!(error.contains("of the later, 2 had no prediction and 0 were left out"), "{error}");
    lpmflow(["compare", text(&before), text(&after), text(&few)]).failed_with(4);
}
