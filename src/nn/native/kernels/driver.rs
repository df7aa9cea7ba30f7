//! NVIDIA's driver: loads machine code into a GPU and launches it.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys;
use tch::Device;

use crate::nn::native::cuda_library;
use crate::nn::native::kernels::launch::Launch;
use crate::nn::native::kernels::source::Source;
use crate::nn::native::kernels::{compiler, store};

/// What is loaded, by source's name and GPU.
static LOADED: LazyLock<Mutex<Modules>> = LazyLock::new(Mutex::default);

type Modules = HashMap<(&'static str, usize), Arc<Module>>;

/// Machine code in a GPU, for as long as the program runs.
#[derive(Debug)]
struct Module {
    context: sys::CUcontext,
    /// All of them at once: while a CUDA graph is recorded nothing can be loaded.
    kernels: HashMap<String, sys::CUfunction>,
}

// Safety: the driver lets any thread use a module of the device's one context.
unsafe impl Send for Module {}
// Safety: likewise.
unsafe impl Sync for Module {}

/// Compiles a source for a GPU, unless that was done before, and loads it.
///
/// # Errors
/// When the compiler or the driver refuses.
pub(super) fn load(source: Source, device: usize) -> Result<()> {
    module(source, device).map(drop)
}

/// Has the GPU do it, after all that libtorch had it do before.
///
/// # Errors
/// When the driver refuses.
pub(super) fn launch(launch: &Launch, device: Device) -> Result<()> {
    let Device::Cuda(device) = device else { bail!("kernels run on GPUs") };
    let module = module(launch.source, device)?;
    let action = || format!("launching the kernel `{}`", launch.entry);
    let kernel = *module.kernels.get(&launch.entry).with_context(action)?;
    let stream = cuda_library::current_stream(device).with_context(action)?;
    let ([x, y, z], threads) = (launch.grid, launch.threads);
    // Safety: the module is loaded and stays. The arguments are those that the kernel takes (tests launch every kernel
    // by the same description on the CPU, where each is read), and tensors among them are alive until libtorch
    // frees them on this very stream, after the kernel.
    let launched = launch.with_arguments(|arguments| {
        in_context(module.context, || unsafe {
            result::launch_kernel(kernel, (x, y, z), (threads, 1, 1), 0, stream.cast(), arguments)
        })
    });
    launched.map_err(readable).with_context(action)
}

fn module(source: Source, device: usize) -> Result<Arc<Module>> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = loaded.get(&(source.name, device)) {
        return Ok(Arc::clone(module));
    }
    let module = fresh(source, device)
        .with_context(|| format!("preparing the kernels `{}` for the GPU {device}", source.name))?;
    let module = Arc::new(module);
    loaded.insert((source.name, device), Arc::clone(&module));
    Ok(module)
}

fn fresh(source: Source, device: usize) -> Result<Module> {
    result::init().map_err(readable)?;
    let device = result::device::get(i32::try_from(device)?).map_err(readable)?;
    let (architecture, version) = identity(device).map_err(readable)?;
    let folder = store::folder();
    let file = folder.map(|folder| store::file(&folder, source, &architecture, version));
    let code = store::kept(file.as_deref(), || {
        compiler::open(&compiler::folder()?)?;
        compiler::machine_code(source, &architecture)
    })?;
    // Safety: the context is the one that libtorch uses, and the code is whole.
    let loaded = unsafe {
        result::primary_ctx::retain(device).and_then(|context| {
            let kernels = in_context(context, || {
                let module = result::module::load_data(code.as_ptr().cast())?;
                let kernel = |name: String| {
                    let entry = CString::new(name.as_str()).unwrap_or_default();
                    Ok((name, result::module::get_function(module, entry)?))
                };
                source.entries().into_iter().map(kernel).collect::<Result<_, DriverError>>()
            })?;
            Ok(Module { context, kernels })
        })
    };
    loaded.map_err(readable)
}

/// Acts on another GPU than the thread is at, if need be; libtorch then finds the thread where it was.
fn in_context<T>(
    context: sys::CUcontext,
    act: impl FnOnce() -> Result<T, DriverError>,
) -> Result<T, DriverError> {
    let before = result::ctx::get_current()?;
    if before == Some(context) {
        return act();
    }
    // Safety: both contexts are primary ones, which nobody destroys.
    unsafe { result::ctx::set_current(context) }?;
    let done = act();
    if let Some(before) = before {
        // Safety: as above.
        unsafe { result::ctx::set_current(before) }?;
    }
    done
}

/// A GPU's architecture as compilers name it, and the driver's version.
fn identity(device: sys::CUdevice) -> Result<(String, i32), DriverError> {
    use sys::CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    };
    let mut version = 0;
    // Safety: the device is one, and the version is written to what is there for it.
    unsafe {
        let major = result::device::get_attribute(device, MAJOR)?;
        let minor = result::device::get_attribute(device, MINOR)?;
        sys::cuDriverGetVersion(&mut version).result()?;
        Ok((format!("sm_{major}{minor}"), version))
    }
}

/// The driver's own words.
fn readable(error: DriverError) -> anyhow::Error {
    let text = error.error_string().map(|text| text.to_string_lossy().into_owned());
    anyhow::anyhow!("{}", text.unwrap_or_else(|_| format!("{error:?}")))
}
