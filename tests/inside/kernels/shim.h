// Enough of CUDA to run a kernel on the CPU: the threads of a block take turns, each until it waits for the others.
// Compiled before the kernels' own source, with LPMFLOW_SHIM defined.
#pragma once

#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
// Blocks run one after another in one thread of the system, so that what is shared in a block may be static.
#define __shared__ static
#define __launch_bounds__(threads)

inline dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace shim {

constexpr unsigned WARP = 32;
constexpr size_t STACK = 64 << 10;

struct Fiber {
    ucontext_t context;
    std::vector<char> stack;
    bool done = false;
};

inline std::vector<Fiber> fibers;
inline ucontext_t scheduler;
inline unsigned running;
inline std::vector<float> exchanged;
inline std::function<void()> body;

inline void run_fiber() {
    body();
    fibers[running].done = true;
}

// Lets all other threads of the block come as far.
inline void wait() {
    swapcontext(&fibers[running].context, &scheduler);
}

inline void place(unsigned thread) {
    running = thread;
    threadIdx.x = thread % blockDim.x;
    threadIdx.y = thread / blockDim.x % blockDim.y;
    threadIdx.z = thread / blockDim.x / blockDim.y;
}

// Threads reach a barrier in every round or are all done: what a kernel must do on a GPU too.
inline void run_block(unsigned threads) {
    fibers.resize(threads);
    exchanged.assign(threads, 0.0f);
    for (auto& fiber : fibers) {
        fiber.done = false;
        fiber.stack.resize(STACK);
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = STACK;
        fiber.context.uc_link = &scheduler;
        makecontext(&fiber.context, run_fiber, 0);
    }
    for (unsigned done = 0; done < threads;) {
        done = 0;
        for (unsigned thread = 0; thread < threads; ++thread) {
            if (!fibers[thread].done) {
                place(thread);
                swapcontext(&scheduler, &fibers[thread].context);
            }
            done += fibers[thread].done;
        }
        if (done > 0 && done < threads) {
            abort();  // some threads wait for others that have ended
        }
    }
}

inline void run(dim3 grid, dim3 block, std::function<void()> kernel) {
    gridDim = grid;
    blockDim = block;
    body = std::move(kernel);
    for (unsigned z = 0; z < grid.z; ++z) {
        for (unsigned y = 0; y < grid.y; ++y) {
            for (unsigned x = 0; x < grid.x; ++x) {
                blockIdx = {x, y, z};
                run_block(block.x * block.y * block.z);
            }
        }
    }
}

// As cuLaunchKernel takes its arguments: a pointer to each.
template <typename... A, size_t... I>
void call(void (*kernel)(A...), void** arguments, dim3 grid, dim3 block, std::index_sequence<I...>) {
    run(grid, block, [&] { kernel(*static_cast<std::remove_reference_t<A>*>(arguments[I])...); });
}

template <typename... A>
void launch(void (*kernel)(A...), void** arguments, dim3 grid, dim3 block) {
    call(kernel, arguments, grid, block, std::index_sequence_for<A...>{});
}

inline float float_of_half(uint16_t bits) {
    _Float16 half;
    std::memcpy(&half, &bits, sizeof half);
    return static_cast<float>(half);
}

inline uint16_t half_of_float(float x) {
    const auto half = static_cast<_Float16>(x);
    uint16_t bits;
    std::memcpy(&bits, &half, sizeof bits);
    return bits;
}

}  // namespace shim

inline void __syncthreads() {
    shim::wait();
}

inline void __syncwarp(unsigned = 0xffffffffu) {
    shim::wait();
}

// All threads of the block must exchange at once, which is more than a GPU asks for.
inline float __shfl_xor_sync(unsigned, float x, int distance) {
    const unsigned thread = shim::running;
    shim::exchanged[thread] = x;
    shim::wait();
    const float other = shim::exchanged[thread ^ static_cast<unsigned>(distance)];
    shim::wait();
    return other;
}

inline float __uint_as_float(unsigned bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

inline unsigned __float_as_uint(float x) {
    unsigned bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

inline float __expf(float x) {
    return std::exp(x);
}

inline float __fdividef(float a, float b) {
    return a / b;
}

inline float rsqrtf(float x) {
    return 1.0f / std::sqrt(x);
}

// What a test calls: `launch_NAME(arguments, grid, block)`.
#define SHIM_ENTRY(name)                                                                             \
    extern "C" __attribute__((visibility("default"))) void launch_##name(                            \
        void** arguments, const unsigned* grid, const unsigned* block) {                             \
        shim::launch(&name, arguments, {grid[0], grid[1], grid[2]}, {block[0], block[1], block[2]}); \
    }
