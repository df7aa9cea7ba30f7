// A parallel region of OpenMP's, for what its threads do afterwards: they stay and sleep until the thread that
// opened it ends.

#include <atomic>
#include <cstdint>

extern "C" {

// How many threads were in it, at most `threads`.
int32_t lpmflow_open_region(int32_t threads) {
    std::atomic<int32_t> present{0};
#pragma omp parallel num_threads(threads)
    ++present;
    return present;
}
}
