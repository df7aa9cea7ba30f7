// Processes that meet at a store and compute sums together, by libtorch's c10d: TCPStore and Gloo.

#include "attempt.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

// libtorch holds Gloo and not its headers; what c10d's header names of it. Nothing here is made or called but by
// libtorch, whose own header says how large a group is. (build.rs writes empty files under the names of Gloo's
// headers, and of c10d's `logger.hpp`, which includes all of autograd.)
namespace gloo {

class Context {
public:
    void setTimeout(std::chrono::milliseconds timeout);
};

namespace rendezvous {
class Store {
public:
    virtual ~Store();
    virtual void set(const std::string& key, const std::vector<char>& value) = 0;
    virtual std::vector<char> get(const std::string& key) = 0;
    virtual void wait(const std::vector<std::string>& keys) = 0;
    virtual void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) = 0;
};
} // namespace rendezvous

namespace transport {
class Device;
class UnboundBuffer {
public:
    virtual ~UnboundBuffer();
};
} // namespace transport
} // namespace gloo

#include <c10/util/Logging.h>

namespace c10d {
struct ProcessGroupStatus {};
} // namespace c10d

#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

using std::chrono::milliseconds;

namespace {

// What c10d logs of a problem comes as an error as well, which says it once and without the addresses of functions.
void keep_log_to_itself() {
    if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = c10::GLOG_FATAL;
}

} // namespace

struct lpmflow_store {
    c10::intrusive_ptr<c10d::TCPStore> store;
};

struct lpmflow_gloo {
    c10::intrusive_ptr<c10d::Backend> group;
};

struct lpmflow_work {
    c10::intrusive_ptr<c10d::Work> work;
};

extern "C" {

// Meets the others at a port of `host`, which this process opens if it is the one that `serves`; port 0 is any
// that is free. Null where that fails.
lpmflow_store* lpmflow_store_open(
    const char* host, uint16_t port, bool serves, int64_t wait, char* message, size_t size) {
    lpmflow_store* opened = nullptr;
    keep_log_to_itself();
    attempt(message, size, [&] {
        c10d::TCPStoreOptions options;
        options.port = port;
        options.isServer = serves;
        options.waitWorkers = false;
        options.timeout = milliseconds(wait);
        opened = new lpmflow_store{c10::make_intrusive<c10d::TCPStore>(host, options)};
    });
    return opened;
}

uint16_t lpmflow_store_port(const lpmflow_store* store) {
    return store->store->getPort();
}

bool lpmflow_store_set(
    lpmflow_store* store, const char* key, const uint8_t* value, size_t length, char* message, size_t size) {
    return attempt(message, size, [&] { store->store->set(key, std::vector<uint8_t>(value, value + length)); });
}

bool lpmflow_store_has(lpmflow_store* store, const char* key, bool* has, char* message, size_t size) {
    return attempt(message, size, [&] { *has = store->store->check({key}); });
}

// Adds to a number, 0 until then.
bool lpmflow_store_add(
    lpmflow_store* store, const char* key, int64_t value, int64_t* sum, char* message, size_t size) {
    return attempt(message, size, [&] { *sum = store->store->add(key, value); });
}

// What stands under a key, once it is there; what has no room is left out.
bool lpmflow_store_get(
    lpmflow_store* store,
    const char* key,
    int64_t wait,
    uint8_t* value,
    size_t room,
    size_t* length,
    char* message,
    size_t size) {
    return attempt(message, size, [&] {
        store->store->wait({key}, milliseconds(wait));
        const auto found = store->store->get(key);
        *length = std::min(room, found.size());
        std::memcpy(value, found.data(), *length);
    });
}

void lpmflow_store_close(lpmflow_store* store) {
    delete store;
}

// Joins a group over an address of this machine, or over the network interface that is named instead. Null where
// that fails.
lpmflow_gloo* lpmflow_gloo_open(
    lpmflow_store* store,
    const char* key,
    int32_t rank,
    int32_t world,
    const char* address,
    const char* interface,
    int64_t wait,
    char* message,
    size_t size) {
    lpmflow_gloo* opened = nullptr;
    attempt(message, size, [&] {
        using c10d::ProcessGroupGloo;
        auto options = ProcessGroupGloo::Options::create(milliseconds(wait));
        options->devices.push_back(
            *interface != 0 ? ProcessGroupGloo::createDeviceForInterface(interface)
                            : ProcessGroupGloo::createDeviceForHostname(address));
        options->threads = 2;
        store->store->setTimeout(milliseconds(wait));
        c10::intrusive_ptr<c10d::Store> own = c10::make_intrusive<c10d::PrefixStore>(key, store->store);
        opened = new lpmflow_gloo{c10::make_intrusive<ProcessGroupGloo>(own, rank, world, options)};
    });
    return opened;
}

// Begins to replace a tensor by its sum over the group; other threads do it. Null where that fails.
lpmflow_work* lpmflow_gloo_start_all_reduce(
    lpmflow_gloo* gloo, const at::Tensor* tensor, int64_t wait, char* message, size_t size) {
    lpmflow_work* started = nullptr;
    attempt(message, size, [&] {
        c10d::AllreduceOptions options;
        options.timeout = milliseconds(wait);
        std::vector<at::Tensor> tensors{*tensor};
        started = new lpmflow_work{gloo->group->allreduce(tensors, options)};
    });
    return started;
}

// Waits until it is done.
bool lpmflow_work_wait(lpmflow_work* work, char* message, size_t size) {
    return attempt(message, size, [&] { work->work->wait(); });
}

void lpmflow_work_close(lpmflow_work* work) {
    delete work;
}

// Replaces a tensor by that of the process `root`.
bool lpmflow_gloo_broadcast(
    lpmflow_gloo* gloo, const at::Tensor* tensor, int32_t root, int64_t wait, char* message, size_t size) {
    return attempt(message, size, [&] {
        c10d::BroadcastOptions options;
        options.rootRank = root;
        options.timeout = milliseconds(wait);
        std::vector<at::Tensor> tensors{*tensor};
        gloo->group->broadcast(tensors, options)->wait();
    });
}

void lpmflow_gloo_close(lpmflow_gloo* gloo) {
    delete gloo;
}
}
