// Filters of single channels with AVX-512.

#define LANES 16
#include "depthwise_kernel.h"

const DepthwiseKernel depthwise_avx512 = {filter_rows};
