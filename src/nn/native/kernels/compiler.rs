//! NVRTC, NVIDIA's compiler as a library: from a kernel's source to machine code. It needs no GPU.

use std::ffi::{CStr, CString, c_char};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use cudarc::nvrtc::result::NvrtcError;
use cudarc::nvrtc::sys;
use libloading::Library;

use crate::nn::native::kernels::source::Source;

/// The compiler, and what it opens by itself and would look for in the system's folders alone.
const LIBRARIES: [&str; 2] = ["libnvrtc-builtins.so.13.0", "libnvrtc.so.13"];

/// Where they lie beside libtorch's own libraries.
const BESIDE_LIBTORCH: &str = "../../nvidia/cu13/lib";

/// Opens the compiler, from a folder or, if that does not have it, from wherever the system finds it.
///
/// # Errors
/// When it is nowhere.
pub(crate) fn open(folder: &Path) -> Result<()> {
    static OPENED: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    let opened = OPENED.get_or_init(|| {
        for name in LIBRARIES {
            let path = folder.join(name);
            let place = if path.is_file() { path } else { PathBuf::from(name) };
            // Safety: NVIDIA's libraries are made to be opened so. They are never closed.
            let library = unsafe { Library::new(&place) };
            std::mem::forget(library.map_err(|error| error.to_string())?);
        }
        Ok(())
    });
    match opened {
        Ok(()) => Ok(()),
        Err(problem) => bail!(
            "the compiler of kernels is not there ({problem}); `scripts/setup.sh --cuda` sets it up"
        ),
    }
}

/// The folder with NVIDIA's libraries that belongs to the libtorch that is in use.
pub(super) fn folder() -> Result<PathBuf> {
    // The loader's own list of what is open names libtorch's place.
    let maps = std::fs::read_to_string("/proc/self/maps").context("looking for libtorch")?;
    let libtorch = maps.lines().filter_map(|line| line.split_once('/')).find_map(|(_, path)| {
        path.ends_with("libtorch_cpu.so").then(|| PathBuf::from(format!("/{path}")))
    });
    let libtorch = libtorch.context("libtorch is not open")?;
    Ok(libtorch.parent().unwrap_or(Path::new("")).join(BESIDE_LIBTORCH))
}

/// What a source becomes on GPUs of an architecture such as `sm_90`.
///
/// # Errors
/// When it does not compile, or the compiler knows no such GPUs. [`open`] was called before.
pub(crate) fn machine_code(source: Source, architecture: &str) -> Result<Vec<u8>> {
    let action = || format!("compiling the kernels `{}` for {architecture}", source.name);
    let text = CString::new(source.whole()).with_context(action)?;
    let name = CString::new(source.name).with_context(action)?;
    let options = [format!("--gpu-architecture={architecture}"), "--std=c++17".to_owned()];
    let options = options.map(|option| CString::new(option).expect("options have no zero bytes"));
    let options = options.each_ref().map(|option| option.as_ptr());
    let program = Program::new(&text, &name).with_context(action)?;
    // Safety: the program is alive, and so are the options, of which the number is told.
    let compiled = unsafe {
        sys::nvrtcCompileProgram(program.0, options.len() as i32, options.as_ptr()).result()
    };
    match compiled {
        Ok(()) => program.machine_code().with_context(action),
        Err(error) => bail!("{}: {error:?}: {}", action(), program.log().unwrap_or_default()),
    }
}

/// A program under way.
struct Program(sys::nvrtcProgram);

impl Program {
    /// The texts must live as long as it does.
    fn new(text: &CStr, name: &CStr) -> Result<Self, NvrtcError> {
        cudarc::nvrtc::result::create_program(text, Some(name)).map(Self)
    }

    fn machine_code(&self) -> Result<Vec<u8>, NvrtcError> {
        let mut size = 0;
        // Safety: the program is alive, and there is room for as many bytes as it says that it has.
        unsafe {
            sys::nvrtcGetCUBINSize(self.0, &mut size).result()?;
            let mut code = vec![0u8; size];
            sys::nvrtcGetCUBIN(self.0, code.as_mut_ptr().cast::<c_char>()).result()?;
            Ok(code)
        }
    }

    /// What the compiler has to say.
    fn log(&self) -> Option<String> {
        let mut size = 0;
        // Safety: as above.
        unsafe {
            sys::nvrtcGetProgramLogSize(self.0, &mut size).result().ok()?;
            let mut text = vec![0u8; size];
            sys::nvrtcGetProgramLog(self.0, text.as_mut_ptr().cast::<c_char>()).result().ok()?;
            let text = CStr::from_bytes_until_nul(&text).ok()?;
            Some(text.to_string_lossy().trim().to_owned())
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Safety: it is alive, and nobody uses it after this. There is nothing to be done about an error.
        let _ = unsafe { sys::nvrtcDestroyProgram(&mut self.0) };
    }
}
