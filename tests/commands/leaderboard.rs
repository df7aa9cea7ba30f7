//! Several reports side by side, what changed between two, and all pairs to look through.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::browser::seen;
use crate::command::{lpmflow, names};
use crate::support::evaluation::{assert_satisfies, assert_satisfies_schema, json, text};
use crate::support::spair::TinySpair;

/// Reports on predictions of which as many keypoints of each pair are right as these say.
fn reports<const N: usize>(systems: [(&str, [usize; 6]); N]) -> (TinySpair, [PathBuf; N]) {
    let dataset = TinySpair::write();
    let reports = systems.map(|(name, right)| {
        let predictions = dataset.predictions(&format!("{name}.jsonl"), &right);
        let report = dataset.path(&format!("{name}.json"));
        let flags = ["--predictions", text(&predictions), "--report", text(&report)];
        lpmflow(dataset.evaluation(&flags)).succeeded();
        report
    });
    (dataset, reports)
}

/// A good system, a middling and a bad one.
fn three() -> (TinySpair, [PathBuf; 3]) {
    reports([("good", [3, 3, 3, 3, 2, 3]), ("middling", [3, 2, 2, 3, 2, 1]), ("bad", [0; 6])])
}

#[test]
fn a_report_says_more_than_pck_and_each_pair_stands_in_its_line() {
    let dataset = TinySpair::write();
    let predictions = dataset.path("sure.jsonl");
    // The first keypoint of every pair lies where its twin is, and is sure of that.
    let line = |index: usize| {
        format!(
            "{{\"index\": {index}, \"predicted\": [[30, 20], [30, 20], [45, 41]], \"confidence\": [0.9, 0.8, 0.95]}}\n"
        )
    };
    fs::write(&predictions, (0..6).map(line).collect::<String>()).unwrap();
    let [report, markdown, html] =
        ["report.json", "report.md", "report.html"].map(|name| dataset.path(name));
    let run = lpmflow(dataset.evaluation(&[
        "--predictions",
        text(&predictions),
        "--report",
        text(&report),
        "--markdown",
        text(&markdown),
        "--html",
        text(&html),
    ]))
    .succeeded();
    let written = json(&report);
    assert_satisfies_schema(&written);
    let errors = &written["protocols"][0]["errors"];
    assert_eq!((&errors["pixels"]["0.5"], &errors["all_wrong"]["0.1"]), (&1.0.into(), &0.into()));
    assert_eq!(written["parts"]["cat"]["0"]["pck"]["0.1"], 0.0);
    assert_eq!(written["parts"]["cat"]["2"]["keypoints"], 3);
    // Of the parts 0, 1 and 2 the first two are twins by the catalog.
    assert_eq!(written["exchanges"]["overall"]["exchanged"], 6);
    assert_eq!(written["exchanges"]["overall"]["percent"], 50.0);
    assert_eq!(written["confidence"]["keypoints"], 18);
    assert_eq!(written["pairs"][2]["errors"]["standard"][2], 0.025);
    assert_eq!(written["pairs"][2]["predicted"][2], serde_json::json!([45.0, 41.0]));
    let lines = fs::read_to_string(&report).unwrap();
    assert_eq!(lines.lines().filter(|line| line.trim_start().starts_with("{\"index\"")).count(), 6);
    for said in ["error: half within 1.0 px", "left and right exchanged: 6 of 12", "area under ROC"]
    {
        assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
        assert!(fs::read_to_string(&markdown).unwrap().contains(said), "{said}");
    }
    let page = fs::read_to_string(&html).unwrap();
    assert!(
        page.contains("By part") && page.contains("reliability") && page.contains("How far off")
    );
}

