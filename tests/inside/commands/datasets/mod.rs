//! `datasets`: sound trees of every layout, and everything that can be wrong.

mod pf;
mod spair;

use std::fs;
use std::path::Path;

use image::RgbImage;
use serde_json::{Value, json};

use crate::commands::testing::{Run, lpmflow};
use crate::inside::support::spair::TinySpair;

/// What `datasets check` finds, and whether it exits with 0.
fn check(dataset: &str, data_root: &Path) -> (bool, Value) {
    let Run { code, stdout, stderr } = lpmflow([
        "datasets",
        "check",
        dataset,
        "--json",
        "--data-root",
        data_root.to_str().unwrap(),
    ]);
    assert!(code == 0 || code == 4, "{stderr}");
    (code == 0, serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}")))
}

/// The problems of a split's check as `fault: detail`.
fn problems(split: &Value) -> Vec<String> {
    let problem = |problem: &Value| {
        let text = |key: &str| problem[key].as_str().unwrap();
        let line = problem["line"].as_u64().map(|line| format!(" line {line}")).unwrap_or_default();
        format!("{}{line}: {}", text("fault"), text("detail"))
    };
    split["problems"].as_array().unwrap().iter().map(problem).collect()
}

fn assert_has(problems: &[String], parts: &[&str]) {
    let found = problems.iter().any(|problem| parts.iter().all(|part| problem.contains(part)));
    assert!(found, "no problem with {parts:?} among {problems:#?}");
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn photo(path: &Path, width: u32, shade: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(width, 30, image::Rgb([shade; 3])).save(path).unwrap();
}

#[test]
fn a_dataset_that_lies_elsewhere_is_found_and_the_way_to_it_told() {
    let dataset = TinySpair::write();
    let root = dataset.data_root();
    let eval = |data_root: &Path| {
        let data_root = data_root.to_str().unwrap();
        let task = ["eval", "--dataset", "spair71k", "--data-root", data_root];
        lpmflow([&task[..], &["--baseline-model", "identity"]].concat()).failed_with(4)
    };
    let own = root.join("SPair-71k");
    let error = eval(&own);
    let above = fs::canonicalize(root).unwrap();
    let advice = format!(
        "is the dataset's own folder: name the one above it, --data-root `{}`",
        above.display()
    );
    assert!(error.contains(&advice), "{error}");
    // Unpacked twice over.
    fs::rename(&own, root.join("inner")).unwrap();
    fs::create_dir(&own).unwrap();
    fs::rename(root.join("inner"), own.join("SPair-71k")).unwrap();
    let error = eval(root);
    assert!(
        error.contains("one folder deeper: --data-root") && error.contains("SPair-71k`"),
        "{error}"
    );
    // Below the data root, under another name.
    fs::rename(own.join("SPair-71k"), root.join("spair")).unwrap();
    fs::remove_dir(&own).unwrap();
    let error = eval(root);
    assert!(error.contains("spair` seems to be it: call it `SPair-71k`"), "{error}");
    fs::create_dir(root.join("more")).unwrap();
    fs::rename(root.join("spair"), root.join("more/SPair-71k")).unwrap();
    let error = eval(root);
    assert!(error.contains("it lies deeper: --data-root `") && error.contains("more`"), "{error}");
}

#[test]
fn a_dataset_without_its_lists_or_its_folder_says_how_to_get_them() {
    let dataset = TinySpair::write();
    let root = dataset.data_root();
    fs::remove_dir_all(root.join("SPair-71k/Layout")).unwrap();
    let check = |name: &str| {
        lpmflow(["datasets", "check", name, "--data-root", root.to_str().unwrap()]).failed_with(4)
    };
    let lists = "`lpmflow datasets fetch spair71k` gets what is missing; or get the dataset again from https://";
    let error = check("spair71k");
    assert!(error.contains(lists), "{error}");
    let error = check("toy");
    let advice =
        "get it from `lpmflow datasets make-toy DIR`, which draws it, and name the folder above it";
    assert!(error.contains(advice), "{error}");
}

#[test]
fn copies_of_test_photos_in_the_training_split_are_suspects_though_encoded_scaled_or_mirrored() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    lpmflow(["datasets", "make-toy", root, "--images", "6", "--pairs", "8"]).succeeded();
    let check = |flags: &[&str]| {
        let arguments = ["datasets", "check", "toy", "--data-root", root];
        lpmflow([&arguments[..], flags].concat())
    };
    assert_eq!(check(&["--fail-on-leaks"]).code, 0);
    // Photos of one split are numbered before those of the next.
    let photos = folder.path().join("toy/JPEGImages/fish");
    let mut names: Vec<_> =
        fs::read_dir(&photos).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let test = image::open(names.last().unwrap()).unwrap();
    let smaller = test.resize(64, 64, image::imageops::FilterType::Triangle);
    for (path, copy) in names.iter().zip([test.clone(), smaller, test.fliph()]) {
        // As large as the photo that it takes the place of.
        let (width, height) = image::image_dimensions(path).unwrap();
        let copy = copy.resize_exact(width, height, image::imageops::FilterType::Triangle);
        let mut bytes = std::io::Cursor::new(Vec::new());
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 60);
        copy.write_with_encoder(encoder).unwrap();
        fs::write(path, bytes.into_inner()).unwrap();
    }
    let told = check(&["--fail-on-leaks"]);
    assert_eq!(told.code, 4, "{}", told.stderr);
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let last = name(names.last().unwrap());
    for (path, how) in names.iter().zip(["", "", ", mirrored"]) {
        let line =
            told.stdout.lines().find(|line| line.contains(&name(path)) && line.contains("alike"));
        let line = line.unwrap_or_else(|| panic!("{} is not in {}", path.display(), told.stdout));
        assert!(line.contains(&last) && line.ends_with(&format!("alike{how})")), "{line}");
    }
    let found = check(&["--json"]);
    assert_eq!(found.code, 0);
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!(found["suspects"].as_array().unwrap().len(), 3, "{found:#}");
    assert_eq!(found["suspects"][0]["places"][0].as_array().unwrap().len(), 2);
}

