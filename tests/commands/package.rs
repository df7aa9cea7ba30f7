//! The package: unpacked elsewhere, it runs with nothing but the C library of the system.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::command::PROGRAM;
use crate::support::files::Folder;

/// Libraries of the C library: the only ones that are not in the package.
const SYSTEM: [&str; 7] = [
    "ld-linux-x86-64.so",
    "libc.so",
    "libm.so",
    "libdl.so",
    "librt.so",
    "libpthread.so",
    "libutil.so",
];

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Packs the program that the tests run, and unpacks it somewhere else.
fn unpacked(folder: &Folder) -> PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packed = folder.path("packed");
    let mut pack = Command::new(project.join("scripts/package.sh"));
    pack.args(["--uncompressed", "--binary", PROGRAM, "--output"]);
    run(pack.arg(&packed));
    let archive = fs::read_dir(&packed).unwrap().next().unwrap().unwrap().path();
    let elsewhere = folder.path("else where");
    fs::create_dir(&elsewhere).unwrap();
    run(Command::new("tar").arg("-C").arg(&elsewhere).arg("-xf").arg(&archive));
    fs::remove_file(archive).unwrap();
    fs::read_dir(&elsewhere).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn unpacked_elsewhere_it_matches_photos_in_an_empty_environment() {
    let folder = Folder::new();
    let root = unpacked(&folder);
    let flow = folder.path("flow.npy");
    let mut predict = Command::new(root.join("bin/lpmflow"));
    predict.env_clear().current_dir(folder.path(""));
    let demo = ["source.png", "target.png"].map(|name| root.join("demo").join(name));
    predict.env("LD_DEBUG", "libs").arg("predict").args(&demo).arg("-o").arg(&flow);
    let output = run(predict.args(["--device", "cpu", "--threads", "1"]));
    assert!(flow.metadata().unwrap().len() > 100_000, "one value for each pixel");

    // Every library it has opened is its own or the C library's.
    let log = String::from_utf8_lossy(&output.stderr);
    let opened: BTreeSet<&Path> = log
        .lines()
        .filter_map(|line| Some(Path::new(line.split_once("calling init: ")?.1)))
        .collect();
    let is_system = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        SYSTEM.iter().any(|library| name.starts_with(library))
    };
    let (own, others): (Vec<&Path>, Vec<&Path>) =
        opened.iter().partition(|path| path.starts_with(root.parent().unwrap()));
    assert!(own.iter().any(|path| path.ends_with("lib/libtorch_cpu.so")), "{opened:?}");
    assert!(others.iter().all(|path| is_system(path)), "{others:?}");
    // Nor is anything asked for where it was built: neither library nor weights.
    let built = [env!("CARGO_MANIFEST_DIR"), ".libtorch"];
    assert!(!built.iter().any(|place| log.contains(place)), "{log}");
    let weights = root.join("weights");
    fs::copy(weights.join("lite.safetensors"), weights.join("only-here.safetensors")).unwrap();
    run(Command::new(root.join("bin/lpmflow")).env_clear().args([
        "export",
        "--weights",
        "only-here",
        "-o",
        folder.path("copy.safetensors").to_str().unwrap(),
    ]));

    for file in [
        "LICENSE",
        "README.md",
        "licences/rust/LIST",
        "licences/libstdc++-libgcc-libgomp",
        "share/man/man1/lpmflow-predict.1",
        "share/bash-completion/completions/lpmflow",
        "share/zsh/site-functions/_lpmflow",
        "share/fish/vendor_completions.d/lpmflow.fish",
        "weights/lite.safetensors",
    ] {
        assert!(root.join(file).is_file(), "{file}");
    }
    let list = fs::read_to_string(root.join("licences/rust/LIST")).unwrap();
    for line in list.lines() {
        let name = line.split_once(':').unwrap().0;
        let told = line.contains("LICENSE of this package");
        assert!(told || root.join("licences/rust").join(name).is_dir(), "{line}");
    }
    assert!(list.contains("tch-0.") && list.contains("mozjpeg-sys-"), "{list}");
}
