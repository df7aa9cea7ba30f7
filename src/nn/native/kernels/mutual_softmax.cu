// The consensus matcher's mutual softmax: exp of the mean of both log-softmaxes, which of scores E = exp(logits) is
// E / sqrt(row sum * column sum). Three kernels in turn: `first_scores` or `next_scores` make the scores, the sums of
// their rows and those of a few rows of each column; `column_scales` adds up the columns; `mutual_softmax` scales.
// Scores are float32 throughout: those of bad matches are beyond half precision's range.

#include "common.cuh"

constexpr int THREADS = 256;
constexpr int WARPS = THREADS / WARP;
// Source cells of a block: few, so that one pair of photos fills a GPU; each saves columns' sums from memory.
constexpr int ROWS = 4;

// Of `ROWS` source cells of one item of the batch: `scores` [B, S, T] out of `score(row, target)`, 1 / sqrt of their
// sums as `row_scales` [B, S], and their sums over these source cells as `partial` [B, groups, T]. `row` counts over
// the whole batch.
template <typename Score>
__device__ void collect(
    Score score, float* scores, float* row_scales, float* partial, int sources, int targets, float tiny) {
    __shared__ float room[ROWS * WARPS];
    const int groups = (sources + ROWS - 1) / ROWS;
    const int group = static_cast<int>(blockIdx.x) % groups;
    const int rest = sources - group * ROWS, count = rest < ROWS ? rest : ROWS;
    const long long first = static_cast<long long>(static_cast<int>(blockIdx.x) / groups) * sources + group * ROWS;
    float* part = partial + static_cast<long long>(blockIdx.x) * targets;
    float sums[ROWS] = {};
#pragma unroll 1  // the rows are enough to read at once
    for (int target = threadIdx.x; target < targets; target += THREADS) {
        // All are read without a branch between; those beyond the last source cell read its scores again.
        float found[ROWS], column = 0.0f;
#pragma unroll
        for (int row = 0; row < ROWS; ++row) {
            found[row] = score(first + (row < count ? row : count - 1), target);
        }
#pragma unroll
        for (int row = 0; row < ROWS; ++row) {
            if (row < count) {
                scores[(first + row) * targets + target] = found[row];
                sums[row] += found[row];
                column += found[row];
            }
        }
        part[target] = column;
    }
#pragma unroll
    for (int row = 0; row < ROWS; ++row) {
        const float sum = over_block<Sum>(sums[row], room + row * WARPS);
        if (threadIdx.x == 0 && row < count) {
            row_scales[first + row] = rsqrtf(sum + tiny);
        }
    }
}

// Scores of the first round, exp(U), which cannot overflow: `similarities` U [B, S, T] are at most 0. See `collect` for what is written. Grid: B * groups, the groups being S / ROWS, rounded up;
// block: THREADS.
template <typename T>
__device__ void first_scores(
    const T* similarities, float* scores, float* row_scales, float* partial, int sources, int targets, float tiny) {
    const auto score = [=](long long row, int target) {
        return expf(value(similarities[row * targets + target]));
    };
    collect(score, scores, row_scales, partial, sources, targets, tiny);
}

// Scores of a further round, (A + floor)^power * exp(prior * U), A being the 3x3 mean over the
// target grid, zeros beyond its rim, of the neighbours' sums; `similarities` U and `neighbours` [B, S, T], T in rows of
// `target_columns`. `agreement` gets A, of the same shape, unless it is null. Grid and block as of `first_scores`.
template <typename T>
__device__ void next_scores(
    const T* similarities, const T* neighbours, T* agreement, float* scores, float* row_scales, float* partial, int sources,
    int target_rows, int target_columns, float power, float prior, float floor, float tiny) {
    const int targets = target_rows * target_columns;
    const auto score = [=](long long row, int target) {
        const int y = target / target_columns, x = target % target_columns;
        const long long at = row * targets + target;
        float sum = 0.0f;
#pragma unroll
        for (int dy = -1; dy <= 1; ++dy) {
#pragma unroll
            for (int dx = -1; dx <= 1; ++dx) {
                if (y + dy >= 0 && y + dy < target_rows && x + dx >= 0 && x + dx < target_columns) {
                    sum += value(neighbours[at + dy * target_columns + dx]);
                }
            }
        }
        const float mean = sum * (1.0f / 9.0f);
        if (agreement != nullptr) {
            agreement[at] = rounded<T>(mean);
        }
        // One exponential for both factors.
        return expf(power * logf(mean + floor) + prior * value(similarities[at]));
    };
    collect(score, scores, row_scales, partial, sources, targets, tiny);
}

// `scales` [B, T]: 1 / sqrt of the sums over the groups of `partial` [B, groups, T]. A warp's threads have a target
// cell each, and the warps of a block share out the groups. Grid: (T / WARP rounded up, B); block: THREADS.
extern "C" __global__ void __launch_bounds__(THREADS) column_scales(
    const float* partial, float* scales, int groups, int targets, float tiny) {
    __shared__ float room[WARPS][WARP];
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    const int target = static_cast<int>(blockIdx.x) * WARP + lane;
    const float* parts = partial + static_cast<long long>(blockIdx.y) * groups * targets;
    float sum = 0.0f;
    if (target < targets) {
#pragma unroll 4
        for (int group = warp; group < groups; group += WARPS) {
            sum += parts[static_cast<long long>(group) * targets + target];
        }
    }
    room[warp][lane] = sum;
    __syncthreads();
    if (warp == 0 && target < targets) {
        for (int other = 1; other < WARPS; ++other) {
            sum += room[other][lane];
        }
        scales[static_cast<long long>(blockIdx.y) * targets + target] = rsqrtf(sum + tiny);
    }
}

// `probabilities` [B, S, T]: `scores` times the scales of their rows [B, S] and of their columns [B, T]. Grid: B * S;
// block: THREADS.
template <typename T>
__device__ void mutual_softmax(
    const float* scores, const float* row_scales, const float* column_scales, T* probabilities, int sources,
    int targets) {
    const long long row = static_cast<long long>(blockIdx.x) * targets;
    const float* columns = column_scales + static_cast<long long>(static_cast<int>(blockIdx.x) / sources) * targets;
    const float scale = row_scales[blockIdx.x];
    for (int target = threadIdx.x; target < targets; target += THREADS) {
        // In this order nothing overflows: a score is at most the sum of its row.
        probabilities[row + target] = rounded<T>(scores[row + target] * scale * columns[target]);
    }
}

#define FIRST(T)                                                                                                  \
    (const T* similarities, float* scores, float* row_scales, float* partial, int sources, int targets, float tiny)
KERNELS(first_scores, THREADS, FIRST, (similarities, scores, row_scales, partial, sources, targets, tiny))

// Nothing written is read: all of a thread's reads may come first.
#define NEXT(T)                                                                                                   \
    (const T* __restrict__ similarities, const T* __restrict__ neighbours, T* __restrict__ agreement,                  \
     float* __restrict__ scores, float* row_scales, float* partial, int sources, int target_rows,                 \
     int target_columns, float power, float prior, float floor, float tiny)
KERNELS(next_scores, THREADS, NEXT, (similarities, neighbours, agreement, scores, row_scales, partial, sources,
    target_rows, target_columns, power, prior, floor, tiny))

#define MUTUAL(T)                                                                                                 \
    (const float* scores, const float* row_scales, const float* column_scales, T* probabilities, int sources,     \
     int targets)
KERNELS(mutual_softmax, THREADS, MUTUAL, (scores, row_scales, column_scales, probabilities, sources, targets))
