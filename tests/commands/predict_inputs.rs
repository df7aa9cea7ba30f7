//! What users hand to `predict` besides plain files with plain names, through the real binary.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::{self, lpmflow, write};
use crate::support::files::{Folder, photo};
use crate::support::spair::TinySpair;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// A name in Latin-1, as old archives have them.
fn latin(folder: &Folder, name: &[u8]) -> PathBuf {
    folder.path("").join(OsStr::from_bytes(name))
}

fn arguments<const N: usize>(words: [&OsStr; N]) -> Vec<OsString> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Runs a line of the shell in a folder.
fn shell(line: &str, folder: &Folder) -> (bool, String) {
    let output = command::shell(line, [""; 0]).current_dir(folder.path("")).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn photos_come_through_pipes() {
    let folder = Folder::new();
    folder.photo("a.png", 40, 30);
    folder.photo("b.jpg", 30, 50);
    lpmflow(["predict", &folder.text("a.png"), &folder.text("b.jpg"), "-o", &folder.text("f.npz")])
        .succeeded();
    for line in [
        "\"$0\" predict <(cat a.png) b.jpg -o p.npz",
        "\"$0\" predict <(cat a.png) <(cat b.jpg) -o p.npz",
        "cat a.png | \"$0\" predict /dev/stdin b.jpg -o p.npz",
        "mkfifo pipe; cat a.png > pipe & \"$0\" predict pipe b.jpg -o p.npz",
    ] {
        let (well, stderr) = shell(line, &folder);
        assert!(well, "{line}: {stderr}");
        let read = |name: &str| std::fs::read(folder.path(name)).unwrap();
        assert!(read("p.npz") == read("f.npz"), "{line}");
        std::fs::remove_file(folder.path("p.npz")).unwrap();
    }
}

#[test]
fn lists_and_predictions_come_through_pipes() {
    let folder = Folder::new();
    folder.photo("a.png", 40, 30);
    folder.photo("b.png", 30, 50);
    let line = "\"$0\" predict --pairs <(echo a.png,b.png) --output-dir out";
    let (well, stderr) = shell(line, &folder);
    assert!(well && folder.path("out/a-to-b.flo").is_file(), "{stderr}");

    let dataset = TinySpair::write();
    let (root, file) = (dataset.data_root().display(), dataset.predictions("p.jsonl", &[3, 1]));
    let report = |source: &str, name: &str| {
        let eval = format!("\"$0\" eval --dataset spair71k --data-root '{root}' --report {name}");
        let line =
            format!("{eval} --predictions {}", source.replace("FILE", file.to_str().unwrap()));
        let (well, stderr) = shell(&line, &folder);
        assert!(well, "{stderr}");
        let report = std::fs::read(folder.path(name)).unwrap();
        serde_json::from_slice::<serde_json::Value>(&report).unwrap()["model"]["sha256"].clone()
    };
    assert_eq!(report("<(cat 'FILE')", "piped.json"), report("'FILE'", "plain.json"));
}

#[test]
fn names_that_are_not_unicode_are_read_written_and_told_escaped() {
    let folder = Folder::new();
    let (a, b) = (latin(&folder, b"caf\xE9 \\1.png"), folder.path("b.png"));
    photo(40, 30).save(&b).unwrap();
    std::fs::copy(&b, &a).unwrap();
    let out = latin(&folder, b"fl\xFC.flo");
    let words = ["predict".as_ref(), a.as_os_str(), b.as_os_str(), "-o".as_ref(), out.as_ref()];
    let run = lpmflow([arguments(words), arguments(["--json".as_ref()])].concat()).succeeded();
    let record = &run.json_lines()[0];
    assert!(record["source"].as_str().unwrap().ends_with("/caf\\xE9 \\\\1.png"), "{record}");
    assert_eq!(record["source_escaped"], true);
    assert_eq!(record.get("target_escaped"), None);
    let file = &record["files"][0];
    assert!(file["path"].as_str().unwrap().ends_with("/fl\\xFC.flo"), "{record}");
    assert_eq!(file["path_escaped"], true);
    assert!(out.is_file());

    // A list names the photo as records do, and the folder of the results is not Unicode either.
    let source = record["source"].as_str().unwrap();
    let line = serde_json::json!({
        "source": source, "source_escaped": true, "target": b.to_str().unwrap()
    });
    let list = write(&folder, "list.jsonl", line.to_string());
    let results = latin(&folder, b"r\xE9sultats");
    let words = ["predict", "--pairs", &list, "--output-dir"].map(OsStr::new);
    let words = [arguments(words), vec![results.clone().into_os_string()]].concat();
    let run = lpmflow(words.clone()).succeeded();
    assert_eq!(run.json_lines()[0]["status"], "done", "{}", run.stdout);
    assert_eq!(run.json_lines()[0]["files"][0]["path_escaped"], true);
    assert_eq!(run.json_lines()[0]["source"], source);
    let again = lpmflow(words).succeeded();
    assert_eq!(again.json_lines()[0]["status"], "skipped", "{}", again.stdout);
    assert_eq!(again.json_lines()[0]["files"], run.json_lines()[0]["files"]);
}

#[test]
fn a_pipe_in_a_list_is_a_failed_pair_at_once() {
    let folder = Folder::new();
    folder.photo("a.png", 40, 30);
    let made = Command::new("mkfifo").arg(folder.path("pipe.png")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink(folder.path("pipe.png"), folder.path("link.png")).unwrap();
    let list =
        write(&folder, "l.csv", "pipe.png,a.png\na.png,link.png\n/dev/zero,a.png\na.png,a.png\n");
    let start = Instant::now();
    let run = lpmflow(["predict", "--pairs", &list, "--output-dir", &folder.text("out")]);
    assert!(start.elapsed() < Duration::from_secs(60));
    assert_eq!(run.code, 1, "{}", run.stderr);
    let status = |index: usize| run.json_lines()[index]["status"].clone();
    assert_eq!([0, 1, 2, 3].map(status), ["failed", "failed", "failed", "done"]);
    assert!(run.stderr.contains("this is a pipe or a device"), "{}", run.stderr);
}

#[test]
fn names_that_steer_a_terminal_are_shown_not_obeyed() {
    let folder = Folder::new();
    let name = "a\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}gnp.png";
    let path = folder.photo("a.png", 40, 30);
    std::fs::copy(&path, folder.path(name)).unwrap();
    let steering = folder.text(name);
    let harmless = |text: &str| {
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(steers), "{text:?}");
    };
    let out = folder.text("o\u{1b}[31m.flo");
    let run = lpmflow(["predict", &steering, &path, "-o", &out, "--json"]).succeeded();
    harmless(&run.stderr);
    harmless(&run.stdout);
    assert_eq!(run.json_lines()[0]["source"], *steering, "JSON says the name itself");
    for (missing, code) in [
        (["predict", "no\u{1b}[2Jne.png", &path, "-o", &out], 1),
        (["predict", &path, &path, "-o", "f\u{1b}[2J.xyz"], 2),
    ] {
        harmless(&lpmflow(missing).failed_with(code));
    }
    harmless(&lpmflow(["predict", &steering, &path, "evil\u{1b}[2J.png"]).failed_with(1));
    let list = write(&folder, "list.csv", "no\u{1b}[2Jne.png,a.png\n");
    let run = lpmflow(["predict", "--pairs", &list, "--output-dir", &folder.text("out")]);
    harmless(&run.stderr);
    harmless(&run.stdout);
}

#[test]
fn names_with_line_ends_keep_to_their_line() {
    let folder = Folder::new();
    let path = folder.photo("a.png", 40, 30);
    std::fs::copy(&path, folder.path("a\n\tb.png")).unwrap();
    let broken = folder.text("a\n\tb.png");
    let out = folder.text("o\n.flo");
    let run = lpmflow(["predict", &broken, &path, "-o", &out]).succeeded();
    assert!(run.stderr.contains("/o\\n.flo`"), "{}", run.stderr);
    let error = lpmflow(["predict", "no\nne.png", &path, "-o", &out]).failed_with(1);
    let last = error.lines().last().unwrap();
    assert!(last.starts_with("lpmflow: ") && last.contains("`no\\nne.png`"), "{error}");

    // A category is anything too.
    let dataset = TinySpair::write();
    let [annotations, photos] =
        ["PairAnnotation/test", "JPEGImages"].map(|name| dataset.path("SPair-71k").join(name));
    for entry in std::fs::read_dir(annotations).unwrap() {
        let file = entry.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("\"dog\"", "\"d\\n|og\"")).unwrap();
    }
    std::fs::rename(photos.join("dog"), photos.join("d\n|og")).unwrap();
    let root = dataset.data_root().to_str().unwrap();
    let run = lpmflow(
        [
            &["eval", "--dataset", "spair71k", "--data-root", root, "--baseline-model", "identity"]
                [..],
            &["--limit", "5", "--markdown", &folder.text("r.md"), "--junit", &folder.text("r.xml")],
        ]
        .concat(),
    )
    .succeeded();
    assert!(run.stdout.contains("\nd\\n|og "), "{}", run.stdout);
    assert!(run.stderr.contains("d\\n|og 2 of 3"), "{}", run.stderr);
    let markdown = std::fs::read_to_string(folder.path("r.md")).unwrap();
    assert!(markdown.contains("| d\\\\n\\|og | 2 |"), "{markdown}");
    let junit = std::fs::read_to_string(folder.path("r.xml")).unwrap();
    assert!(junit.contains("name=\"d\\n|og\""), "{junit}");
    let run = lpmflow(["datasets", "check", "spair71k", "--data-root", root]);
    assert!(run.stdout.contains("d\\n|og 3"), "{}", run.stdout);
}