#[test]
fn three_reports_become_a_leaderboard_in_every_form() {
    let (dataset, [good, middling, bad]) = three();
    let [markdown, latex, html] = ["b.md", "b.tex", "b.html"].map(|name| dataset.path(name));
    let all = ["compare", text(&good), text(&middling), text(&bad)];
    let outputs = ["--markdown", text(&markdown), "--latex", text(&latex), "--html", text(&html)];
    let stdout = lpmflow([&all[..], &outputs].concat()).succeeded().stdout;
    assert!(
        stdout.contains("94.4*") && stdout.contains("good against bad: +94.44 points"),
        "{stdout}"
    );
    assert!(stdout.contains("Holm"), "{stdout}");
    for (file, wanted) in [
        (&markdown, "| good | **94.4** ("),
        (&latex, "good & \\textbf{94.4}"),
        (&html, "<strong>94.4</strong>"),
    ] {
        let written = fs::read_to_string(file).unwrap();
        assert!(written.contains(wanted), "{wanted}: {written}");
    }
    let named = [&all[..], &["--names", "A,B,C & D", "--json"]].concat();
    let board: Value = serde_json::from_str(&lpmflow(named).succeeded().stdout).unwrap();
    assert_satisfies(include_str!("../../src/eval/leaderboard/leaderboard.schema.json"), &board);
    assert_eq!(board["systems"][2]["name"], "C & D");
    assert_eq!(board["tables"][0]["rows"][0][1]["best"], true);

    for (flags, why) in [
        (&["--max-drop", "1"][..], "give two"),
        (&["--names", "A,B"], "2 names for 3 reports"),
        (&["--json", "--markdown", "-"], "both want stdout"),
    ] {
        let run = lpmflow([&all[..], flags].concat());
        assert!(run.code == 2 && run.stderr.contains(why), "{}", run.stderr);
    }
    let onto_itself = lpmflow([&all[..], &["--markdown", text(&bad)]].concat());
    assert!(onto_itself.stderr.contains("would overwrite the input"), "{}", onto_itself.stderr);
}

