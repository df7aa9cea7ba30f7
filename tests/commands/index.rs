//! The page that lists the pairs of a list.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::browser::seen;
use crate::command::{Run, command, lpmflow, names, write};
use crate::support::files::Folder;

const LIST: &str = "a.png,b.png\nb.png,a.png\na.png,a.png\na.png,gone.png\nalone\n";

fn photos() -> Folder {
    let folder = Folder::new();
    folder.photo("a.png", 300, 200);
    let mut other = image::open(folder.path("a.png")).unwrap().into_rgb8();
    image::imageops::invert(&mut other);
    image::imageops::rotate90(&other).save(folder.path("b.png")).unwrap();
    folder
}

fn run(folder: &Folder, list: &str, formats: &[&str]) -> Run {
    let list = write(folder, "pairs.csv", list);
    let out = folder.text("out");
    let formats = formats.iter().flat_map(|format| ["--format", format]);
    lpmflow(["predict", "--pairs", &list, "--output-dir", &out].into_iter().chain(formats))
}

/// What stands in quotes behind each `name=` of a page.
fn values<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let parts = page.split(&format!(" {name}=\"")).skip(1).collect::<Vec<_>>();
    parts.into_iter().map(|part| part.split('"').next().unwrap()).collect()
}

#[test]
fn a_list_with_pages_has_one_that_leads_to_all_of_them() {
    let folder = photos();
    let first = run(&folder, LIST, &["view.html", "warp.png"]);
    let log = first.failed_with(1);
    assert!(log.contains("index.html`, the page that lists all pairs"), "{log}");
    let page = fs::read_to_string(folder.path("out/index.html")).unwrap();
    for address in ["http:", "https:", "src="] {
        assert!(!page.contains(address), "{address} in the page");
    }
    let links: Vec<&str> =
        values(&page, "href").into_iter().filter(|link| *link != "data:,").collect();
    for link in &links {
        let there = match link.strip_prefix('#') {
            Some(id) => page.contains(&format!("id=\"{id}\"")),
            None => folder.path("out").join(link).is_file(),
        };
        assert!(there, "{link} leads nowhere");
    }
    let listed = names(&folder.path("out"));
    assert!(
        listed.iter().all(|name| name == "index.html" || links.contains(&&**name)),
        "{listed:?}"
    );
    // Each photo once, and the pairs that match best first: a photo and itself.
    assert_eq!(page.matches("background-image:url(data:image/jpeg").count(), 2);
    assert_eq!(values(&page, "data-name")[0], "a-to-a");
    assert!(page.contains("2 pairs failed") && page.contains("gone.png`: No such file"), "{page}");
    assert!(page.contains("line 5") && page.contains("expected two columns"));
    assert!(!page.contains("The run ended early"));

    // What an earlier run did is there as well.
    let again = run(&folder, LIST, &["view.html", "warp.png"]).failed_with(1);
    assert!(again.contains("0 pairs done, 3 done before"), "{again}");
    assert_eq!(fs::read_to_string(folder.path("out/index.html")).unwrap(), page);
}

#[test]
fn the_page_is_no_surprise_and_replaces_nothing_else() {
    let folder = photos();
    run(&folder, "a.png,b.png\n", &["warp.png"]).succeeded();
    assert_eq!(names(&folder.path("out")), ["a-to-b.json", "a-to-b.warp.png"]);
    fs::write(folder.path("out/index.html"), "<html>mine</html>").unwrap();
    let refused = run(&folder, "a.png,b.png\n", &["view.html"]).failed_with(1);
    assert!(refused.contains("index.html` is there and is no such page"), "{refused}");
    assert_eq!(fs::read_to_string(folder.path("out/index.html")).unwrap(), "<html>mine</html>");
    assert!(!folder.path("out/a-to-b.view.html").exists());
}

const SCRIPT: &str = r##"
(async () => {
  while (!("ready" in document.documentElement.dataset)) await new Promise((go) => setTimeout(go, 20));
  const element = (id) => document.getElementById(id);
  const shown = () => [...document.querySelectorAll("#pairs > li")].filter((item) => !item.hidden)
    .map((item) => item.dataset.name);
  const change = (id, value, type) => {
    element(id).value = value;
    element(id).dispatchEvent(new Event(type, { bubbles: true }));
    return shown();
  };
  const found = { best: shown() };
  found.worst = change("order", "worst", "change");
  found.name = change("order", "name", "change");
  found.one = change("find", "A-TO-B", "input");
  found.count = element("count").textContent;
  found.none = change("find", "cat", "input");
  found.told = !element("none").hidden;
  change("find", "", "input");
  const sure = [...document.querySelectorAll("#pairs .sure b")].map((text) => Number(text.textContent));
  found.sure = sure;
  found.pictures = [...document.querySelectorAll(".photo")]
    .filter((photo) => getComputedStyle(photo).backgroundImage.startsWith("url(\"data:image/jpeg")).length;
  found.fits = document.documentElement.scrollWidth <= window.innerWidth;
  document.body.append(`SEEN ${JSON.stringify(found)} END`);
})();
"##;

#[test]
fn the_page_sorts_and_finds_in_a_browser() {
    let folder = photos();
    run(&folder, LIST, &["view.html"]).failed_with(1);
    let page = folder.path("out/index.html");
    for window in ["1200,900", "500,900"] {
        let Some(found) = seen(&page, window, SCRIPT) else { return };
        let names =
            |key: &str| -> Vec<String> { serde_json::from_value(found[key].clone()).unwrap() };
        let (best, mut worst) = (names("best"), names("worst"));
        worst.reverse();
        assert_eq!((best[0].as_str(), &best), ("a-to-a", &worst));
        assert_eq!(names("name"), ["a-to-a", "a-to-b", "b-to-a"]);
        assert_eq!((names("one"), names("none")), (vec!["a-to-b".to_owned()], Vec::new()));
        assert_eq!(found["count"], "1 of 3 shown");
        let sure: Vec<f64> = serde_json::from_value(found["sure"].clone()).unwrap();
        // By name: a photo with itself comes first.
        assert!(sure.len() == 3 && sure[0] > 0.8 && sure[0] > sure[1], "{sure:?}");
        let rest = [&found["told"], &found["fits"], &found["pictures"]];
        assert_eq!(rest, [&Value::from(true), &Value::from(true), &Value::from(6)]);
    }
}

#[test]
fn an_interrupted_run_leaves_the_page_of_what_is_there() {
    let folder = photos();
    let list = write(&folder, "pairs.csv", "a.png,b.png\n".repeat(400));
    let output = folder.text("out");
    let mut child =
        command(["predict", "--pairs", &list, "--output-dir", &output, "--format", "view.html"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let done = 1 + std::io::read_to_string(stdout).unwrap().lines().count();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let page = fs::read_to_string(folder.path("out/index.html")).unwrap();
    assert_eq!(values(&page, "data-name").len(), done);
    let missing = format!("The run ended early, before {} pairs of the list", 400 - done);
    assert!(page.contains(&missing), "{missing}");
}
