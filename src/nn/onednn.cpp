// Linear maps by oneDNN on the CPU. libtorch has oneDNN inside and uses it for convolutions; for float32
// linear maps it calls MKL, which on AMD processors keeps to AVX2 and is half as fast where there is more.

#include "inference.h"

#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <exception>
#include <iostream>
#include <optional>
#include <string_view>

namespace {

using LinearPointwise = at::Tensor(
    const at::Tensor&,
    const at::Tensor&,
    const std::optional<at::Tensor>&,
    std::string_view,
    c10::List<std::optional<at::Scalar>>,
    std::optional<std::string_view>);

} // namespace

extern "C" {

// xs W' + b; null where oneDNN does not serve. (It could add GELU, but its own is less exact.)
at::Tensor* lpmflow_onednn_linear(
    const at::Tensor* xs,
    const at::Tensor* weight,
    const at::Tensor* bias) {
    if (!serves(*xs)) {
        return nullptr;
    }
    static const auto schema =
        c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (!schema.has_value()) {
        return nullptr;
    }
    static const auto linear = schema->typed<LinearPointwise>();
    try {
        const c10::List<std::optional<at::Scalar>> scalars;
        return new at::Tensor(linear.call(*xs, *weight, *bias, "none", scalars, std::nullopt));
    } catch (const std::exception& error) {
        std::cerr << "oneDNN: " << error.what() << std::endl;
        std::terminate();
    }
}
}
