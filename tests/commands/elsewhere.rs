//! Exported networks outside this tool: README's C++ and Python programs run as they stand there, and
//! ONNX, each compared with `predict --size network`; and TensorBoard's reader on a run. What needs Python with PyTorch runs where
//! `LPMFLOW_TEST_PYTHON` names one (see scripts/export_onnx.requirements.txt).

use std::fs;
use std::path::Path;
use std::process::Command;

use image::RgbImage;

use crate::command::lpmflow;
use crate::support::toy::Toy;

/// The side of the network input of `lite`.
const LITE_INPUT: u32 = 384;

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
    let side = LITE_INPUT;
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

/// Prints every scalar of a run folder as TensorBoard reads it: tag, step, value.
const READ_SCALARS: &str = "\
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0})
events.Reload()
for tag in events.Tags()['scalars']:
    for event in events.Scalars(tag):
        print(tag, event.step, repr(event.value))
";

#[test]
fn tensorboard_reads_what_the_metrics_say() {
    let Ok(python) = std::env::var("LPMFLOW_TEST_PYTHON") else {
        println!("LPMFLOW_TEST_PYTHON names no Python with TensorBoard: nothing tested");
        return;
    };
    let toy = Toy::new(4, 1);
    let run = toy.path("run");
    let settings = toy.path("settings.toml");
    fs::write(&settings, "log_every = 1\nbatch_size = 2\nepochs = 2\n").unwrap();
    let [output, settings] = [&run, &settings].map(|path| path.to_str().unwrap().to_owned());
    let flags = ["train", "--model", "tiny", "--output", &output, "--config", &settings];
    lpmflow(flags.map(str::to_owned).into_iter().chain(toy.flags())).succeeded();
    // A second file, of the resumed run.
    lpmflow(["train", "--resume", &output, "--epochs", "3"]).succeeded();

    let text = self::run(&python, &["-c", READ_SCALARS, &output], &toy.path(""));
    let mut found: Vec<(String, u64, f64)> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        found.push((words[0].to_owned(), words[1].parse().unwrap(), words[2].parse().unwrap()));
    }
    let mut compared = 0;
    for line in fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        for (key, tag) in [
            ("loss", "train/loss"),
            ("end_point_error", "train/end_point_error"),
            ("gradient_norm", "train/gradient_norm"),
            ("learning_rate", "learning_rate/rest"),
            ("validation_pck", "validation/pck"),
            ("mean_loss", "epoch/mean_loss"),
        ] {
            let Some(wanted) = line[key].as_f64() else { continue };
            let step = line["step"].as_u64().unwrap();
            let scalar = found.iter().find(|scalar| scalar.0 == tag && scalar.1 == step);
            let (_, _, value) = scalar.unwrap_or_else(|| panic!("no {tag} of step {step}"));
            assert!((value - wanted).abs() <= 1e-6 * wanted.abs(), "{tag}: {value}, not {wanted}");
            compared += 1;
        }
    }
    assert_eq!(compared, 6 * 4 + 3 * 2);
}
