// Linear maps by oneDNN on processors with AVX-512. libtorch has oneDNN inside and uses it for convolutions;
// for float32 linear maps it calls MKL, which on AMD processors keeps to AVX2 and is half as fast where there
// is more. Where AVX2 is all there is, MKL is as fast, and oneDNN's long sums round twice as much.

#include "inference.h"

#include <ATen/Version.h>
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

using LinearBinary = at::Tensor(
    const at::Tensor&,
    const at::Tensor&,
    const at::Tensor&,
    const std::optional<at::Tensor>&,
    std::string_view);

// An operation of libtorch's, if it is built in.
template <typename Signature>
std::optional<c10::TypedOperatorHandle<Signature>> operation(const char* name, const char* overload) {
    const auto schema = c10::Dispatcher::singleton().findSchema({name, overload});
    if (!schema.has_value()) {
        return std::nullopt;
    }
    return schema->typed<Signature>();
}

// Whether oneDNN is to map `xs`: on processors with AVX-512, unless ATEN_CPU_CAPABILITY forbids it.
bool can_map(const at::Tensor& xs) {
    static const bool has_avx512 = at::get_cpu_capability() == "AVX512";
    return has_avx512 && serves(xs);
}

[[noreturn]] void give_up(const std::exception& error) {
    std::cerr << "oneDNN: " << error.what() << std::endl;
    std::terminate();
}

} // namespace

extern "C" {

// A copy of a weight in the order in which oneDNN reads it for inputs of so many rows; null where it does not
// serve, or where the weight has ever been written to.
at::Tensor* lpmflow_onednn_pack(const at::Tensor* xs, const at::Tensor* weight, int64_t rows) {
    using Reorder = at::Tensor(const at::Tensor&, std::optional<c10::SymInt>);
    static const auto reorder = operation<Reorder>("mkldnn::_reorder_linear_weight", "");
    if (!reorder.has_value() || !can_map(*xs) || !serves(*weight) || weight->_version() != 0) {
        return nullptr;
    }
    try {
        return new at::Tensor(reorder->call(*weight, c10::SymInt(rows)));
    } catch (const std::exception& error) {
        give_up(error);
    }
}

// xs W' + b, then GELU if `gelu`, or plus `addend` unless it is null; null where oneDNN does not serve.
at::Tensor* lpmflow_onednn_linear(
    const at::Tensor* xs,
    const at::Tensor* weight,
    const at::Tensor* bias,
    bool gelu,
    const at::Tensor* addend) {
    if (!can_map(*xs) || (addend != nullptr && !serves(*addend))) {
        return nullptr;
    }
    static const auto unary = operation<LinearPointwise>("mkldnn::_linear_pointwise", "");
    static const auto binary = operation<LinearBinary>("mkldnn::_linear_pointwise", "binary");
    if (!unary.has_value() || !binary.has_value()) {
        return nullptr;
    }
    try {
        if (addend != nullptr) {
            return new at::Tensor(binary->call(*xs, *addend, *weight, *bias, "add"));
        }
        const c10::List<std::optional<at::Scalar>> scalars;
        const char* after = gelu ? "gelu" : "none";
        return new at::Tensor(unary->call(*xs, *weight, *bias, after, scalars, "none"));
    } catch (const std::exception& error) {
        give_up(error);
    }
}
}
