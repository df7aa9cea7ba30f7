//! `datasets`: sound trees of every layout, and everything that can be wrong.

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

// PF-WILLOW: two photos of 40 x 30 pixels, and rows of a list.

fn willow(root: &Path, rows: &[String], line_end: &str) {
    let folder = root.join("PF-WILLOW");
    photo(&folder.join("car(G)/a.png"), 40, 10);
    photo(&folder.join("car(G)/b.png"), 40, 20);
    let header = "imageA,imageB,XA1,whatever";
    let list = [&[header.to_owned()], rows].concat().join(line_end);
    write(&folder.join("test_pairs.csv"), list);
}

fn willow_row(second: &str, first_number: &str) -> String {
    let numbers = vec!["5.5"; 39].join(",");
    format!("PF-dataset/car(G)/a.png,PF-dataset/{second},{first_number},{numbers}")
}

#[test]
fn pf_willow_list_reads_whatever_its_line_ends_header_and_surplus_columns() {
    for (line_end, mark) in [("\n", ""), ("\r\n", ""), ("\r\n", "\u{feff}")] {
        let folder = tempfile::tempdir().unwrap();
        let rows = [willow_row("car(G)/b.png", "1.5"), willow_row("car(G)/a.png", "39") + ",new,7"];
        willow(folder.path(), &rows, line_end);
        let list = folder.path().join("PF-WILLOW/test_pairs.csv");
        fs::write(&list, format!("{mark}{}", fs::read_to_string(&list).unwrap())).unwrap();
        let (sound, found) = check("pf-willow", folder.path());
        assert!(sound, "{found:#}");
        let split = &found["splits"][0];
        assert_eq!((&split["pairs"], &split["images"]), (&json!(2), &json!(2)));
        assert_eq!(split["keypoints"], 20);
        assert_eq!(split["categories"], json!({"car(G)": 2}));
    }
}

#[test]
fn every_fault_of_a_pf_willow_list_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let cut_row = willow_row("car(G)/b.png", "1").rsplit_once(',').unwrap().0.to_owned();
    let rows = [
        willow_row("car(G)/b.png", "1"),
        willow_row("car(G)/missing.png", "1"),
        cut_row,
        willow_row("car(G)/b.png", "nan"),
        willow_row("car(G)/b.png", "-inf"),
        willow_row("car(G)/b.png", "41.5"),
        willow_row("car(G)/b.png", "left"),
        willow_row("duck(S)/b.png", "1"),
        // 1-based pixels and rounding: still usable.
        willow_row("car(G)/b.png", "40"),
        willow_row("car(G)/b.png", "-0.5"),
    ];
    willow(folder.path(), &rows, "\r\n");
    let (sound, found) = check("pf-willow", folder.path());
    assert!(!sound);
    let split = &found["splits"][0];
    assert_eq!((&split["pairs"], &split["bad_pairs"]), (&json!(3), &json!(7)));
    let problems = problems(split);
    assert_eq!(problems.len(), 7, "{problems:#?}");
    assert_has(&problems, &["missing: no such image"]);
    assert_has(&problems, &["wrong-count line 4: 41 columns instead of 42"]);
    assert_has(&problems, &["not-finite line 5: keypoint 0 of a.png"]);
    assert_has(&problems, &["not-finite line 6"]);
    assert_has(&problems, &["keypoint-outside line 7", "(41.5, 5.5) of a.png, 40x30"]);
    assert_has(&problems, &["unreadable line 8: `left` in column 3"]);
    assert_has(&problems, &["unreadable line 9: photos of two categories"]);
}

// PF-PASCAL: MATLAB annotations of photos of 50 x 30 pixels.

/// A MATLAB file with `kps` and `bbox`, not compressed.
fn mat(keypoints: &[[f64; 2]], bounds: &[f64]) -> Vec<u8> {
    fn element(kind: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_le_bytes(), (content.len() as u32).to_le_bytes()].concat();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }
    let matrix = |name: &str, rows: usize, values: &[f64]| {
        let size = [rows as u32, (values.len() / rows) as u32].map(u32::to_le_bytes).concat();
        let values: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let flags = [6, 0, 0, 0, 0, 0, 0, 0];
        let parts = [(6, flags.as_slice()), (5, &size), (1, name.as_bytes()), (9, &values)];
        element(14, &parts.map(|(kind, content)| element(kind, content)).concat())
    };
    let columns: Vec<f64> =
        (0..2).flat_map(|axis| keypoints.iter().map(move |point| point[axis])).collect();
    let mut file = vec![b' '; 124];
    file.extend([0x00, 0x01, b'I', b'M']);
    file.extend(matrix("kps", keypoints.len(), &columns));
    file.extend(matrix("bbox", 1, bounds));
    file
}

const UNLABELLED: [f64; 2] = [f64::NAN, f64::NAN];
const BOUNDS: [f64; 4] = [1.0, 2.0, 50.0, 30.0];

