// Attention on the CPU, faster than libtorch's: the more so for heads of few channels, and where the weights
// are wanted, as these never lie in memory for all heads at once.

#include "attention_head.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <exception>
#include <iostream>
#include <vector>

namespace {

// As in Rust.
struct Sizes {
    int64_t batch, queries, keys, heads, dim;
};

float* scratch(int64_t size) {
    thread_local std::vector<float> values;
    if (static_cast<int64_t>(values.size()) < size) {
        values.resize(size);
    }
    return values.data();
}

[[noreturn]] void give_up(const std::exception& error) {
    std::cerr << "attention: " << error.what() << std::endl;
    std::terminate();
}

} // namespace

extern "C" {

// `qkv` [B, N, 3, h, d], `bias` [h, N, N] or null, `out` [B, N, h, d]; with AVX-512 if `wide`, else with
// AVX2.
void lpmflow_self_attention(const float* qkv, const float* bias, float* out, Sizes sizes, bool wide) {
    const AttentionKernel& kernel = wide ? attention_avx512 : attention_avx2;
    try {
        const int64_t tokens = sizes.queries, heads = sizes.heads, dim = sizes.dim;
        const int64_t all = heads * dim;
        const int64_t packed_size = kernel.packed_size(tokens, dim);
        at::parallel_for(0, sizes.batch * heads, 1, [&](int64_t begin, int64_t end) {
            float* packed = scratch(packed_size + kernel.scores_size(tokens));
            for (int64_t index = begin; index < end; ++index) {
                const int64_t batch = index / heads, head = index % heads;
                const float* query = qkv + batch * tokens * 3 * all + head * dim;
                const Head task{
                    query, query + all, query + 2 * all, 3 * all, 3 * all, tokens, tokens, dim,
                    static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim))),
                    bias == nullptr ? nullptr : bias + head * tokens * tokens,
                    out + batch * tokens * all + head * dim, all, nullptr};
                kernel.pack(task, packed);
                kernel.attend(task, packed, packed + packed_size, 0, tokens);
            }
        });
    } catch (const std::exception& error) {
        give_up(error);
    }
}

// `query` [B, S, h, d], `key_value` [B, T, 2, h, d], `out` [B, S, h, d]; to `weights` [B, S, T] the softmaxes
// of all heads are added.
void lpmflow_cross_attention(
    const float* query,
    const float* key_value,
    float* out,
    float* weights,
    Sizes sizes,
    bool wide) {
    const AttentionKernel& kernel = wide ? attention_avx512 : attention_avx2;
    try {
        const int64_t queries = sizes.queries, keys = sizes.keys;
        const int64_t heads = sizes.heads, dim = sizes.dim, all = heads * dim;
        const int64_t packed_size = kernel.packed_size(keys, dim);
        std::vector<float> packed(heads * packed_size);
        for (int64_t batch = 0; batch < sizes.batch; ++batch) {
            const auto task = [&](int64_t head) {
                const float* key = key_value + batch * keys * 2 * all + head * dim;
                return Head{
                    query + batch * queries * all + head * dim, key, key + all, all, 2 * all, queries,
                    keys, dim, static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim))), nullptr,
                    out + batch * queries * all + head * dim, all, weights + batch * queries * keys};
            };
            at::parallel_for(0, heads, 1, [&](int64_t begin, int64_t end) {
                for (int64_t head = begin; head < end; ++head) {
                    kernel.pack(task(head), packed.data() + head * packed_size);
                }
            });
            // A thread has its rows of the weights to itself.
            const int64_t chunk = 96;
            at::parallel_for(0, (queries + chunk - 1) / chunk, 1, [&](int64_t begin, int64_t end) {
                float* scores = scratch(kernel.scores_size(keys));
                for (int64_t index = begin; index < end; ++index) {
                    const int64_t last = std::min(queries, (index + 1) * chunk);
                    for (int64_t head = 0; head < heads; ++head) {
                        float* of_head = packed.data() + head * packed_size;
                        kernel.attend(task(head), of_head, scores, index * chunk, last);
                    }
                }
            });
        }
    } catch (const std::exception& error) {
        give_up(error);
    }
}
}
