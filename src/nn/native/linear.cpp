// Linear maps by oneDNN, which libtorch has inside, through libtorch's C interface: its C++ headers for the
// same take ten times as long to compile.

#include <torch/csrc/inductor/aoti_torch/c/shim_cpu.h>

#include <cstdint>

extern "C" {

#if AT_MKLDNN_ENABLED()

// A copy of a weight in the order in which oneDNN reads it for inputs of so many rows; null on failure.
AtenTensorHandle lpmflow_onednn_pack(AtenTensorHandle weight, int64_t rows) {
    // The call takes what it is given, so it is given another handle of the weight.
    AtenTensorHandle given = nullptr;
    if (aoti_torch_new_tensor_handle(weight, &given) != AOTI_TORCH_SUCCESS) {
        return nullptr;
    }
    // (Tensor self, SymInt? batch_size) -> Tensor; what is optional lies behind a pointer.
    auto* batch_size = new StableIValue(static_cast<StableIValue>(rows));
    StableIValue stack[] = {
        reinterpret_cast<StableIValue>(given), reinterpret_cast<StableIValue>(batch_size)};
    if (aoti_torch_call_dispatcher("mkldnn::_reorder_linear_weight", "", stack) != AOTI_TORCH_SUCCESS) {
        return nullptr;
    }
    return reinterpret_cast<AtenTensorHandle>(stack[0]);
}

// xs W' + b, then GELU if `gelu`, or plus `addend` unless it is null; null on failure.
AtenTensorHandle lpmflow_onednn_linear(
    AtenTensorHandle xs,
    AtenTensorHandle weight,
    AtenTensorHandle bias,
    bool gelu,
    AtenTensorHandle addend) {
    AtenTensorHandle result = nullptr;
    if (addend != nullptr) {
        aoti_torch_cpu__linear_pointwise_binary(xs, addend, weight, &bias, "add", &result);
        return result;
    }
    const char* algorithm = "none";
    aoti_torch_cpu__linear_pointwise(
        xs, weight, &bias, gelu ? "gelu" : "none", nullptr, 0, &algorithm, &result);
    return result;
}

#else

AtenTensorHandle lpmflow_onednn_pack(AtenTensorHandle, int64_t) {
    return nullptr;
}

AtenTensorHandle lpmflow_onednn_linear(
    AtenTensorHandle, AtenTensorHandle, AtenTensorHandle, bool, AtenTensorHandle) {
    return nullptr;
}

#endif
}