fn pascal_image(root: &Path, name: &str, annotation: &[u8]) {
    let folder = root.join("PF-PASCAL");
    photo(&folder.join(format!("JPEGImages/{name}.jpg")), 50, name.len() as u8 * 20);
    write(&folder.join(format!("Annotations/cat/{name}.mat")), annotation);
}

fn pascal_list(root: &Path, split: &str, rows: &[&str]) {
    let header = if split == "test" { "class,XA,YA,XB,YB" } else { "class,flip" };
    let rows: Vec<String> = rows.iter().map(|row| format!("A/B/{row}")).collect();
    let list = format!("source_image,target_image,{header}\n{}", rows.join("\n"));
    write(&root.join(format!("PF-PASCAL/{split}_pairs.csv")), list);
}

#[test]
fn pf_pascal_keeps_the_keypoints_labelled_in_both_photos() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    pascal_image(root, "a", &mat(&[[1.0, 2.0], [3.0, 4.0], UNLABELLED], &BOUNDS));
    pascal_image(root, "bb", &mat(&[[5.0, 6.0], UNLABELLED, [7.0, 8.0]], &BOUNDS));
    pascal_list(root, "trn", &["a.jpg,A/B/bb.jpg,8,1", "bb.jpg,A/B/a.jpg,8,0"]);
    pascal_list(root, "test", &["a.jpg,A/B/bb.jpg,8,1;2,3;4,5;6,7;8"]);
    let (sound, found) = check("pf-pascal", root);
    assert!(sound, "{found:#}");
    let [training, test] = [&found["splits"][0], &found["splits"][1]];
    assert_eq!((&training["name"], &test["name"]), (&json!("trn"), &json!("test")));
    assert_eq!((&training["keypoints"], &test["keypoints"]), (&json!(2), &json!(1)));
    assert_eq!(found["absent"], json!(["val"]));
    // Both photos are in both splits.
    assert_eq!(found["shared_images"].as_array().unwrap().len(), 2);
}

#[test]
fn every_fault_of_pf_pascal_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let good = mat(&[[1.0, 2.0], [3.0, 4.0]], &BOUNDS);
    pascal_image(root, "good", &good);
    pascal_image(root, "cut", &good[..good.len() - 30]);
    pascal_image(root, "text", b"no annotation");
    pascal_image(root, "other", &mat(&[[1.0, 2.0]], &BOUNDS));
    pascal_image(root, "unlabelled", &mat(&[UNLABELLED, UNLABELLED], &BOUNDS));
    pascal_image(root, "infinite", &mat(&[[f64::INFINITY, 1.0], [1.0, 1.0]], &BOUNDS));
    pascal_image(root, "narrow", &mat(&[[1.0, 1.0], [2.0, 2.0]], &[9.0, 2.0, 9.0, 20.0]));
    pascal_image(root, "short", &mat(&[[1.0, 1.0], [2.0, 2.0]], &[1.0, 2.0, 9.0]));
    let names = ["cut", "text", "other", "unlabelled", "infinite", "narrow", "short", "none"];
    let mut rows: Vec<String> =
        names.iter().map(|name| format!("good.jpg,A/B/{name}.jpg,8,0")).collect();
    rows.extend(["good.jpg,A/B/good.jpg,21,0", "good.jpg,A/B/good.jpg,8,2"].map(str::to_owned));
    // The same fault again is listed once.
    rows.push("cut.jpg,A/B/good.jpg,8,0".to_owned());
    pascal_list(root, "trn", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    let (sound, found) = check("pf-pascal", root);
    assert!(!sound);
    assert_eq!(found["splits"][0]["bad_pairs"], rows.len());
    let problems = problems(&found["splits"][0]);
    assert_eq!(problems.len(), rows.len() - 1, "{problems:#?}");
    assert_has(&problems, &["unreadable", "cut off"]);
    assert_has(&problems, &["unreadable", "MATLAB file's header"]);
    assert_has(&problems, &["wrong-count line 4", "2 parts in the annotation of good.jpg, 1 in"]);
    assert_has(&problems, &["wrong-count line 5", "0 source and 0 target keypoints"]);
    assert_has(&problems, &["not-finite line 6"]);
    assert_has(&problems, &["box-outside line 7", "9, 2, 9, 20"]);
    assert_has(&problems, &["wrong-count", "`bbox` has 3 values"]);
    assert_has(&problems, &["missing", "no such annotation"]);
    assert_has(&problems, &["unreadable line 10", "`21` is no class"]);
    assert_has(&problems, &["unreadable line 11", "flip is `2`"]);
}

// SPair-71k: the tree of the evaluation's tests, its annotations changed.

fn annotation(dataset: &TinySpair, pair: usize) -> (std::path::PathBuf, Value) {
    let root = dataset.data_root().join("SPair-71k");
    let list = fs::read_to_string(root.join("Layout/large/test.txt")).unwrap();
    let name = list.lines().nth(pair).unwrap();
    let path = root.join("PairAnnotation/test").join(format!("{name}.json"));
    let annotation = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    (path, annotation)
}

