// Filters of single channels with AVX2.

#define LANES 8
#include "depthwise_kernel.h"

const DepthwiseKernel depthwise_avx2 = {filter_rows};
