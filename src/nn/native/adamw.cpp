// AdamW by libtorch's fused kernels, which its Rust bindings do not offer.

#include "attempt.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/_fused_adamw_ops.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

extern "C" {

// As in adamw.rs.
struct lpmflow_adamw_constants {
    double rate, beta1, beta2, weight_decay, epsilon;
};

// One update of `count` parameters, all of which were updated as often before as `steps`, a tensor of one value,
// says with this update counted. False where libtorch cannot; then `message` says why.
bool lpmflow_adamw(
    const at::Tensor* const* parameters,
    const at::Tensor* const* gradients,
    const at::Tensor* const* first_moments,
    const at::Tensor* const* second_moments,
    size_t count,
    const at::Tensor* steps,
    lpmflow_adamw_constants constants,
    char* message,
    size_t room) {
    return attempt(message, room, [&] {
        const auto list = [count](const at::Tensor* const* tensors) {
            std::vector<at::Tensor> copies;
            copies.reserve(count);
            std::for_each_n(tensors, count, [&](const at::Tensor* tensor) { copies.push_back(*tensor); });
            return copies;
        };
        const auto updated = list(parameters);
        at::_ops::_fused_adamw_::call(
            updated,
            list(gradients),
            list(first_moments),
            list(second_moments),
            {},
            std::vector<at::Tensor>(count, *steps),
            constants.rate,
            constants.beta1,
            constants.beta2,
            constants.weight_decay,
            constants.epsilon,
            /*amsgrad=*/false,
            /*maximize=*/false,
            std::nullopt,
            std::nullopt);
        // Lists of tensors are written to uncounted.
        for (const auto& parameter : updated) {
            parameter.unsafeGetTensorImpl()->bump_version();
        }
    });
}
}
