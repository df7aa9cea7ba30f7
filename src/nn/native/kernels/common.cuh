// What the kernels have in common: numbers of each precision, and sums over a block's threads. No header of CUDA's is
// included, as machines that only run the program have none.
constexpr int WARP = 32;

// IEEE half precision, and the upper half of a float.
struct float16 {
    unsigned short bits;
};
struct bfloat16 {
    unsigned short bits;
};

__device__ inline float value(float x) {
    return x;
}

__device__ inline float value(bfloat16 x) {
    return __uint_as_float(static_cast<unsigned>(x.bits) << 16);
}

__device__ inline float value(float16 x) {
#ifdef LPMFLOW_SHIM
    return shim::float_of_half(x.bits);
#else
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
    return wide;
#endif
}

// The nearest number of a precision; of two that are equally near the even one.
template <typename T>
__device__ inline T rounded(float x);

template <>
__device__ inline float rounded<float>(float x) {
    return x;
}

template <>
__device__ inline bfloat16 rounded<bfloat16>(float x) {
    const unsigned bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return {0x7fff};  // no number
    }
    return {static_cast<unsigned short>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

template <>
__device__ inline float16 rounded<float16>(float x) {
#ifdef LPMFLOW_SHIM
    return {shim::half_of_float(x)};
#else
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return {bits};
#endif
}

struct Sum {
    __device__ static float empty() {
        return 0.0f;
    }
    __device__ static float join(float a, float b) {
        return a + b;
    }
};

struct Maximum {
    __device__ static float empty() {
        return __uint_as_float(0xff800000u);  // minus infinity
    }
    __device__ static float join(float a, float b) {
        return a > b ? a : b;
    }
};

// Over all threads of a warp; every thread gets it.
template <typename Join>
__device__ inline float over_warp(float x) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        x = Join::join(x, __shfl_xor_sync(0xffffffffu, x, distance));
    }
    return x;
}

// Over all threads of a block, whose number is a multiple of the warp's; every thread gets it. `room` is one float
// for each warp, and may be used again after the next `__syncthreads()`.
template <typename Join>
__device__ inline float over_block(float x, float* room) {
    const int warps = blockDim.x / WARP;
    x = over_warp<Join>(x);
    if (threadIdx.x % WARP == 0) {
        room[threadIdx.x / WARP] = x;
    }
    __syncthreads();
    float all = room[0];
    for (int warp = 1; warp < warps; ++warp) {
        all = Join::join(all, room[warp]);
    }
    return all;
}

// Declares `NAME_float32`, `NAME_bfloat16` and `NAME_float16`, which call the template `NAME`.
#define KERNELS(name, threads, parameters, arguments)                                        \
    extern "C" __global__ void __launch_bounds__(threads) name##_float32 parameters(float) {         \
        name<float> arguments;                                                               \
    }                                                                                        \
    extern "C" __global__ void __launch_bounds__(threads) name##_bfloat16 parameters(bfloat16) {     \
        name<bfloat16> arguments;                                                            \
    }                                                                                        \
    extern "C" __global__ void __launch_bounds__(threads) name##_float16 parameters(float16) {       \
        name<float16> arguments;                                                             \
    }
