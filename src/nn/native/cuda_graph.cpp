// CUDA graphs of libtorch's CUDA library, as a library of its own: the program must start where there is no
// CUDA. Errors come back as text.

#include "attempt.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

#include <memory>

namespace {

struct Capture {
    at::cuda::CUDAGraph graph;
    c10::cuda::CUDAStream outside;
};

} // namespace

extern "C" {

// From here on, what this thread has the device do is recorded instead of done. Null on failure.
void* lpmflow_graph_begin(int8_t device, char* message, size_t size) {
    std::unique_ptr<Capture> capture;
    const bool begun = attempt(message, size, [&] {
        c10::cuda::set_device(device);
        c10::cuda::device_synchronize();
        capture = std::unique_ptr<Capture>(new Capture{{}, c10::cuda::getCurrentCUDAStream(device)});
        // Not on the default stream, which cannot be recorded.
        c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(false, device));
        // Other threads may go on with what is theirs.
        capture->graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    });
    if (!begun && capture != nullptr) {
        c10::cuda::setCurrentCUDAStream(capture->outside);
    }
    return begun ? capture.release() : nullptr;
}

bool lpmflow_graph_end(void* graph, char* message, size_t size) {
    auto* capture = static_cast<Capture*>(graph);
    const bool ended = attempt(message, size, [&] { capture->graph.capture_end(); });
    c10::cuda::setCurrentCUDAStream(capture->outside);
    return ended;
}

// Does once more what was recorded.
bool lpmflow_graph_replay(void* graph, char* message, size_t size) {
    return attempt(message, size, [&] { static_cast<Capture*>(graph)->graph.replay(); });
}

void lpmflow_graph_free(void* graph) {
    delete static_cast<Capture*>(graph);
}
}
