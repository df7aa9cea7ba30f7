//! Compiles what is in C++, and writes libtorch's folder into the binary's run path, so that it
//! starts from any folder with no environment variable.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// What is not in Rust.
const NATIVE: &str = "src/nn/native";

/// Whatever calls libtorch or its threads. None of it is slow if compiled for no processor in particular, and headers of
/// libtorch's take longer to compile than all the rest: see that each includes few.
const CALLS: [&str; 9] = [
    "adamw",
    "attention",
    "depthwise",
    "gradient_hooks",
    "libtorch",
    "linear",
    "module",
    "process_group",
    "region",
];

/// Where time is spent.
const LOOPS: [&str; 1] = ["neighbours"];

/// The same for processors that have certain instructions, with the flags that allow them.
const VECTORISED: [(&str, &[&str]); 4] = [
    ("attention_avx2", AVX2),
    ("attention_avx512", AVX512),
    ("depthwise_avx2", AVX2),
    ("depthwise_avx512", AVX512),
];
const AVX2: &[&str] = &["-mavx2", "-mfma"];
const AVX512: &[&str] =
    &["-mavx512f", "-mavx512vl", "-mavx512dq", "-mfma", "-mprefer-vector-width=512"];

/// Headers that c10d's header of Gloo includes and that are empty here: `process_group.cpp` says what of Gloo's it
/// needs, which is in libtorch without its headers, and logging would bring in all of autograd.
const EMPTY: [&str; 6] = [
    "gloo/algorithm.h",
    "gloo/context.h",
    "gloo/common/error.h",
    "gloo/rendezvous/store.h",
    "gloo/transport/device.h",
    "torch/csrc/distributed/c10d/logger.hpp",
];

/// What is settled before all else, by the program alone.
const START: &str = "start";

/// What calls libtorch's CUDA library, as a library of its own that the program carries.
const CUDA: [&str; 3] = ["cuda_graph", "cuda_stream", "nccl"];

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-changed={NATIVE}/attempt.h");
    for part in ["attention_head", "attention_kernel", "depthwise_filter", "depthwise_kernel"] {
        println!("cargo:rerun-if-changed={NATIVE}/{part}.h");
    }
    let Ok(libtorch) = std::env::var("LIBTORCH") else {
        panic!("LIBTORCH must name a folder with libtorch 2.13 (scripts/setup.sh makes one)");
    };
    let libtorch = Path::new(&libtorch);
    let libraries = libtorch.join("lib");
    if !libraries.join("libtorch_cpu.so").is_file() {
        panic!("no libtorch in {}: run scripts/setup.sh first", libraries.display());
    }
    let cuda = start_cuda_library(libtorch);
    for (name, flags) in VECTORISED {
        let mut build = cpp(3);
        build.file(source(name)).flags(flags.iter());
        build.compile(&format!("lpmflow_{name}"));
    }
    for (library, names, level) in [("calls", &CALLS[..], 1), ("loops", &LOOPS[..], 3)] {
        let mut build = cpp(level);
        build.files(names.iter().map(|name| source(name)));
        build.include(empty_headers()).include(libtorch.join("include"));
        if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
            // libtorch's threads.
            build.flag("-fopenmp");
        }
        build.compile(&format!("lpmflow_{library}"));
    }
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        // libtorch's folder has the same library under the same name.
        println!("cargo:rustc-link-arg=-lgomp");
        for object in cpp(1).file(source(START)).compile_intermediates() {
            println!("cargo:rustc-link-arg-bins={}", object.display());
        }
    }
    if let Some(mut compiler) = cuda {
        let done = compiler.wait().is_ok_and(|status| status.success());
        assert!(done, "{} do not compile", CUDA.join(".cpp, "));
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    // The CUDA library is opened at run time when asked for; linking it would make the binary
    // refuse to start without it.
    println!("cargo:rustc-link-arg=-Wl,--as-needed");
}

/// A folder with the [`EMPTY`] headers.
fn empty_headers() -> PathBuf {
    let folder = out().join("empty");
    for header in EMPTY {
        let path = folder.join(header);
        let written = std::fs::create_dir_all(path.parent().expect("headers lie in folders"))
            .and_then(|()| std::fs::write(&path, ""));
        written.expect("the folder can be written to");
    }
    folder
}

/// The folder for what is made here.
fn out() -> PathBuf {
    PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names a folder"))
}

/// The path of a C++ file, which is compiled anew when it changes.
fn source(name: &str) -> String {
    let path = format!("{NATIVE}/{name}.cpp");
    println!("cargo:rerun-if-changed={path}");
    path
}

/// A build of C++ that optimises so much, whatever is asked of the Rust around it. There is nothing to step
/// through, and what debuggers would read takes a quarter of the time.
fn cpp(level: u32) -> cc::Build {
    let mut build = cc::Build::new();
    build.cpp(true).std("c++20").opt_level(level).debug(false).warnings(false);
    build
}

/// Begins to compile the library for CUDA, which the program carries and opens when CUDA is used; the others
/// are compiled meanwhile. Without CUDA's headers (in a libtorch of the user's own) the library is an empty
/// file.
fn start_cuda_library(libtorch: &Path) -> Option<Child> {
    let library = out().join("liblpmflow_cuda.so");
    let sources = CUDA.map(source);
    let headers = [libtorch.join("../nvidia/cu13/include"), "/usr/local/cuda/include".into()];
    let Some(headers) = headers.iter().find(|path| path.join("crt/host_defines.h").is_file())
    else {
        println!("cargo:warning=CUDA's headers are not there: built without CUDA graphs");
        std::fs::write(library, "").expect("the folder can be written to");
        return None;
    };
    let mut build = cpp(1);
    build.pic(true).include(libtorch.join("include")).include(headers);
    // What CUDA's own libraries lack here is there where a GPU is.
    let compiler = Command::new(build.get_compiler().path())
        .args(build.get_compiler().args())
        .arg("-shared")
        .args(sources)
        .arg("-o")
        .arg(library)
        .arg("-L")
        .arg(libtorch.join("lib"))
        .args(["-Wl,--no-as-needed", "-ltorch_cuda", "-lc10_cuda", "-ltorch_cpu", "-lc10"])
        .arg("-Wl,--allow-shlib-undefined")
        .spawn();
    Some(compiler.expect("the C++ compiler starts"))
}
