//! Exported networks outside this tool: README's C++ and Python programs run as they stand there, and
//! ONNX, each compared with `predict --size network`. What needs Python with PyTorch runs where
//! `LPMFLOW_TEST_PYTHON` names one (see scripts/export_onnx.requirements.txt).
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

#[path = "support/command.rs"]
mod command;

use std::fs;
use std::path::Path;
use std::process::Command;

use command::lpmflow;
use image::RgbImage;
use lpmflow::model::config::ModelConfig;

/// The code block of README's that follows the line holding `mark`.
fn example(mark: &str) -> String {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let after = &readme[readme.find(mark).unwrap_or_else(|| panic!("README lacks `{mark}`"))..];
    let start = after.find("```").unwrap();
    let code = &after[start + after[start..].find('\n').unwrap() + 1..];
    code[..code.find("```").unwrap()].to_owned()
}

/// A folder with two photos of the network's own size, the exported network, and `predict`'s flow.
fn prepare(folder: &Path) -> Vec<f32> {
    let side = ModelConfig::lite().frame as u32;
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/demo");
    for name in ["source", "target"] {
        let photo = image::open(demo.join(format!("{name}.png"))).unwrap();
        let photo = photo.resize_exact(side, side, image::imageops::FilterType::Triangle).to_rgb8();
        photo.save(folder.join(format!("{name}.png"))).unwrap();
        fs::write(folder.join(format!("{name}.f32")), planes(&photo)).unwrap();
    }
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    lpmflow(["export", "--weights", "lite", "-o", &path("lite.pt"), "--verify"]).succeeded();
    let [source, target, flow] = ["source.png", "target.png", "flow.npy"].map(path);
    lpmflow(["predict", &source, &target, "--size", "network", "-o", &flow]).succeeded();
    let bytes = fs::read(flow).unwrap();
    let values = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec::<f32>().unwrap();
    assert!(values.iter().any(|value| value.abs() > 1.0), "the flow says something");
    values
}

/// One plane per channel, values 0 to 1.
fn planes(photo: &RgbImage) -> Vec<u8> {
    let plane = |channel: usize| photo.pixels().map(move |pixel| pixel[channel]);
    (0..3).flat_map(plane).flat_map(|value| (f32::from(value) / 255.0).to_le_bytes()).collect()
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn assert_equal(found: &[u8], wanted: &[f32]) {
    let found: Vec<f32> =
        found.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(found.len(), wanted.len());
    let largest = wanted.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let difference = found.iter().zip(wanted).fold(0.0_f32, |d, (a, b)| d.max((a - b).abs()));
    println!("largest difference {difference:e} of {largest}");
    assert!(difference <= 1e-4 * largest, "{difference} of {largest}");
}

#[test]
fn the_cpp_program_of_readme_gives_our_flow() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = prepare(folder.path());
    fs::write(folder.path().join("flow.cpp"), example("**C++**")).unwrap();
    let script = example("`flow.cpp` is compiled");
    let libtorch = env!("LIBTORCH");
    run("sh", &["-euc", &format!("LIBTORCH={libtorch}\n{script}")], folder.path());
    assert_equal(&fs::read(folder.path().join("flow.f32")).unwrap(), &wanted);
}

#[test]
fn the_python_program_of_readme_and_onnx_give_our_flow() {
    let Ok(python) = std::env::var("LPMFLOW_TEST_PYTHON") else {
        println!("LPMFLOW_TEST_PYTHON names no Python with PyTorch: nothing tested");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let wanted = prepare(folder.path());
    let program = example("**Python**") + "\nflow.numpy().tofile('flow.f32')\n";
    run(&python, &["-c", &program], folder.path());
    assert_equal(&fs::read(folder.path().join("flow.f32")).unwrap(), &wanted);

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/export_onnx.py");
    println!("{}", run(&python, &[script, "lite.pt", "lite.onnx"], folder.path()));
    let file = folder.path().join("zero-shot.pt");
    lpmflow(["export", "--weights", "zero-shot", "-o", file.to_str().unwrap()]).succeeded();
    println!("{}", run(&python, &[script, "zero-shot.pt", "zero-shot.onnx"], folder.path()));
}