#[test]
fn two_reports_are_compared_as_ever_and_the_page_shows_what_changed() {
    let (dataset, [before, after]) =
        reports([("before", [3, 3, 3, 3, 3, 3]), ("after", [3, 3, 1, 3, 3, 3])]);
    let html = dataset.path("changed.html");
    let root = text(dataset.data_root());
    let compared = ["compare", text(&before), text(&after), "--html", text(&html)];
    let run = lpmflow([&compared[..], &["--data-root", root, "--max-drop", "20"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("no regression: "), "{}", run.stdout);
    let page = fs::read_to_string(&html).unwrap();
    assert!(page.contains("of 18 keypoints 0 are gained and 2 lost"), "{page}");
    assert!(page.contains("Most lost") && !page.contains("Most gained"));
    assert!(page.contains("100 % → 33 %") && page.contains("data:image/jpeg"));
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("<script"));

    // Without the photos there are none, and that is said.
    let run = lpmflow([&compared[..], &["--data-root", "nowhere"]].concat());
    assert!(run.code == 0 && run.stderr.contains("the page has no pictures"), "{}", run.stderr);
    assert!(fs::read_to_string(&html).unwrap().contains("2 lost"));
    let browse = dataset.path("all.html");
    let run = lpmflow([
        "compare",
        text(&before),
        text(&after),
        "--browse",
        text(&browse),
        "--data-root",
        "nowhere",
    ]);
    assert!(run.code == 4 && run.stderr.contains("(--data-root)"), "{}", run.stderr);
    assert!(!browse.exists());
}

/// Done in the page: chooses, looks, opens a pair and points at a keypoint.
const LOOK: &str = r##"
(async () => {
  while (!("ready" in document.documentElement.dataset)) await new Promise((go) => setTimeout(go, 20));
  const element = (id) => document.getElementById(id);
  const cards = () => [...document.querySelectorAll(".card")].map((card) => card.querySelector(".caption").textContent);
  const choose = (id, value) => {
    element(id).value = value;
    element(id).dispatchEvent(new Event("change", { bubbles: true }));
    return { count: element("count").textContent, cards: cards() };
  };
  const seen = { first: { count: element("count").textContent, cards: cards() } };
  seen.lost = choose("show", "lost");
  choose("show", "");
  seen.part = choose("part", "2");
  choose("part", "");
  seen.hard = choose("viewpoint", "2");
  choose("viewpoint", "");
  seen.judge = element("judge").textContent;
  seen.alone = choose("other", "");
  seen.judgeAlone = element("judge").textContent;
  choose("other", "1");
  document.querySelector(".card .caption").click();
  const rows = [...document.querySelectorAll("#large tbody tr")];
  seen.rows = rows.map((row) => row.textContent);
  seen.panes = document.querySelectorAll("#large svg.shot").length;
  rows[2].click();
  seen.said = element("said").textContent;
  seen.lit = document.querySelectorAll("#large .lit").length;
  const target = document.querySelectorAll("#large svg.shot")[1];
  document.querySelector("#large [aria-label='Zoom in']").click();
  seen.zoomed = [1, 2].map((place) => document.querySelectorAll("#large svg.shot")[place].getAttribute("viewBox"));
  document.querySelector("#large [aria-label='The next pair']").click();
  seen.next = document.querySelector("#large .title").textContent;
  document.body.append(`SEEN ${JSON.stringify(seen)} END`);
})();
"##;

#[test]
fn all_pairs_can_be_looked_through_in_a_browser_sorted_filtered_and_large() {
    let (dataset, [good, middling]) =
        reports([("good", [3, 3, 3, 3, 2, 3]), ("middling", [3, 2, 2, 3, 2, 0])]);
    let page = dataset.path("all.html");
    let root = text(dataset.data_root());
    let flags =
        ["compare", text(&good), text(&middling), "--browse", text(&page), "--data-root", root];
    lpmflow(flags).succeeded();
    let written = fs::read_to_string(&page).unwrap();
    assert!(!written.contains("http:") && !written.contains("https:"));
    for window in ["1200,900", "390,800"] {
        let Some(found) = seen(&page, window, LOOK) else { return };
        let cards = |step: &str| found[step]["cards"].as_array().unwrap().len();
        assert_eq!(
            (cards("first"), cards("lost"), cards("hard"), cards("alone")),
            (6, 3, 2, 6),
            "{found}"
        );
        let count = found["first"]["count"].as_str().unwrap();
        assert_eq!(
            count,
            "6 of 6 pairs, 18 keypoints; right, all keypoints counted alike: good 94.4 %, middling 66.7 %"
        );
        let part = found["part"]["count"].as_str().unwrap();
        assert_eq!(
            part,
            "6 of 6 pairs, 6 keypoints; right, all keypoints counted alike: good 83.3 %, middling 33.3 %"
        );
        let judged = [&found["judge"], &found["judgeAlone"]].map(|text| text.as_str().unwrap());
        let told = ["middling", "good"]
            .map(|name| format!("on the source: right and wrong answers of {name}"));
        assert_eq!(judged, told);
        assert_eq!((&found["panes"], &found["lit"]), (&3.into(), &4.into()), "{found}");
        let said = found["said"].as_str().unwrap();
        assert!(
            said.starts_with("3. 2. good: wrong, off by ") && said.contains("middling: wrong"),
            "{said}"
        );
        assert_eq!(found["zoomed"][0], found["zoomed"][1]);
        assert!(!found["zoomed"][0].as_str().unwrap().ends_with(" 64 48"), "{found}");
        assert!(found["next"].as_str().unwrap().starts_with("2 of 6: "), "{found}");
    }
}

#[test]
fn the_pairs_of_one_evaluation_can_be_looked_through_too() {
    let dataset = TinySpair::write();
    let page = dataset.path("all.html");
    lpmflow(dataset.evaluation(&["--baseline-model", "identity", "--browse", text(&page)]))
        .succeeded();
    let written = fs::read_to_string(&page).unwrap();
    assert!(written.contains(r#""systems":["identity"]"#) && !written.contains("id=\"other\""));
}

#[test]
fn a_folder_has_a_page_for_each_category_and_none_of_an_earlier_run() {
    let (dataset, [good, bad]) = reports([("good", [3; 6]), ("bad", [3, 2, 1, 0, 0, 0])]);
    let folder = dataset.path("pages");
    let root = text(dataset.data_root());
    let flags =
        ["compare", text(&good), text(&bad), "--browse", text(&folder), "--data-root", root];
    for _ in 0..2 {
        lpmflow(flags).succeeded();
        assert_eq!(names(&folder), ["01-cat.html", "02-dog.html", "index.html"]);
    }
    let index = fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(index.contains("<a href=\"01-cat.html\">cat</a>") && index.contains("66.7"), "{index}");
    // What is not its own, or a page by itself, stays.
    let own = ["03-mine.html", "worst.html", "notes.txt"];
    own.iter().for_each(|name| fs::write(folder.join(name), "<p>mine</p>").unwrap());
    fs::copy(folder.join("01-cat.html"), folder.join("all.html")).unwrap();
    let of_dogs = ["--baseline-model", "identity", "--category", "dog", "--browse", text(&folder)];
    lpmflow(dataset.evaluation(&of_dogs)).succeeded();
    let left = ["01-dog.html", "03-mine.html", "all.html", "index.html", "notes.txt", "worst.html"];
    assert_eq!(names(&folder), left);
    fs::write(folder.join("index.html"), "<p>mine</p>").unwrap();
    let run = lpmflow(flags);
    assert!(run.code == 1 && run.stderr.contains("is no such page"), "{}", run.stderr);
}

#[test]
fn many_pairs_have_a_page_of_the_worst_until_they_are_few() {
    let dataset = TinySpair::write();
    let list = dataset.data_root().join("SPair-71k/Layout/large/test.txt");
    let six = fs::read_to_string(&list).unwrap();
    let folder = dataset.path("pages");
    let browse = ["--baseline-model", "identity", "--browse", text(&folder)];
    fs::write(&list, six.repeat(51)).unwrap();
    lpmflow(dataset.evaluation(&browse)).succeeded();
    assert_eq!(names(&folder), ["01-cat.html", "02-dog.html", "index.html", "worst.html"]);
    let index = fs::read_to_string(folder.join("index.html")).unwrap();
    assert!(index.contains("<a href=\"worst.html\">The 300 worst of all</a>"), "{index}");
    fs::write(&list, six).unwrap();
    lpmflow(dataset.evaluation(&browse)).succeeded();
    assert_eq!(names(&folder), ["01-cat.html", "02-dog.html", "index.html"]);
    assert!(!fs::read_to_string(folder.join("index.html")).unwrap().contains("worst"));
}

#[test]
fn reports_of_one_name_are_told_apart_by_their_folders() {
    let (dataset, [one]) = reports([("one", [3; 6])]);
    let identity = ["--baseline-model", "identity", "--report"];
    let third = dataset.path("third.json");
    lpmflow(dataset.evaluation(&[&identity[..], &[text(&third)]].concat())).succeeded();
    let reports = ["ra", "rb", "rc"].map(|name| dataset.path(name).join("report.json"));
    for (from, to) in [&one, &third, &third].into_iter().zip(&reports) {
        fs::create_dir(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
    let [ra, rb, rc] = reports.each_ref().map(|path| text(path));
    let run = lpmflow(["compare", ra, rb, rc, "--json"]).succeeded();
    let board: Value = serde_json::from_str(&run.stdout).unwrap();
    let named: Vec<&Value> =
        board["systems"].as_array().unwrap().iter().map(|system| &system["name"]).collect();
    assert_eq!(named, ["one", "identity (rb/report)", "identity (rc/report)"]);
}
