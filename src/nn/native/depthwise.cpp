// One filter for each channel, on the CPU. libtorch copies the map to pad it unevenly, and passes over it once more for
// either activation; here each value is read from memory once and written once.

#include "depthwise_filter.h"

#include <ATen/Parallel.h>

#include <exception>
#include <iostream>

extern "C" {

// Of all maps of the batch; with AVX-512 if `wide`, else with AVX2.
void lpmflow_depthwise(const Filter* filter, int64_t batch, bool wide) {
    const DepthwiseKernel& kernel = wide ? depthwise_avx512 : depthwise_avx2;
    try {
        at::parallel_for(0, batch * filter->out_height, 1, [&](int64_t from, int64_t to) {
            kernel.filter_rows(*filter, from, to);
        });
    } catch (const std::exception& error) {
        std::cerr << "filters of single channels: " << error.what() << std::endl;
        std::terminate();
    }
}
}
