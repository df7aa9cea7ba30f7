//! Compiles what is in C++, and writes libtorch's folder into the binary's run path, so that it
//! starts from any folder with no environment variable.

use std::path::Path;

/// What is not in Rust.
const CPP: [&str; 4] =
    ["src/nn/attention.cpp", "src/nn/autocast.cpp", "src/nn/neighbours.cpp", "src/nn/onednn.cpp"];

/// The same for processors that have certain instructions, with the flags that allow them.
const VECTORISED: [(&str, &[&str]); 2] = [
    ("avx2", &["-mavx2", "-mfma"]),
    ("avx512", &["-mavx512f", "-mavx512vl", "-mavx512dq", "-mfma", "-mprefer-vector-width=512"]),
];

/// What they include.
const HEADERS: [&str; 3] =
    ["src/nn/attention_head.h", "src/nn/attention_kernel.h", "src/nn/inference.h"];

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
        let source = format!("src/nn/attention_{name}.cpp");
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
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    // The CUDA library is opened at run time when asked for; linking it would make the binary
    // refuse to start without it.
    println!("cargo:rustc-link-arg=-Wl,--as-needed");
}
