// Questions to libtorch and settings of it that its Rust bindings do not offer.

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <cstdint>
#include <string>

// As in ATen/autocast_mode.h and ATen/Version.h, of which the first takes half a minute to compile. libtorch
// has these functions or this program does not link.
namespace at {

TORCH_API std::string get_cpu_capability();

namespace autocast {

TORCH_API void set_autocast_enabled(at::DeviceType device, bool enabled);
TORCH_API void set_autocast_dtype(at::DeviceType device, at::ScalarType dtype);
TORCH_API void clear_cache();
TORCH_API int increment_nesting();
TORCH_API int decrement_nesting();

} // namespace autocast
} // namespace at

extern "C" {

// Whether the functions here may take the place of libtorch's: they are for float32 on the CPU, have no
// gradient, and a traced network must run where they do not exist.
bool lpmflow_is_plain(const at::Tensor* xs) {
    return xs->defined() && xs->layout() == at::kStrided && xs->is_contiguous() &&
        !c10::GradMode::is_enabled() &&
        !c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::Tracer);
}

bool lpmflow_serves(const at::Tensor* xs) {
    return lpmflow_is_plain(xs) && xs->device().is_cpu() && xs->scalar_type() == at::kFloat;
}

// How often a tensor, or another that shares its values, was written to; -1 where that is not counted.
int64_t lpmflow_version(const at::Tensor* xs) {
    return !xs->defined() || xs->is_inference() ? -1 : static_cast<int64_t>(xs->_version());
}

// Values in the longest vector that libtorch uses here: the processor has them, and the environment's
// ATEN_CPU_CAPABILITY does not forbid them. 0 where that is neither AVX2's nor AVX-512's.
int32_t lpmflow_vector_lanes() {
    static const int32_t lanes = [] {
        const std::string capability = at::get_cpu_capability();
        return capability == "AVX512" ? 16 : capability == "AVX2" ? 8 : 0;
    }();
    return lanes;
}

// Matrix products and convolutions on this thread compute in bfloat16 from here on, or no more.
void lpmflow_autocast(bool enabled, bool cuda) {
    const auto device = cuda ? at::kCUDA : at::kCPU;
    if (enabled) {
        at::autocast::set_autocast_dtype(device, at::kBFloat16);
        at::autocast::set_autocast_enabled(device, true);
        at::autocast::increment_nesting();
        return;
    }
    // Weights are cast once while it lasts; the next step has others.
    if (at::autocast::decrement_nesting() == 0) {
        at::autocast::clear_cache();
    }
    at::autocast::set_autocast_enabled(device, false);
}

// Whether GPUs may round the factors of matrix products and of convolutions to TF32.
void lpmflow_allow_tf32(bool products, bool convolutions) {
    at::globalContext().setAllowTF32CuBLAS(products);
    at::globalContext().setAllowTF32CuDNN(convolutions);
}

bool lpmflow_tf32_products() {
    return at::globalContext().allowTF32CuBLAS();
}

bool lpmflow_tf32_convolutions() {
    return at::globalContext().allowTF32CuDNN();
}
}
