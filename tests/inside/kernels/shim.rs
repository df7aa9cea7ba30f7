//! A file of kernels as a library for the CPU.
#![allow(unsafe_code, reason = "functions of a library that is compiled here")]

use std::ffi::c_void;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use libloading::Library;

use crate::nn::native::kernels::launch::Launch;
use crate::nn::native::kernels::source::Source;

type Entry = unsafe extern "C" fn(*mut *mut c_void, *const u32, *const u32);

/// A file of kernels, compiled for the CPU.
pub struct Shim {
    source: Source,
    library: Library,
}

impl Shim {
    /// Compiles a file of kernels.
    pub fn new(source: Source) -> Self {
        let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inside/kernels/shim.h");
        let text = source.whole();
        let entries = source.entries().into_iter();
        let entries: String = entries.map(|name| format!("SHIM_ENTRY({name})\n")).collect();
        let header = header.display();
        let whole = format!("#define LPMFLOW_SHIM\n#include \"{header}\"\n{text}\n{entries}");
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("kernels.so");
        let mut compiler = Command::new(std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned()))
            // Hidden, so that each library has its own of what is shared within a block.
            .args(["-std=c++20", "-O1", "-shared", "-fPIC", "-fvisibility=hidden"])
            .args(["-x", "c++", "-", "-o"])
            .arg(&library)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        compiler.stdin.take().unwrap().write_all(whole.as_bytes()).unwrap();
        assert!(compiler.wait().unwrap().success(), "{} does not compile", source.name);
        // Safety: the library has no initialisers but those of empty vectors.
        let library = unsafe { Library::new(&library) }.unwrap();
        Self { source, library }
    }

    /// Does what the GPU would.
    pub fn run(&self, launch: &Launch) {
        assert_eq!(launch.source, self.source);
        let name = format!("launch_{}", launch.entry);
        // Safety: `SHIM_ENTRY` makes functions of this type.
        let entry = unsafe { self.library.get::<Entry>(name.as_bytes()) }.unwrap();
        let threads = [launch.threads, 1, 1];
        launch.with_arguments(|arguments| {
            // Safety: the arguments are what the kernel takes, as the test is to show.
            unsafe { entry(arguments.as_mut_ptr(), launch.grid.as_ptr(), threads.as_ptr()) };
        });
    }
}
