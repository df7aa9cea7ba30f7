// Mixed precision: libtorch's autocast, for the CPU and CUDA alike (tch switches it on for CUDA alone, and
// only in float16, which needs losses to be scaled).

#include <ATen/autocast_mode.h>

extern "C" {

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
}
