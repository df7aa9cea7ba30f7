// Attention on the CPU, faster than libtorch's: the more so for heads of few channels, and where the weights
// are wanted, as these never lie in memory for all heads at once.

#include "attention_head.h"
#include "inference.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

// The best kernel for the processor, or for the one that ATEN_CPU_CAPABILITY names; may be null.
const AttentionKernel* best_kernel() {
    const std::string capability = at::get_cpu_capability();
    if (capability == "AVX512") {
        return &attention_avx512;
    }
    return capability == "AVX2" ? &attention_avx2 : nullptr;
}

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

// `qkv` [B, N, 3, h, d], `bias` [h, N, N] or null, `out` [B, N, h, d]. False where this does not serve.
bool lpmflow_self_attention(
    const at::Tensor* qkv,
    const at::Tensor* bias,
    at::Tensor* out,
    bool narrow) {
    static const AttentionKernel* const best = best_kernel();
    const AttentionKernel* kernel = best != nullptr && narrow ? &attention_avx2 : best;
    if (kernel == nullptr || !serves(*qkv) || (bias != nullptr && !serves(*bias))) {
        return false;
    }
    try {
        const int64_t tokens = qkv->size(1), heads = qkv->size(3), dim = qkv->size(4);
        const int64_t all = heads * dim;
        const auto* from = qkv->const_data_ptr<float>();
        const auto* biases = bias == nullptr ? nullptr : bias->const_data_ptr<float>();
        auto* to = out->mutable_data_ptr<float>();
        const int64_t packed_size = kernel->packed_size(tokens, dim);
        at::parallel_for(0, qkv->size(0) * heads, 1, [&](int64_t begin, int64_t end) {
            float* packed = scratch(packed_size + kernel->scores_size(tokens));
            for (int64_t index = begin; index < end; ++index) {
                const int64_t batch = index / heads, head = index % heads;
                const float* query = from + batch * tokens * 3 * all + head * dim;
                const Head task{
                    query, query + all, query + 2 * all, 3 * all, 3 * all, tokens, tokens, dim,
                    static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim))),
                    biases == nullptr ? nullptr : biases + head * tokens * tokens,
                    to + batch * tokens * all + head * dim, all, nullptr};
                kernel->pack(task, packed);
                kernel->attend(task, packed, packed + packed_size, 0, tokens);
            }
        });
        return true;
    } catch (const std::exception& error) {
        give_up(error);
    }
}

// `query` [B, S, h, d], `key_value` [B, T, 2, h, d], `out` [B, S, h, d]; to `weights` [B, S, T] the softmaxes
// of all heads are added. False where this does not serve.
bool lpmflow_cross_attention(
    const at::Tensor* query,
    const at::Tensor* key_value,
    at::Tensor* out,
    at::Tensor* weights,
    bool narrow) {
    static const AttentionKernel* const best = best_kernel();
    const AttentionKernel* kernel = best != nullptr && narrow ? &attention_avx2 : best;
    if (kernel == nullptr || !serves(*query) || !serves(*key_value)) {
        return false;
    }
    try {
        const int64_t queries = query->size(1), keys = key_value->size(1);
        const int64_t heads = query->size(2), dim = query->size(3), all = heads * dim;
        const int64_t packed_size = kernel->packed_size(keys, dim);
        std::vector<float> packed(heads * packed_size);
        for (int64_t batch = 0; batch < query->size(0); ++batch) {
            const auto task = [&](int64_t head) {
                const float* key =
                    key_value->const_data_ptr<float>() + batch * keys * 2 * all + head * dim;
                return Head{
                    query->const_data_ptr<float>() + batch * queries * all + head * dim, key, key + all,
                    all, 2 * all, queries, keys, dim,
                    static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim))), nullptr,
                    out->mutable_data_ptr<float>() + batch * queries * all + head * dim, all,
                    weights->mutable_data_ptr<float>() + batch * queries * keys};
            };
            at::parallel_for(0, heads, 1, [&](int64_t begin, int64_t end) {
                for (int64_t head = begin; head < end; ++head) {
                    kernel->pack(task(head), packed.data() + head * packed_size);
                }
            });
            // A thread has its rows of the weights to itself.
            const int64_t share = 96;
            at::parallel_for(0, (queries + share - 1) / share, 1, [&](int64_t begin, int64_t end) {
                float* scores = scratch(kernel->scores_size(keys));
                for (int64_t part = begin; part < end; ++part) {
                    const int64_t last = std::min(queries, (part + 1) * share);
                    for (int64_t head = 0; head < heads; ++head) {
                        float* of_head = packed.data() + head * packed_size;
                        kernel->attend(task(head), of_head, scores, part * share, last);
                    }
                }
            });
        }
        return true;
    } catch (const std::exception& error) {
        give_up(error);
    }
}
}
