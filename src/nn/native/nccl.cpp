// Sums over processes with a GPU each, by libtorch's functions over NCCL.

#include "attempt.h"

#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

// As in torch/csrc/cuda/nccl.h, which includes headers of CUDA's that are not at hand. libtorch has these
// functions or the library does not open.
namespace torch::cuda::nccl {

typedef void* ncclComm_t;
struct ncclUniqueId {
    char internal[128];
};
using comm_list = std::vector<ncclComm_t>;
using stream_list = std::vector<std::optional<c10::cuda::CUDAStream>>;

void get_unique_id(ncclUniqueId& id);
ncclComm_t comm_init_rank(int nranks, const ncclUniqueId& comm_id, int rank);
void comm_destroy(ncclComm_t comm);
void broadcast(at::TensorList tensors, const stream_list& streams, const comm_list& user_comms);
void all_reduce(
    const std::vector<at::Tensor>& inputs,
    std::vector<at::Tensor>& outputs,
    int32_t op,
    const stream_list& streams,
    const comm_list& user_comms);

} // namespace torch::cuda::nccl

namespace nccl = torch::cuda::nccl;

namespace {

constexpr int32_t SUM = 0;

nccl::stream_list stream_of(const at::Tensor& tensor) {
    return {c10::cuda::getCurrentCUDAStream(tensor.device().index())};
}

} // namespace

extern "C" {

// Names a group that is to be: 128 bytes that the first process gives the others.
bool lpmflow_nccl_name(uint8_t* name, char* message, size_t size) {
    return attempt(message, size, [&] {
        nccl::ncclUniqueId id;
        nccl::get_unique_id(id);
        std::memcpy(name, id.internal, sizeof id.internal);
    });
}

// Joins the group of that name with a GPU. Null where that fails.
void* lpmflow_nccl_open(
    const uint8_t* name, int32_t rank, int32_t world, int8_t device, char* message, size_t size) {
    void* opened = nullptr;
    attempt(message, size, [&] {
        const c10::cuda::CUDAGuard guard(device);
        nccl::ncclUniqueId id;
        std::memcpy(id.internal, name, sizeof id.internal);
        opened = nccl::comm_init_rank(world, id, rank);
    });
    return opened;
}

// Replaces a tensor by its sum over the group.
bool lpmflow_nccl_all_reduce(void* group, const at::Tensor* tensor, char* message, size_t size) {
    return attempt(message, size, [&] {
        std::vector<at::Tensor> tensors{*tensor};
        nccl::all_reduce(tensors, tensors, SUM, stream_of(*tensor), {group});
    });
}

// Replaces a tensor by that of the first process.
bool lpmflow_nccl_broadcast(void* group, const at::Tensor* tensor, char* message, size_t size) {
    return attempt(message, size, [&] {
        std::vector<at::Tensor> tensors{*tensor};
        nccl::broadcast(tensors, stream_of(*tensor), {group});
    });
}

void lpmflow_nccl_close(void* group) {
    nccl::comm_destroy(group);
}
}
