//! Compiles what is in C++, and writes libtorch's folder into the binary's run path, so that it
//! starts from any folder with no environment variable.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What is not in Rust.
const CPP: [&str; 4] = [
    "src/nn/native/attention.cpp",
    "src/nn/native/autocast.cpp",
    "src/nn/native/neighbours.cpp",
    "src/nn/native/onednn.cpp",
];

/// The same for processors that have certain instructions, with the flags that allow them.
const VECTORISED: [(&str, &[&str]); 2] = [
    ("avx2", &["-mavx2", "-mfma"]),
    ("avx512", &["-mavx512f", "-mavx512vl", "-mavx512dq", "-mfma", "-mprefer-vector-width=512"]),
];

/// What they include.
const HEADERS: [&str; 3] = [
    "src/nn/native/attention_head.h",
    "src/nn/native/attention_kernel.h",
    "src/nn/native/inference.h",
];

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    for source in CPP.iter().chain(&HEADERS) {
        println!("cargo:rerun-if-changed={source}");
    }
    let Ok(libtorch) = std::env::var("LIBTORCH") else {
        panic!("LIBTORCH must name a folder with libtorch 2.13 (scripts/setup.sh makes one)");
    };
    let libraries = Path::new(&libtorch).join("lib");
    if !libraries.join("libtorch_cpu.so").is_file() {
        panic!("no libtorch in {}: run scripts/setup.sh first", libraries.display());
    }
    for (name, flags) in VECTORISED {
        let source = format!("src/nn/native/attention_{name}.cpp");
        println!("cargo:rerun-if-changed={source}");
        let mut build = cc::Build::new();
        build.cpp(true).std("c++20").opt_level(3).file(source).flags(flags.iter());
        build.compile(&format!("lpmflow_attention_{name}"));
    }
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++20")
        .opt_level(3)
        .files(CPP)
        .include(Path::new(&libtorch).join("include"))
        .flag_if_supported("-Wno-unused-parameter")
        .warnings(false);
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        // libtorch's threads; its folder has the same library under the same name.
        build.flag("-fopenmp");
        println!("cargo:rustc-link-arg=-lgomp");
    }
    build.compile("lpmflow_native");
    build_cuda_library(Path::new(&libtorch));
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    // The CUDA library is opened at run time when asked for; linking it would make the binary
    // refuse to start without it.
    println!("cargo:rustc-link-arg=-Wl,--as-needed");
}

/// Builds `src/nn/native/cuda_graph.cpp` as a library of its own, which the program carries and opens when
/// CUDA is used. Without CUDA's headers (in a libtorch of the user's own) the library is an empty file.
fn build_cuda_library(libtorch: &Path) {
    const SOURCE: &str = "src/nn/native/cuda_graph.cpp";
    println!("cargo:rerun-if-changed={SOURCE}");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names a folder"));
    let library = out.join("liblpmflow_cuda.so");
    let headers = [libtorch.join("../nvidia/cu13/include"), "/usr/local/cuda/include".into()];
    let Some(headers) = headers.iter().find(|path| path.join("crt/host_defines.h").is_file())
    else {
        println!("cargo:warning=CUDA's headers are not there: built without CUDA graphs");
        std::fs::write(library, "").expect("the folder can be written to");
        return;
    };
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++20")
        .pic(true)
        .include(libtorch.join("include"))
        .include(headers)
        .flag_if_supported("-Wno-unused-parameter")
        .warnings(false);
    // What CUDA's own libraries lack here is there where a GPU is.
    let status = Command::new(build.get_compiler().path())
        .args(build.get_compiler().args())
        .args(["-shared", SOURCE, "-o"])
        .arg(&library)
        .arg("-L")
        .arg(libtorch.join("lib"))
        .args(["-Wl,--no-as-needed", "-ltorch_cuda", "-lc10_cuda", "-ltorch_cpu", "-lc10"])
        .arg("-Wl,--allow-shlib-undefined")
        .status();
    assert!(status.is_ok_and(|status| status.success()), "{SOURCE} does not compile");
}
