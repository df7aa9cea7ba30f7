#pragma once

#include <cstdint>

// One filter for each channel, over maps that are stored pixel by pixel; ReLU6 of what comes out.
struct Filter {
    const float* xs; // [batch, height, width, channels]
    const float* weight; // [kernel, kernel, channels]
    const float* bias; // [channels]
    float* out; // [batch, out_height, out_width, channels]
    int64_t height, width, channels, out_height, out_width;
    int64_t kernel, stride, before; // zeros before the first row and column
    bool relu6_before; // of what goes in, too
};

// The function of depthwise_kernel.h, compiled for an instruction set: rows `from` to `to` of all of the batch's.
struct DepthwiseKernel {
    void (*filter_rows)(const Filter& filter, int64_t from, int64_t to);
};

extern const DepthwiseKernel depthwise_avx2;
extern const DepthwiseKernel depthwise_avx512;
