//! `lpmflow predict --pairs` with the default weights: what is done, what is skipped, and lists that cannot be read.

use crate::commands::testing::{Run, lpmflow};
use crate::inside::support::files::{Folder, names, write};

/// A folder with three small photos.
fn photos() -> Folder {
    let folder = Folder::new();
    folder.photo("a.png", 40, 30);
    folder.photo("b.jpg", 30, 50);
    std::fs::create_dir(folder.path("more")).unwrap();
    folder.photo("more/c.png", 20, 20);
    folder
}

fn run(folder: &Folder, list: &str, more: &[&str]) -> Run {
    let output = folder.text("out");
    let arguments = ["predict", "--pairs", list, "--output-dir", &output];
    lpmflow(arguments.iter().chain(more))
}

fn statuses(run: &Run) -> Vec<String> {
    let status = |record: &serde_json::Value| record["status"].as_str().unwrap().to_owned();
    run.json_lines().iter().map(status).collect()
}

#[test]
fn one_line_a_pair_in_the_order_of_the_list_and_a_bad_pair_stops_nothing() {
    let folder = photos();
    let list = write(
        &folder,
        "list.csv",
        "source,target\na.png,b.jpg\nmissing.png,b.jpg\nmore/c.png,a.png\nonly-one-column\nb.jpg,a.png\n",
    );
    let run = run(&folder, &list, &["--batch-size", "2"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(statuses(&run), ["done", "failed", "done", "failed", "done"]);
    let records = run.json_lines();
    let lines: Vec<u64> = records.iter().map(|record| record["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6]);
    assert_eq!(records[2]["source"], "more/c.png");
    assert_eq!(records[2]["target_size"]["width"], 40);
    assert!(records[1]["error"].as_str().unwrap().contains("missing.png"), "{}", records[1]);
    assert!(run.stderr.contains("line 3: ") && run.stderr.contains("line 5"), "{}", run.stderr);
    assert!(run.stderr.contains("3 pairs done, 0 done before, 2 failed"), "{}", run.stderr);
    assert_eq!(
        names(&folder.path("out")),
        ["a-to-b.flo", "a-to-b.json", "b-to-a.flo", "b-to-a.json", "c-to-a.flo", "c-to-a.json"]
    );
}

#[test]
fn a_file_where_a_record_goes_that_is_none_stays() {
    let folder = photos();
    let list = write(&folder, "list.csv", "a.png,b.jpg\n");
    std::fs::create_dir(folder.path("out")).unwrap();
    let record = folder.path("out/a-to-b.json");
    std::fs::write(&record, "{\"my\": \"annotation\"}").unwrap();
    let error = run(&folder, &list, &[]).failed_with(1);
    assert!(error.contains("a-to-b.json` is there and says nothing of an earlier run"), "{error}");
    assert!(std::fs::read_to_string(&record).unwrap().contains("annotation"));
}

#[test]
fn a_rerun_skips_what_is_done_and_nothing_else() {
    let folder = photos();
    let list = write(&folder, "list.csv", "a.png,b.jpg\nb.jpg,a.png\nmore/c.png,a.png\n");
    let formats = ["--format", "flo", "--format", "confidence.png"];
    let first = run(&folder, &list, &formats).succeeded();
    let again = run(&folder, &list, &formats).succeeded();
    assert_eq!(statuses(&again), ["skipped"; 3]);
    assert_eq!(again.json_lines()[1]["files"], first.json_lines()[1]["files"]);

    // Half done: one of its files is missing, or the record that it is complete is.
    std::fs::remove_file(folder.path("out/a-to-b.confidence.png")).unwrap();
    std::fs::remove_file(folder.path("out/c-to-a.json")).unwrap();
    let mended = run(&folder, &list, &formats).succeeded();
    assert_eq!(statuses(&mended), ["done", "skipped", "done"]);
    assert!(folder.path("out/a-to-b.confidence.png").is_file());

    // Done otherwise: other files, another size.
    let other = run(&folder, &list, &["--format", "flo", "--format", "npy"]).succeeded();
    assert_eq!(statuses(&other), ["done"; 3]);
    let other = run(&folder, &list, &["--format", "flo", "--size", "network"]).succeeded();
    assert_eq!(statuses(&other), ["done"; 3]);
    // Drawn otherwise.
    for drawing in [&[][..], &["--legend"], &["--flow-scale", "30"], &["--lines"]] {
        let flags = [&["--format", "png"][..], drawing].concat();
        let drawn = [0; 2].map(|_| run(&folder, &list, &flags).succeeded());
        assert_eq!(drawn.map(|run| statuses(&run)), [["done"; 3], ["skipped"; 3]], "{drawing:?}");
    }
}

/// Makes a file look old, as `cp -p` and archives do.
fn age(path: &std::path::Path) {
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::options().append(true).open(path).unwrap().set_modified(old).unwrap();
}

#[test]
fn what_is_done_is_known_by_content() {
    let folder = photos();
    let annotated = |truth: f64| {
        format!(
            "{{\"source\": \"a.png\", \"target\": \"b.jpg\", \"keypoints\": {{\"src_kps\": [[3, 4]], \
             \"trg_kps\": [[{truth}, 5]], \"trg_bndbox\": [0, 0, 20, 20]}}}}\n\
             {{\"source\": \"more/c.png\", \"target\": \"a.png\"}}\n"
        )
    };
    let list = write(&folder, "list.jsonl", annotated(3.0));
    let statuses_now = || statuses(&run(&folder, &list, &[]).succeeded());
    assert_eq!(statuses_now(), ["done", "done"]);
    assert_eq!(statuses_now(), ["skipped", "skipped"]);

    // Another photo under an old name, with an old date and the same length: one pair shows it.
    let path = folder.path("more/c.png");
    let mut other = std::fs::read(&path).unwrap();
    folder.photo("more/c.png", 20, 21);
    let replaced = std::fs::read(&path).unwrap();
    age(&path);
    assert_eq!(statuses_now(), ["skipped", "done"]);
    // Only the date changed.
    std::fs::write(&path, &replaced).unwrap();
    assert_eq!(statuses_now(), ["skipped", "skipped"]);
    other.extend([0; 7]);
    std::fs::write(&path, &other).unwrap();
    age(&path);
    assert_eq!(statuses_now(), ["skipped", "done"]);

    // Only the true positions in the target changed.
    std::fs::write(&list, annotated(9.0)).unwrap();
    let run = run(&folder, &list, &[]).succeeded();
    assert_eq!(statuses(&run), ["done", "skipped"]);
    let again = statuses_now();
    assert_eq!(again, ["skipped", "skipped"]);

    // A result that something else wrote over, with the same length.
    let flow = folder.path("out/c-to-a.flo");
    let length = std::fs::metadata(&flow).unwrap().len();
    std::fs::write(&flow, vec![0; length as usize]).unwrap();
    age(&flow);
    assert_eq!(statuses_now(), ["skipped", "done"]);

    // Another version of the program.
    let record = folder.path("out/c-to-a.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let older = text.replace(env!("CARGO_PKG_VERSION"), "0.0.1");
    assert_ne!(text, older);
    std::fs::write(&record, older).unwrap();
    assert_eq!(statuses_now(), ["skipped", "done"]);
}

#[test]
fn a_list_gives_the_same_bytes_as_the_pair_alone() {
    let folder = photos();
    let (a, b) = (folder.text("a.png"), folder.text("b.jpg"));
    let list = write(&folder, "list.csv", "a.png,b.jpg\n");
    run(&folder, &list, &["--format", "npz"]).succeeded();
    lpmflow(["predict", &a, &b, "-o", &folder.text("alone.npz")]).succeeded();
    let read = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert_eq!(read("out/a-to-b.npz"), read("alone.npz"));
}

#[test]
fn lists_that_cannot_be_read_are_named() {
    let folder = photos();
    let missing = run(&folder, &folder.text("none.csv"), &[]).failed_with(1);
    assert!(missing.contains("none.csv"), "{missing}");
    let empty = write(&folder, "empty.csv", "source,target\n");
    assert!(run(&folder, &empty, &[]).failed_with(1).contains("no pairs"));
    let list = write(&folder, "list.csv", "a.png,b.jpg\n");
    let taken = write(&folder, "taken", "");
    let blocked = ["predict", "--pairs", &list, "--output-dir", &taken];
    assert!(lpmflow(blocked).failed_with(1).contains("taken"));
}

#[test]
fn lists_of_other_programs_are_read_or_their_fault_is_named() {
    let folder = photos();
    folder.photo("über.png", 20, 20);
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let lists: [(&str, Vec<u8>); 6] = [
        ("semicolon.csv", b"source;target\r\na.png;b.jpg\r\n".to_vec()),
        ("tab.tsv", b"a.png\tb.jpg\n".to_vec()),
        ("array.json", b"[{\"source\": \"a.png\", \"target\": \"b.jpg\"}]".to_vec()),
        ("utf16.csv", utf16("a.png,b.jpg\r\n")),
        ("windows.csv", b"\xfcber.png,b.jpg\r\n".to_vec()),
        (
            "keys.jsonl",
            b"{\"src\": \"a.png\", \"tagret\": \"b.jpg\", \"keypoint\": [[1, 2]]}".to_vec(),
        ),
    ];
    for (name, content) in lists {
        let list = write(&folder, name, content);
        let run = run(&folder, &list, &[]).succeeded();
        assert_eq!(run.json_lines().len(), 1, "{name}");
        for (list, note) in [
            ("windows.csv", "the list is read as windows-1252"),
            ("keys.jsonl", "`keypoint` is read as `keypoints` (once)"),
        ] {
            assert_eq!(run.stderr.contains(note), name == list, "{name}: {}", run.stderr);
        }
    }
    for (name, content, cause) in [
        ("latin.csv", &b"caf\xe9.png,b.jpg\n"[..], "line 1 is not UTF-8"),
        ("list.xlsx", b"PK\x03\x04 and so on", "save it as CSV"),
        ("cut.json", b"[{\"source\": \"a.png\", ", "it begins as a JSON array and is none"),
    ] {
        let list = write(&folder, name, content);
        let error = run(&folder, &list, &[]).failed_with(1);
        assert!(error.contains(name) && error.contains(cause), "{error}");
    }
    let list = write(&folder, "crlf.csv", "a.png,b.jpg\r\n\r\nnone.png,b.jpg\r\n");
    let run = run(&folder, &list, &[]);
    assert_eq!(run.json_lines()[1]["line"], 3);
}
