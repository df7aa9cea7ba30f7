//! Writes libtorch's folder into the binary's run path, so that it starts from any folder with no
//! environment variable.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let Ok(libtorch) = std::env::var("LIBTORCH") else { return };
    let libraries = Path::new(&libtorch).join("lib");
    if !libraries.join("libtorch_cpu.so").is_file() {
        println!(
            "cargo:warning=no libtorch in {}: run scripts/setup.sh first",
            libraries.display()
        );
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    // The CUDA library is opened at run time when asked for; linking it would make the binary
    // refuse to start without it.
    println!("cargo:rustc-link-arg=-Wl,--as-needed");
}