#[test]
fn images_that_do_not_decode_are_found_by_the_check() {
    let dataset = TinySpair::write();
    let path = dataset.photo("cat/c.png");
    let bytes = fs::read(&path).unwrap();
    // The header is whole, so only decoding notices.
    fs::write(&path, &bytes[..bytes.len() - 40]).unwrap();
    fs::write(dataset.photo("dog/x.png"), "this is text").unwrap();
    let (sound, found) = check("spair71k", dataset.data_root());
    assert!(!sound);
    let split = &found["splits"][0];
    assert_eq!((&split["pairs"], &split["bad_pairs"]), (&json!(2), &json!(4)), "{split:#}");
    let problems = problems(split);
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert_has(&problems, &["unreadable", "c.png`: the file is damaged or cut off"]);
    assert_has(&problems, &["unreadable", "the content is text, not JPEG, PNG"]);
    let data_root = dataset.data_root().to_str().unwrap();
    let Run { code, stdout, .. } =
        lpmflow(["datasets", "check", "spair71k", "--data-root", data_root]);
    assert_eq!(code, 4);
    assert!(stdout.contains("unreadable files or records (2):"), "{stdout}");
}

#[test]
fn faulty_pairs_stop_an_evaluation_unless_they_are_to_be_skipped() {
    let dataset = TinySpair::write();
    spair::change(&dataset, 2, "src_kps", json!([[1, 1]]));
    fs::remove_file(dataset.photo("dog/z.png")).unwrap();
    let root = dataset.data_root().to_str().unwrap();
    let arguments =
        ["eval", "--dataset", "spair71k", "--data-root", root, "--baseline-model", "identity"];
    let Run { code, stdout, stderr } = lpmflow(arguments);
    assert_eq!((code, stdout.as_str()), (4, ""));
    assert!(stderr.contains("2 of 6 pairs cannot be used"), "{stderr}");
    assert!(stderr.contains("missing files (1):") && stderr.contains("z.png"), "{stderr}");
    assert!(stderr.contains("wrong number of values (1):"), "{stderr}");
    let Run { code, stdout, stderr } = lpmflow([arguments.as_slice(), &["--skip-bad"]].concat());
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("4 pairs") && stderr.contains("2 unusable pairs"), "{stdout}{stderr}");
}

