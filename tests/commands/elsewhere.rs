//! Exported networks outside this tool: the example programs, which README shows, and ONNX, each compared with
//! `predict --size network` on the demo photos; and TensorBoard's reader on a run. What needs Python with PyTorch
//! runs where `LPMFLOW_TEST_PYTHON` names one (see scripts/export_onnx.requirements.txt).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sha2::{Digest, Sha256};

use crate::command::{lpmflow, names};
use crate::support::files::Folder;
use crate::support::toy::Toy;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn demo(name: &str) -> String {
    project("scripts/demo").join(name).to_str().unwrap().to_owned()
}

/// A folder with the exported network `lite.pt`, and what `predict` says of the demo photos.
fn prepare() -> (Folder, Vec<f32>) {
    let folder = Folder::new();
    lpmflow(["export", "--weights", "lite", "-o", &folder.text("lite.pt"), "--verify"]).succeeded();
    let (source, target, wanted) =
        (demo("source.png"), demo("target.png"), folder.text("wanted.npy"));
    lpmflow(["predict", &source, &target, "--size", "network", "-o", &wanted]).succeeded();
    let wanted = array(&folder.path("wanted.npy"));
    assert!(wanted.iter().any(|value| value.abs() > 1.0), "the flow says something");
    (folder, wanted)
}

/// The values of a NumPy file.
fn array(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    npyz::NpyFile::new(&bytes[..]).unwrap().into_vec::<f32>().unwrap()
}

/// The values of a `.flo` file, plane by plane as NumPy files hold them.
fn planes(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..4], b"PIEH");
    let values: Vec<f32> = bytes[12..]
        .chunks_exact(4)
        .map(|value| f32::from_le_bytes(value.try_into().unwrap()))
        .collect();
    (0..2).flat_map(|plane| values.iter().skip(plane).step_by(2).copied()).collect()
}

fn start(program: impl AsRef<Path>, arguments: &[&str], folder: &Path) -> Output {
    Command::new(program.as_ref()).args(arguments).current_dir(folder).output().unwrap()
}

fn run(program: impl AsRef<Path>, arguments: &[&str], folder: &Path) -> String {
    let output = start(&program, arguments, folder);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let name = program.as_ref().display();
    assert!(output.status.success(), "{name}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Runs a program that must end with an error that says `wanted`, and write nothing.
fn fails(program: impl AsRef<Path>, arguments: &[&str], folder: &Path, wanted: &str) {
    let before = names(folder);
    let output = start(program, arguments, folder);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains(wanted), "`{wanted}` is not in: {error}");
    assert_eq!(names(folder), before);
}

fn assert_equal(found: &[f32], wanted: &[f32]) {
    assert_eq!(found.len(), wanted.len());
    let largest = wanted.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let difference = found.iter().zip(wanted).fold(0.0_f32, |d, (a, b)| d.max((a - b).abs()));
    println!("largest difference {difference:e} of {largest}");
    assert!(difference <= 1e-4 * largest, "{difference} of {largest}");
}

#[test]
fn readme_shows_the_example_programs_as_they_are() {
    let readme = fs::read_to_string(project("README.md")).unwrap();
    for (language, name) in [("python", "flow.py"), ("cpp", "flow.cpp")] {
        let program = fs::read_to_string(project("scripts/examples").join(name)).unwrap();
        let block = format!("```{language}\n{program}```\n");
        assert!(readme.contains(&block), "README shows another {name}");
    }
}

/// A photo on white in binary PPM, as image tools write it.
fn write_ppm(from: &str, to: &Path) {
    let photo = image::open(from).unwrap();
    assert!(
        photo.color().has_alpha(),
        "what a program does with transparency is part of the comparison"
    );
    let photo = photo.to_rgba8();
    let mut file = format!("P6\n{} {}\n255\n", photo.width(), photo.height()).into_bytes();
    for pixel in photo.pixels() {
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        file.extend(
            [red, green, blue].map(|v| ((v * alpha + 255 * (255 - alpha) + 127) / 255) as u8),
        );
    }
    fs::write(to, file).unwrap();
}

/// The C++ program. It is compiled anew where something that it is made of has changed: libtorch's headers take
/// the compiler ten seconds.
fn compiled() -> PathBuf {
    let script = project("scripts/examples/compile.sh");
    let library = Path::new(env!("LIBTORCH")).join("lib/libtorch_cpu.so");
    let mut digest = Sha256::new();
    for part in [&script, &project("scripts/examples/flow.cpp")] {
        digest.update(fs::read(part).unwrap());
    }
    let about = fs::metadata(&library).unwrap();
    digest.update(format!("{} {} {:?}", library.display(), about.len(), about.modified().unwrap()));
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("flow-{digest}"));
    if !program.exists() {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let fresh = folder.path().join("flow");
        let output = Command::new(script).arg(&fresh).env("LIBTORCH", env!("LIBTORCH")).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::rename(fresh, &program).unwrap();
    }
    program
}

