// Attention with AVX-512.

#define LANES 16
#define ROWS 8
#include "attention_kernel.h"

const AttentionKernel attention_avx512 = {packed_size, scores_size, pack, attend};
