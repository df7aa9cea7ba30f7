// Attention with AVX2 and FMA.

#define LANES 8
#define ROWS 4
#include "attention_kernel.h"

const AttentionKernel attention_avx2 = {packed_size, scores_size, pack, attend};
