// Sums over processes with a GPU each, by libtorch's functions over NCCL.

#include "attempt.h"

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
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

struct Group {
    nccl::ncclComm_t members;
    // For sums that the rest of the work does not wait for.
    c10::cuda::CUDAStream aside;
};

// What is put on `later` from now on waits for what was put on `earlier`.
void order(const c10::cuda::CUDAStream& earlier, const c10::cuda::CUDAStream& later) {
    c10::Event reached(at::kCUDA);
    reached.record(earlier.unwrap());
    reached.block(later.unwrap());
}

c10::cuda::CUDAStream current(const Group& group) {
    return c10::cuda::getCurrentCUDAStream(group.aside.device_index());
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
        auto* members = nccl::comm_init_rank(world, id, rank);
        opened = new Group{members, c10::cuda::getStreamFromPool(true, device)};
    });
    return opened;
}

// Begins to replace a tensor by its sum over the group, aside from the work that is put on this thread's stream.
bool lpmflow_nccl_start_all_reduce(Group* group, const at::Tensor* tensor, char* message, size_t size) {
    return attempt(message, size, [&] {
        order(current(*group), group->aside);
        std::vector<at::Tensor> tensors{*tensor};
        nccl::all_reduce(tensors, tensors, SUM, {group->aside}, {group->members});
    });
}

// Has the work that is put on this thread's stream from now on wait for all sums that were begun.
bool lpmflow_nccl_finish(Group* group, char* message, size_t size) {
    return attempt(message, size, [&] { order(group->aside, current(*group)); });
}

// Replaces a tensor by that of the first process.
bool lpmflow_nccl_broadcast(Group* group, const at::Tensor* tensor, char* message, size_t size) {
    return attempt(message, size, [&] {
        std::vector<at::Tensor> tensors{*tensor};
        nccl::broadcast(tensors, {current(*group)}, {group->members});
    });
}

void lpmflow_nccl_close(Group* group) {
    nccl::comm_destroy(group->members);
    delete group;
}
}
