//! What is said of files that are damaged, or made to do harm.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::{Tensors, all_of, assert_equal, description, error_of, pytorch_file, ramp};
use crate::model::weights;
use crate::model::weights::save::{Storage, save};

/// A checkpoint whose pickle is these instructions.
fn archive(pickle: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut archive = zip::ZipWriter::new(fs::File::create(file.path()).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("weights/data.pkl", options).unwrap();
    archive.write_all(pickle).unwrap();
    archive.finish().unwrap();
    file
}

#[test]
fn structures_without_end_or_measure_are_answered() {
    // Half a million lists, each in the next; a list and a dictionary that hold themselves; a list that is
    // asked for again and again by a function, and by lists of lists.
    let deep = [vec![b']'; 450_000], vec![b'a'; 449_999], b".".to_vec()].concat();
    let tuples = [&b")"[..], &[0x85; 900_000], b"."].concat();
    let itself = b"\x80\x02}q\0X\x01\0\0\0ah\0s]q\x01h\x01a0.".to_vec();
    let asked = [b"]q\0(".to_vec(), vec![b'N'; 300_000], b"e0".to_vec()].concat();
    let asked = [asked, b"cm\nf\nh\0\x85R0".repeat(60_000), b"N.".to_vec()].concat();
    let mut doubled = b"]q\0(NNe".to_vec();
    for place in 1..60 {
        doubled.extend([b']', b'q', place, b'(', b'h', place - 1, b'h', place - 1, b'e']);
    }
    doubled.push(b'.');
    for (pickle, refused) in
        [(deep, false), (tuples, false), (itself, false), (asked, true), (doubled, true)]
    {
        let file = archive(&pickle);
        let start = std::time::Instant::now();
        match all_of(file.path()) {
            Ok(tensors) => assert!(!refused && tensors.is_empty()),
            Err(error) => assert!(
                refused && format!("{error:#}").contains("than any checkpoint"),
                "{error:#}"
            ),
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
    }
}

#[test]
fn commands_in_a_pickle_are_not_run_and_what_is_no_weight_is_refused() {
    let tensors = all_of(&pytorch_file("command.pth")).unwrap();
    assert_equal(&tensors["weight"], &ramp(&[2], 1.0));
    assert!(!Path::new("executed-by-pickle").exists());
    let claims = error_of(all_of(&pytorch_file("claims_two_gigabytes.pth")));
    assert!(claims.contains("claim more data than the file can hold"), "{claims}");
    let sparse = error_of(all_of(&pytorch_file("sparse.pth")));
    assert!(sparse.contains("`weight` is stored in a way that weights are not"), "{sparse}");
    let foreign = error_of(weights::read(&pytorch_file("forms.pth")));
    assert!(
        foreign.contains("nothing known (ACTR, CATs,")
            && foreign.contains("LPMFlow, EfficientNet-Lite,"),
        "{foreign}"
    );
    assert!(foreign.contains("bfloat16, bool, double"), "{foreign}");
    let script = error_of(weights::read(&pytorch_file("make_files.py")));
    assert!(script.contains("not a PyTorch checkpoint"), "{script}");
    let absent = error_of(weights::read(Path::new("absent.pth")));
    assert!(absent.contains("`absent.pth`: No such file"), "{absent}");
}

#[test]
fn a_small_archive_cannot_unfold_into_gigabytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flood.pth");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let deflated = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("flood/data.pkl", deflated).unwrap();
    archive.write_all(&vec![b'N'; 20 << 20]).unwrap();
    archive.finish().unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 100_000);
    let error = error_of(all_of(&path));
    assert!(error.contains("more than any checkpoint"), "{error}");
}

/// Copies of a file, cut short or with single bits flipped, a few hundred of each.
fn damaged(original: &Path, mut check: impl FnMut(&Path, bool)) {
    let bytes = fs::read(original).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    let step = (bytes.len() / 300).max(1);
    for length in (0..bytes.len()).step_by(step) {
        fs::write(&path, &bytes[..length]).unwrap();
        check(&path, true);
    }
    for position in (0..bytes.len()).step_by(step) {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1 << (position % 8);
        fs::write(&path, flipped).unwrap();
        check(&path, false);
    }
}

#[test]
fn damaged_pytorch_files_give_errors() {
    for file in ["authors/model_best.pth", "older_form.pth", "ibot.pth", "forms.pth"] {
        damaged(&pytorch_file(file), |path, cut| {
            // A flipped bit may sit in a value, where nothing tells it from a true one.
            let result = all_of(path);
            assert!(!cut || result.is_err(), "{file} was read although cut short");
        });
    }
}

#[test]
fn damaged_safetensors_files_give_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.safetensors");
    let tensors = Tensors::from([("weight".to_owned(), ramp(&[5, 3], 0.5))]);
    save(&path, &tensors, &description(), Storage::Float32).unwrap();
    damaged(&path, |path, cut| {
        let result = weights::read(path);
        assert!(!cut || result.is_err(), "it was read although cut short");
    });
}
