//! Compiles what is in C++, and writes libtorch's folder into the binary's run path, so that it
//! starts from any folder with no environment variable.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-changed=src/nn/onednn.cpp");
    println!("cargo:rerun-if-changed=src/nn/autocast.cpp");
    let Ok(libtorch) = std::env::var("LIBTORCH") else {
        panic!("LIBTORCH must name a folder with libtorch 2.13 (scripts/setup.sh makes one)");
    };
    let libraries = Path::new(&libtorch).join("lib");
    if !libraries.join("libtorch_cpu.so").is_file() {
        panic!("no libtorch in {}: run scripts/setup.sh first", libraries.display());
    }
    cc::Build::new()
        .cpp(true)
        .std("c++20")
        .files(["src/nn/onednn.cpp", "src/nn/autocast.cpp"])
        .include(Path::new(&libtorch).join("include"))
        .flag_if_supported("-Wno-unused-parameter")
        .warnings(false)
        .compile("lpmflow_onednn");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    // The CUDA library is opened at run time when asked for; linking it would make the binary
    // refuse to start without it.
    println!("cargo:rustc-link-arg=-Wl,--as-needed");
}
