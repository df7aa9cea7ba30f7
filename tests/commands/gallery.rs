//! The pairs of a report, which open pages to point at.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::browser::seen;
use crate::command::lpmflow;
use crate::support::evaluation::text;
use crate::support::spair::TinySpair;

/// Done in each pair's page: what it says of a place, told to the report.
const INNER: &str = r#"
(async () => {
  while (!("ready" in document.documentElement.dataset)) await new Promise((go) => setTimeout(go, 20));
  const marks = document.querySelector("figure[data-side=source] .marks");
  while (!marks.clientWidth) await new Promise((go) => setTimeout(go, 20));
  const box = marks.getBoundingClientRect();
  const place = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2 };
  marks.dispatchEvent(new PointerEvent("pointermove", { ...place, pointerType: "mouse", bubbles: true }));
  const rows = [...document.querySelectorAll("table tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
  parent.postMessage({ said: document.getElementById("said").textContent, rows }, "*");
})();
"#;

/// Done in the report: opens every pair and waits for its page.
const OUTER: &str = r#"
(async () => {
  const told = [];
  addEventListener("message", (event) => told.push(event.data));
  const views = [...document.querySelectorAll("details.view")];
  for (const view of views) {
    view.open = true;
    view.scrollIntoView();
    const before = told.length;
    for (let tries = 0; told.length === before && tries < 400; tries++) {
      // The browser's time runs ahead while pictures are decoded: real time passes as well.
      for (let work = 0; work < 3e6; work++);
      await new Promise((go) => setTimeout(go, 20));
    }
  }
  document.body.append(`SEEN ${JSON.stringify({ views: views.length, told })} END`);
})();
"#;

/// A text as it stands in a quoted attribute.
fn quoted(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A small dataset, and the report of an evaluation with these flags.
fn report(flags: &[&str]) -> (TinySpair, PathBuf) {
    let dataset = TinySpair::write();
    let html = dataset.path("report.html");
    let root = text(dataset.data_root());
    let named = ["eval", "--dataset", "spair71k", "--data-root", root, "--html", text(&html)];
    lpmflow(named.into_iter().chain(flags.iter().copied())).succeeded();
    (dataset, html)
}

#[test]
fn pairs_open_in_a_browser_and_say_what_was_found() {
    let (_dataset, html) = report(&[]);
    let page = fs::read_to_string(&html).unwrap();
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("<script"));
    let inner = quoted(&format!("<script>{INNER}</script></body>"));
    fs::write(&html, page.replace(&quoted("</body>"), &inner)).unwrap();
    let Some(found) = seen(&html, "1200,900", OUTER) else { return };
    let told = found["told"].as_array().unwrap();
    assert!(!told.is_empty() && found["views"] == told.len(), "{found}");
    for view in told {
        let said = view["said"].as_str().unwrap();
        assert!(said.starts_with("Source (") && said.contains("target"), "{said}");
        let rows = view["rows"].as_array().unwrap();
        assert_eq!(rows[0][4], "pixels off");
        let number = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
        assert!(rows.len() > 1 && rows[1..].iter().all(|row| number(&row[4]) >= 0.0), "{rows:?}");
    }
}

#[test]
fn without_a_network_nothing_opens() {
    let (_dataset, html) = report(&["--baseline-model", "identity"]);
    let page = fs::read_to_string(&html).unwrap();
    assert!(page.contains("class=\"gallery\""));
    assert!(!page.contains("<iframe") && !page.contains("script-src"));
}
