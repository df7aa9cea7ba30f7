// Where each source cell finds itself: the softmax of its scores over all target cells, and the expectation of both
// coordinates, in one pass over the scores without holding the probabilities.

#include "common.cuh"

constexpr int THREADS = 256;

// One block for each row of `scores` [rows, cells], whose cells lie in rows of `columns`; `x` [columns] and
// `y` [cells / columns] are their coordinates, `found` [rows, 2] the expectations, `scale` 1 over the temperature.
template <typename T>
__device__ void soft_argmax(
    const T* scores, const float* x, const float* y, float* found, int cells, int columns, float scale) {
    __shared__ float room[4 * THREADS / WARP];
    const T* row = scores + static_cast<long long>(blockIdx.x) * cells;
    // The greatest score so far, and sums relative to it.
    float greatest = Maximum::empty(), sum = 0.0f, sum_x = 0.0f, sum_y = 0.0f;
    for (int cell = threadIdx.x; cell < cells; cell += THREADS) {
        const float score = value(row[cell]) * scale;
        if (score > greatest) {
            const float before = __expf(greatest - score);
            sum *= before;
            sum_x *= before;
            sum_y *= before;
            greatest = score;
        }
        const float weight = __expf(score - greatest);
        sum += weight;
        sum_x += weight * x[cell % columns];
        sum_y += weight * y[cell / columns];
    }
    const float all = over_block<Maximum>(greatest, room);
    // A thread without cells has no greatest score.
    const float relative = sum > 0.0f ? __expf(greatest - all) : 0.0f;
    constexpr int PART = THREADS / WARP;
    sum = over_block<Sum>(sum * relative, room + PART);
    sum_x = over_block<Sum>(sum_x * relative, room + 2 * PART);
    sum_y = over_block<Sum>(sum_y * relative, room + 3 * PART);
    if (threadIdx.x == 0) {
        found[2 * blockIdx.x] = sum_x / sum;
        found[2 * blockIdx.x + 1] = sum_y / sum;
    }
}

#define PARAMETERS(T) \
    (const T* scores, const float* x, const float* y, float* found, int cells, int columns, float scale)
KERNELS(soft_argmax, THREADS, PARAMETERS, (scores, x, y, found, cells, columns, scale))
