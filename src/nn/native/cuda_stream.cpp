// The order in which libtorch has a GPU work, for kernels that are not libtorch's.

#include "attempt.h"

#include <c10/cuda/CUDAStream.h>

extern "C" {

// The stream on which this thread's work is put now.
bool lpmflow_stream(int8_t device, void** stream, char* message, size_t size) {
    return attempt(message, size, [&] { *stream = c10::cuda::getCurrentCUDAStream(device).stream(); });
}
}
