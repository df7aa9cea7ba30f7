#pragma once

#include <cstdint>

// One head of attention from one sequence to another. Strides are between tokens, in values.
struct Head {
    const float *query, *key, *value;
    int64_t query_stride, key_stride; // values lie as keys do
    int64_t queries, keys, dim;
    float scale;
    const float* bias; // [queries, keys], added to the logits; may be null
    float* out;
    int64_t out_stride;
    float* weights; // [queries, keys], to which the softmax is added; may be null
};

// The functions of attention_kernel.h, compiled for an instruction set.
struct AttentionKernel {
    // Values that a head's keys and values take as `pack` writes them.
    int64_t (*packed_size)(int64_t keys, int64_t dim);
    // Values that `attend` works on.
    int64_t (*scores_size)(int64_t keys);
    void (*pack)(const Head& head, float* packed);
    void (*attend)(const Head& head, float* packed, float* scores, int64_t from, int64_t to);
};

extern const AttentionKernel attention_avx2;
extern const AttentionKernel attention_avx512;