#[test]
fn the_cpp_program_gives_the_flow_of_predict() {
    let (folder, wanted) = prepare();
    let flow = compiled();
    for name in ["source", "target"] {
        write_ppm(&demo(&format!("{name}.png")), &folder.path(&format!("{name}.ppm")));
    }
    run(&flow, &["lite.pt", "source.ppm", "target.ppm", "flow.flo"], &folder.path(""));
    assert_equal(&planes(&folder.path("flow.flo")), &wanted);

    let photo = fs::read(folder.path("source.ppm")).unwrap();
    fs::write(folder.path("cut.ppm"), &photo[..photo.len() - 1]).unwrap();
    for (arguments, wanted) in [
        (&["lite.pt", "absent.ppm", "target.ppm", "none.flo"][..], "absent.ppm: there is no photo"),
        (&["lite.pt", "source.ppm", "cut.ppm", "none.flo"], "cut.ppm: the file is cut off"),
        (&["lite.pt", "source.ppm", "lite.pt", "none.flo"], "lite.pt: there is no photo"),
        (&["absent.pt", "source.ppm", "target.ppm", "none.flo"], "absent.pt"),
        (
            &["lite.pt", "source.ppm", "target.ppm", "absent/none.flo"],
            "none.flo: it cannot be written",
        ),
        (&["lite.pt"], "usage"),
    ] {
        fails(&flow, arguments, &folder.path(""), wanted);
    }
}

/// Prints what an ONNX file says of its inputs and its output.
const READ_INTERFACE: &str = "\
import sys, onnx
graph = onnx.load(sys.argv[1]).graph
for value in [*graph.input, *graph.output]:
    print(value.name, *[axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim])
";

#[test]
fn the_python_program_and_onnx_give_the_flow_of_predict() {
    let Ok(python) = std::env::var("LPMFLOW_TEST_PYTHON") else {
        println!("LPMFLOW_TEST_PYTHON names no Python with PyTorch: nothing tested");
        return;
    };
    let (folder, wanted) = prepare();
    let program = project("scripts/examples/flow.py");
    let program = program.to_str().unwrap();
    let photos = [demo("source.png"), demo("target.png")];
    run(&python, &[program, "lite.pt", &photos[0], &photos[1], "flow.npy"], &folder.path(""));
    assert_equal(&array(&folder.path("flow.npy")), &wanted);
    let deep = folder.text("deep.png");
    image::open(&photos[0]).unwrap().to_luma16().save(&deep).unwrap();
    let wanted = folder.text("wanted.npy");
    lpmflow(["predict", &deep, &photos[1], "--size", "network", "-o", &wanted]).succeeded();
    run(&python, &[program, "lite.pt", &deep, &photos[1], "flow.npy"], &folder.path(""));
    assert_equal(&array(&folder.path("flow.npy")), &array(&folder.path("wanted.npy")));
    let absent = [program, "lite.pt", &photos[0], "absent.png", "none.npy"];
    fails(&python, &absent, &folder.path(""), "absent.png");

    let script = project("scripts/export_onnx.py");
    let script = script.to_str().unwrap();
    let zero_shot = folder.text("zero-shot.pt");
    lpmflow(["export", "--weights", "zero-shot", "-o", &zero_shot]).succeeded();
    for (name, side) in [("lite", 384), ("zero-shot", 256)] {
        let [from, to] = ["pt", "onnx"].map(|ending| format!("{name}.{ending}"));
        println!("{}", run(&python, &[script, &from, &to], &folder.path("")));
        let interface = run(&python, &["-c", READ_INTERFACE, &to], &folder.path(""));
        let photos = format!("batch 3 {side} {side}");
        assert_eq!(
            interface.lines().collect::<Vec<_>>(),
            [
                format!("source {photos}"),
                format!("target {photos}"),
                "flow batch 2 height width".to_owned(),
            ]
        );
    }
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