fn change(dataset: &TinySpair, pair: usize, key: &str, value: Value) {
    let (path, mut annotation) = annotation(dataset, pair);
    annotation[key] = value;
    fs::write(path, annotation.to_string()).unwrap();
}

#[test]
fn spair_71k_reads_whatever_the_line_ends_and_surplus_keys() {
    let dataset = TinySpair::write();
    let list = dataset.data_root().join("SPair-71k/Layout/large/test.txt");
    let text = fs::read_to_string(&list).unwrap();
    change(&dataset, 0, "new key", json!({"nested": [null]}));
    let (_, first) = check("spair71k", dataset.data_root());
    fs::write(&list, format!("\u{feff}{}", text.trim_end().replace('\n', "\r\n\r\n"))).unwrap();
    let (sound, second) = check("spair71k", dataset.data_root());
    assert!(sound && first["splits"][0]["pairs"] == 6, "{first:#}");
    assert_eq!(first, second);
}

/// Gives every annotation of the tiny dataset another name.
fn rename_annotations(dataset: &TinySpair, name: impl Fn(&str) -> String) {
    let folder = dataset.data_root().join("SPair-71k/PairAnnotation/test");
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let new = name(path.file_name().unwrap().to_str().unwrap());
        fs::rename(&path, folder.join(new)).unwrap();
    }
}

#[test]
fn copies_of_spair_71k_from_windows_are_read_where_one_letter_stands_for_the_colon() {
    let (_, expected) = check("spair71k", TinySpair::write().data_root());
    for colon in ["_", "-", "\u{f03a}", "%3A", ""] {
        let dataset = TinySpair::write();
        rename_annotations(&dataset, |name| name.replace(':', colon));
        let (sound, found) = check("spair71k", dataset.data_root());
        assert!(sound, "{colon}: {found:#}");
        assert_eq!(found["splits"][0]["fingerprint"], expected["splits"][0]["fingerprint"]);
    }
    // Cut off at the colon: one hint, not a line for each.
    let dataset = TinySpair::write();
    rename_annotations(&dataset, |name| name.split(':').next().unwrap().to_owned());
    let root = dataset.data_root().to_str().unwrap();
    let error = lpmflow(["datasets", "check", "spair71k", "--data-root", root]).failed_with(4);
    assert!(error.contains("none of the 6 annotations") && error.contains("Windows"), "{error}");
    assert!(error.contains("`000001-a-b:cat`, the first file there is `000001-a-b`"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
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
fn missing_lists_of_pf_pascal_say_where_lists_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let good = mat(&[[1.0, 2.0], [3.0, 4.0]], &BOUNDS);
    pascal_image(root, "a", &good);
    let text = root.to_str().unwrap();
    let check = || lpmflow(["datasets", "check", "pf-pascal", "--data-root", text]).failed_with(4);
    let error = check();
    assert!(
        error.contains("its lists come from https://github.com/ignacio-rocco/ncnet"),
        "{error}"
    );
    write(
        &root.join("PF-PASCAL/image_pairs/train_pairs.csv"),
        "source_image,target_image,class,flip\n",
    );
    let error = check();
    assert!(
        error.contains("train_pairs.csv` may be `trn_pairs.csv` under another name"),
        "{error}"
    );
    let eval =
        ["eval", "--dataset", "pf-pascal", "--data-root", text, "--baseline-model", "identity"];
    let error = lpmflow(eval).failed_with(4);
    let advice = "no list of PF-PASCAL: test_pairs.csv; `lpmflow datasets fetch pf-pascal` gets what is missing; its \
                  lists come from";
    assert!(error.contains(advice), "{error}");
}

#[test]
fn every_fault_of_spair_71k_is_told() {
    let dataset = TinySpair::write();
    change(&dataset, 0, "src_imsize", json!([65, 48, 3]));
    change(&dataset, 1, "trg_bndbox", json!([8, 8, 70, 42]));
    change(&dataset, 2, "src_kps", json!([[1, 1]]));
    change(&dataset, 3, "truncation", json!(7));
    fs::write(annotation(&dataset, 4).0, "{\"category\": ").unwrap();
    fs::remove_file(annotation(&dataset, 5).0).unwrap();
    let (sound, found) = check("spair71k", dataset.data_root());
    assert!(!sound);
    assert_eq!(found["splits"][0]["bad_pairs"], 6);
    let problems = problems(&found["splits"][0]);
    assert_eq!(problems.len(), 6, "{problems:#?}");
    assert_has(&problems, &["wrong-size", "annotated as 65x48, is 64x48"]);
    assert_has(&problems, &["box-outside", "8, 8, 70, 42"]);
    assert_has(&problems, &["wrong-count", "1 source and 3 target keypoints"]);
    assert_has(&problems, &["unreadable", "`truncation` is 7"]);
    assert_has(&problems, &["unreadable", "EOF while parsing"]);
    assert_has(&problems, &["missing line 6: no annotation"]);
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
    change(&dataset, 2, "src_kps", json!([[1, 1]]));
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
