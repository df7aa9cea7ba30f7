// The weighted sum over a disc of neighbouring matches, in one pass: libtorch takes some fifty over a tensor of all
// pairs of cells.

#include "common.cuh"

constexpr int THREADS = 256;
// Columns of either grid that a block sums for; a warp's threads lie along the target's.
constexpr int TILE = WARP;
constexpr int WARPS = THREADS / WARP;
// Source columns of a thread, `WARPS` apart.
constexpr int PLACES = TILE / WARPS;
// Pairs of rows of a block, each one row further down on both grids. A pair of rows that has been read serves all of
// them, and so do its sums along x.
constexpr int RUN = 4;
constexpr int MOST_REACH = 16;

// The shifts that are summed over, and how much each weighs along either axis; `reach` + 1 values of either are used.
// (As in Rust.)
struct Disc {
    float weights[MOST_REACH + 1];
    int half_widths[MOST_REACH + 1];
    int reach;
};

constexpr int SIDE = TILE + 2 * MOST_REACH;
// From a pair of columns to the next one on both grids.
constexpr int DIAGONAL = SIDE + 1;

__device__ inline int lesser(int a, int b) {
    return a < b ? a : b;
}

__device__ inline int greater(int a, int b) {
    return a > b ? a : b;
}

// `probabilities` and `out` [B, source row, source column, target row, target column]: out(s, t) is the sum over shifts
// (dx, dy) with |dx| <= half_widths[|dy|] of weights[|dx|] * weights[|dy|] * probabilities(s + d, t + d), zeros beyond
// the rims. The half widths are at most `reach`, and none is more than the one before it; `reach` is `MOST_REACH` or
// less. The operation is its own adjoint: it takes gradients back as well.
// Grid: (target rows + RUN - 1, runs of source rows * tiles of source columns * tiles of target columns, B), runs and
// tiles being rounded up; block: THREADS.
template <typename T>
__device__ void neighbour_sum(
    const T* probabilities, T* out, int source_rows, int source_columns, int target_rows, int target_columns,
    const Disc& disc) {
    const int reach = disc.reach;
    // One pair of rows, [source column, target column], from `reach` columns before the tile on. What lies beyond the
    // grids stays zero.
    __shared__ float plane[SIDE * SIDE];
    __shared__ float weight[MOST_REACH + 1];
    __shared__ int half_width[MOST_REACH + 1];
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;

    // Where the tile begins. A run may begin before the first target row: so every pair of rows belongs to one.
    const int target_tiles = (target_columns + TILE - 1) / TILE, source_tiles = (source_columns + TILE - 1) / TILE;
    const int target_column = static_cast<int>(blockIdx.y) % target_tiles * TILE;
    const int source_column = static_cast<int>(blockIdx.y) / target_tiles % source_tiles * TILE;
    const int source_row = static_cast<int>(blockIdx.y) / target_tiles / source_tiles * RUN;
    const int target_row = static_cast<int>(blockIdx.x) - (RUN - 1);
    // What is read of the columns.
    const int source_begin = greater(source_column - reach, 0), target_begin = greater(target_column - reach, 0);
    const int source_end = lesser(source_column + TILE + reach, source_columns);
    const int target_end = lesser(target_column + TILE + reach, target_columns);

    // Of a row of the target's, in the whole tensor.
    const auto offset = [=](int source, int column, int target) {
        const long long row = static_cast<long long>(blockIdx.z) * source_rows + source;
        return ((row * source_columns + column) * target_rows + target) * target_columns;
    };

    for (int i = threadIdx.x; i < SIDE * SIDE; i += THREADS) {
        plane[i] = 0.0f;
    }
    for (int i = threadIdx.x; i <= reach; i += THREADS) {
        weight[i] = disc.weights[i];
        half_width[i] = disc.half_widths[i];
    }
    float totals[RUN][PLACES] = {};
    const float* centre = plane + (warp + reach) * SIDE + lane + reach;
    for (int step = -reach; step < RUN + reach; ++step) {
        const int source = source_row + step, target = target_row + step;
        if (source < 0 || source >= source_rows || target < 0 || target >= target_rows) {
            continue;  // all threads alike
        }
        __syncthreads();  // nobody reads the pair of rows before any more
#pragma unroll 1  // here and below: unrolled, fewer blocks would find registers
        for (int column = target_begin + lane; column < target_end; column += WARP) {
#pragma unroll 1
            for (int first = source_begin + warp; first < source_end; first += PLACES * WARPS) {
                // All reads are under way before the first is waited for.
                float read[PLACES];
#pragma unroll
                for (int place = 0; place < PLACES; ++place) {
                    const int row = first + place * WARPS;
                    read[place] = row < source_end ? value(probabilities[offset(source, row, target) + column]) : 0.0f;
                }
#pragma unroll
                for (int place = 0; place < PLACES; ++place) {
                    const int row = first + place * WARPS;
                    if (row < source_end) {
                        plane[(row - source_column + reach) * SIDE + column - target_column + reach] = read[place];
                    }
                }
            }
        }
        __syncthreads();
        // Rows of the disc are longer the nearer they are to the centre: the sums along x only grow.
        float sums[PLACES];
#pragma unroll
        for (int place = 0; place < PLACES; ++place) {
            sums[place] = weight[0] * centre[place * WARPS * SIDE];
        }
        const int nearest = greater(greater(-step, step - (RUN - 1)), 0);
        int width = 0;
#pragma unroll 1
        for (int distance = reach; distance >= nearest; --distance) {
#pragma unroll 1
            while (width < half_width[distance]) {
                ++width;
#pragma unroll
                for (int place = 0; place < PLACES; ++place) {
                    const float* at = centre + place * WARPS * SIDE;
                    sums[place] += weight[width] * (at[-width * DIAGONAL] + at[width * DIAGONAL]);
                }
            }
#pragma unroll
            for (int row = 0; row < RUN; ++row) {
                if (step - row == distance || row - step == distance) {
#pragma unroll
                    for (int place = 0; place < PLACES; ++place) {
                        totals[row][place] += weight[distance] * sums[place];
                    }
                }
            }
        }
    }

#pragma unroll
    for (int row = 0; row < RUN; ++row) {
        const int source = source_row + row, target = target_row + row;
#pragma unroll
        for (int place = 0; place < PLACES; ++place) {
            const int from = source_column + warp + place * WARPS, to = target_column + lane;
            if (source < source_rows && target >= 0 && target < target_rows && from < source_columns &&
                to < target_columns) {
                out[offset(source, from, target) + to] = rounded<T>(totals[row][place]);
            }
        }
    }
}

#define PARAMETERS(T)                                                                                             \
    (const T* probabilities, T* out, int source_rows, int source_columns, int target_rows, int target_columns,    \
     Disc disc)
KERNELS(neighbour_sum, THREADS, PARAMETERS, (probabilities, out, source_rows, source_columns, target_rows,
    target_columns, disc))
