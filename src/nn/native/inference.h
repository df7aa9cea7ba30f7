#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

// Whether the functions here may take the place of libtorch's: they are for float32 on the CPU, have no
// gradient, and a traced network must run where they do not exist.
inline bool serves(const at::Tensor& xs) {
    return xs.device().is_cpu() && xs.scalar_type() == at::kFloat && xs.is_contiguous() &&
        !c10::GradMode::is_enabled() &&
        !c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::Tracer);
}