#[test]
fn list_tells_what_is_there() {
    let dataset = TinySpair::write();
    let root = dataset.data_root().to_str().unwrap();
    let Run { code, stdout, .. } = lpmflow(["datasets", "list", "--json", "--data-root", root]);
    assert_eq!(code, 0);
    let listed: Value = serde_json::from_str(&stdout).unwrap();
    let present: Vec<(&str, usize)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["name"].as_str().unwrap(), entry["present"].as_array().unwrap().len()))
        .collect();
    let present: Vec<_> = present.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(present, [("spair71k", 1)]);
    let Run { stdout, .. } = lpmflow(["datasets", "list", "--data-root", root]);
    let row = stdout.lines().find(|line| line.starts_with("spair71k")).unwrap();
    assert!(row.contains("trn, val, test") && row.contains("https://"), "{row}");
}

#[test]
fn wrong_names_and_keys_get_the_nearest_valid_one_and_absent_data_a_source() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    for command in ["check", "list", "fetch", "export-pairs"] {
        let output = if command == "export-pairs" { &["-o", "-"][..] } else { &[] };
        let words = ["datasets", command, "pf-wilow", "--data-root", root];
        let error = lpmflow([&words[..], output].concat()).failed_with(2);
        assert!(error.contains("did you mean `pf-willow`?"), "{error}");
    }
    let Run { code, stderr, .. } = lpmflow(["datasets", "check", "pf-willow", "--data-root", root]);
    assert_eq!(code, 4);
    assert!(stderr.contains("https://") && stderr.contains("--data-root"), "{stderr}");
    fs::create_dir(folder.path().join("PF-WILLOW")).unwrap();
    let Run { stderr, .. } = lpmflow(["datasets", "check", "pf-willow", "--data-root", root]);
    assert!(stderr.contains("no list of PF-WILLOW: test_pairs.csv"), "{stderr}");
    let catalog = folder.path().join("own.toml");
    write(&catalog, "[mine]\nlayot = \"spair71k\"\n");
    let Run { code, stderr, .. } =
        lpmflow(["datasets", "list", "--datasets", catalog.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(stderr.contains("own.toml") && stderr.contains("did you mean `layout`?"), "{stderr}");
}

#[test]
fn toy_dataset_is_sound_disjoint_and_the_same_for_the_same_seed() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, seed: &str| -> Value {
        let root = folder.path().join(name);
        let Run { code, stderr, .. } = lpmflow([
            "datasets",
            "make-toy",
            root.to_str().unwrap(),
            "--images",
            "6",
            "--pairs",
            "8",
            "--seed",
            seed,
        ]);
        assert_eq!(code, 0, "{stderr}");
        let (sound, mut found) = check("toy", &root);
        assert!(sound, "{found:#}");
        assert_eq!(found["shared_images"], json!([]));
        found["splits"].take()
    };
    let first = make("first", "7");
    assert_eq!(first[0]["pairs"], 24);
    assert_eq!(first[0]["categories"], json!({"car": 8, "fish": 8, "teapot": 8}));
    assert!(first[1]["pairs"].as_u64() >= Some(3) && first[2]["pairs"].as_u64() >= Some(3));
    assert_eq!(first, make("second", "7"));
    assert_ne!(first[0]["fingerprint"], make("third", "8")[0]["fingerprint"]);
    let photo = |name: &str| {
        fs::read(folder.path().join(name).join("toy/JPEGImages/fish/fish_0003.jpg")).unwrap()
    };
    assert_eq!(photo("first"), photo("second"));

    let root = folder.path().join("first");
    let root = root.to_str().unwrap();
    let Run { code, stderr, .. } = lpmflow(["datasets", "make-toy", root]);
    assert_eq!(code, 1);
    assert!(stderr.contains("not empty: delete it or choose another"), "{stderr}");
    let Run { code, stdout, stderr } =
        lpmflow(["eval", "--dataset", "toy", "--data-root", root, "--baseline-model", "identity"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("teapot"), "{stdout}");
}
