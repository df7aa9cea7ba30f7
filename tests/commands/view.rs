//! The page that `predict` writes, and what it does in a browser.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::browser::seen;
use crate::command::{Run, command, ended, lpmflow, names};
use crate::support::files::Folder;

/// The camels of README.
const PHOTOS: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo/source.png"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/demo/target.png"),
];

/// Runs `lpmflow` in a folder.
fn in_folder(folder: &Folder, arguments: &[&str]) -> Run {
    ended(command(arguments).current_dir(folder.path("")).output().unwrap())
}

#[test]
fn without_outputs_a_page_is_written_but_never_over_another_file() {
    let folder = Folder::new();
    let pair = ["predict", PHOTOS[0], PHOTOS[1]];
    let run = in_folder(&folder, &pair);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(run.stderr.contains("wrote `view.html`\n"), "{}", run.stderr);
    assert!(run.stderr.contains(" of the photo corresponds: "), "{}", run.stderr);
    let page = fs::read_to_string(folder.path("view.html")).unwrap();
    for address in ["http:", "https:", "src=\"/", "url("] {
        assert!(!page.contains(address), "{address} in the page");
    }
    // Its own page is written anew.
    assert_eq!(in_folder(&folder, &pair).code, 0);
    fs::write(folder.path("view.html"), "<html>mine</html>").unwrap();
    let run = in_folder(&folder, &pair);
    assert!(run.code == 1 && run.stderr.contains("--html FILE"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(folder.path("view.html")).unwrap(), "<html>mine</html>");
    assert_eq!(names(&folder.path("")), ["view.html"]);
}

#[test]
fn a_list_of_pairs_has_a_page_for_each() {
    let folder = Folder::new();
    let list = folder.text("pairs.csv");
    fs::write(&list, format!("{},{}\n", PHOTOS[0], PHOTOS[1])).unwrap();
    let out = folder.text("out");
    let flags = ["predict", "--pairs", &list, "--output-dir", &out, "--format", "view.html"];
    lpmflow(flags).succeeded();
    assert_eq!(
        names(&folder.path("out")),
        ["index.html", "source-to-target.json", "source-to-target.view.html"]
    );
}

/// Points in parts of a photo's sides.
const POINTS: [[f64; 2]; 4] = [[0.12, 0.27], [0.5, 0.4], [0.8, 0.75], [0.31, 0.62]];

/// Done in the page: points at places, presses keys, ticks boxes, and leaves what is seen as the page's last text.
const SCRIPT: &str = r#"
(async () => {
  while (!("ready" in document.documentElement.dataset)) await new Promise((go) => setTimeout(go, 20));
  const said = () => document.getElementById("said").textContent;
  const marks = (side) => document.querySelector(`figure[data-side=${side}] .marks`);
  const look = (side, [u, v], type) => {
    const box = marks(side).getBoundingClientRect();
    const place = { clientX: box.left + u * box.width, clientY: box.top + v * box.height };
    marks(side).dispatchEvent(new PointerEvent(type, { ...place, pointerType: "mouse", bubbles: true }));
    return said();
  };
  const painted = (canvas) => {
    const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    return context.getImageData(0, 0, copy.width, copy.height).data.some((value) => value > 0);
  };
  const seen = { forward: [], backward: [], layers: {} };
  for (const point of POINTS) seen.forward.push(look("source", point, "pointermove"));
  seen.heat = painted(marks("target"));
  for (const point of POINTS) seen.backward.push(look("target", point, "pointermove"));
  look("source", [0.5, 0.5], "pointerdown");
  seen.held = look("source", [0.1, 0.1], "pointermove");
  marks("source").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  seen.moved = said();
  for (const layer of ["lines", "warp", "flow", "trust"]) {
    document.getElementById(layer).click();
    await new Promise((go) => setTimeout(go, 100));
    const canvas = document.querySelector("figure[data-side=source] .layer");
    seen.layers[layer] = layer === "lines" ? document.querySelectorAll("line").length > 5 : painted(canvas);
    document.getElementById(layer).click();
  }
  const boxes = ["source", "target"].map((side) => marks(side).getBoundingClientRect());
  seen.stacked = boxes[1].top >= boxes[0].bottom;
  seen.fits = document.documentElement.scrollWidth <= window.innerWidth;
  document.body.append(`SEEN ${JSON.stringify(seen)} END`);
})();
"#;

/// What [`SCRIPT`] saw in a page, in a window of that size; none where there is no browser.
fn in_browser(page: &Path, window: &str) -> Option<Value> {
    let points = serde_json::to_string(&POINTS).unwrap();
    seen(page, window, &format!("const POINTS = {points};{SCRIPT}"))
}

/// The numbers of a sentence like `Source (97.0, 70.7) → target (85.8, 40.1), confidence 0.11`.
fn numbers(said: &str) -> Vec<f64> {
    let words = said.split(|letter: char| !(letter.is_ascii_digit() || ".-".contains(letter)));
    words.filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn pointing_in_a_browser_gives_the_points_of_predict() {
    let folder = Folder::new();
    let page = folder.text("pair.html");
    lpmflow(["predict", PHOTOS[0], PHOTOS[1], "--html", &page]).succeeded();
    let Some(wide) = in_browser(Path::new(&page), "1200,900") else { return };
    for (name, [from, to]) in [("forward", [0, 1]), ("backward", [1, 0])] {
        let size = image::image_dimensions(PHOTOS[from]).unwrap();
        let pixel = |[u, v]: [f64; 2]| [u * f64::from(size.0) - 0.5, v * f64::from(size.1) - 0.5];
        let keypoints = folder.text("points.json");
        fs::write(&keypoints, serde_json::to_string(&POINTS.map(pixel)).unwrap()).unwrap();
        let run = lpmflow(["predict", PHOTOS[from], PHOTOS[to], "--keypoints", &keypoints]);
        let expected = &run.succeeded().json_lines()[0];
        for (index, point) in POINTS.into_iter().enumerate() {
            let said = wide[name][index].as_str().unwrap();
            let found = numbers(said);
            let number = |value: &Value| value.as_f64().unwrap();
            let [x, y] = [0, 1].map(|axis| number(&expected["target"][index][axis]));
            let wanted = [pixel(point)[0], pixel(point)[1], x, y];
            let near = |(found, wanted): (&f64, f64)| (found - wanted).abs() < 0.2;
            assert!(found.iter().zip(wanted).all(near), "{said}: not {wanted:?}");
            let confidence = number(&expected["confidence"][index]);
            assert!((found[4] - confidence).abs() < 0.01, "{said}: not {confidence}");
        }
    }
    assert_eq!(wide["heat"], true);
    assert!(wide["held"].as_str().unwrap().ends_with("(held)"), "{wide}");
    let [held, moved] = ["held", "moved"].map(|key| numbers(wide[key].as_str().unwrap()));
    assert!((moved[0] - held[0] - 1.95).abs() < 0.11 && moved[1] == held[1], "{held:?} {moved:?}");
    assert!(wide["layers"].as_object().unwrap().values().all(|drawn| drawn == true), "{wide}");
    assert_eq!((&wide["stacked"], &wide["fits"]), (&false.into(), &true.into()));
    let narrow = in_browser(Path::new(&page), "500,900").unwrap();
    assert_eq!((&narrow["stacked"], &narrow["fits"]), (&true.into(), &true.into()));
}