#[test]
fn what_a_photo_takes_is_limited_and_the_limit_is_the_users() {
    let folder = Folder::new();
    let (jpeg, png) = (folder.photo("a.jpg", 1200, 1000), folder.photo("a.png", 1200, 1000));
    let flow = folder.text("f.flo");
    let warp = folder.text("w.png");
    let limited = |photo: &str, more: &[&str], limit: &str| {
        let common = ["predict", photo, photo, "--photo-memory", limit];
        lpmflow(common.iter().chain(more))
    };
    let refused = limited(&png, &["-o", &flow], "3").failed_with(1);
    assert!(refused.contains("takes 4 MiB") && refused.contains("--photo-memory 4"), "{refused}");
    limited(&png, &["-o", &flow], "4").succeeded();
    // Where only the network looks, a JPEG comes smaller and the result has the photo's size all the same.
    let run = limited(&jpeg, &["-o", &flow], "1").succeeded();
    assert!(run.stderr.contains("source 1200x1000 pixels"), "{}", run.stderr);
    assert_eq!(std::fs::metadata(&flow).unwrap().len(), 12 + 1200 * 1000 * 8);
    assert!(limited(&jpeg, &["--warp", &warp], "1").failed_with(1).contains("--photo-memory 4"));
}

#[test]
fn photos_of_phones_and_rare_kinds_are_read_and_others_are_called_what_they_are() {
    let folder = Folder::new();
    let flow = folder.text("f.flo");
    for name in
        ["heic/upright.heic", "heic/turned.heic", "jpeg/arithmetic.jpg", "jpeg/three_by_one.jpg"]
    {
        let photo = format!("{GOLDEN}/{name}");
        lpmflow(["predict", &photo, &photo, "-o", &flow]).succeeded();
    }
    let page = write(&folder, "page.jpg", "<!DOCTYPE html>\n<html><body>Not found</body></html>");
    let avif = write(&folder, "photo.jpg", b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B....");
    let whole = std::fs::read(Path::new(GOLDEN).join("jpeg/subsampled.jpg")).unwrap();
    let frame = whole.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    let mut deep = whole.clone();
    deep[frame + 1..frame + 5].copy_from_slice(&[0xC1, 0, 17, 12]);
    let deep = write(&folder, "deep.jpg", deep);
    for (photo, expected) in [
        (&page, "this is a web page"),
        (&avif, "this is an AVIF photo, which is not read: convert it"),
        (&deep, "unsupported: JPEG of 12 bits; convert it"),
    ] {
        let error = lpmflow(["predict", photo, photo, "-o", &flow]).failed_with(1);
        assert!(error.contains(expected) && !error.contains("damaged"), "{error}");
    }
}
