// Attention of tokens on tokens: of one sequence on itself with a bias, and of one sequence on another with the weights
// summed over the heads. Keys come in tiles, with sums relative to the greatest logit so far, so that the logits of a
// head are never held as a whole.

#include "common.cuh"

constexpr int THREADS = 128;
constexpr int QUERIES = 32;    // of a block
constexpr int WIDE = 64;       // keys of a tile, and columns of a slice of a head
constexpr int SLICES = 2;      // heads of at most 128 columns
constexpr int MAX_HEADS = 16;  // of cross attention
constexpr int EACH = 4;        // queries of a thread, and its keys of a tile or columns of a slice
constexpr int LANES = 16;      // neighbouring threads, which have the same queries
static_assert(THREADS * EACH == QUERIES * LANES && WIDE == EACH * LANES, "a tile is shared out among all threads");

// Read at once.
struct alignas(16) Four {
    float at[4];
};

// Rows are a little longer than they need be, so that those that are read together lie in different banks.
struct Tiles {
    Four left[QUERIES][WIDE / 4 + 1];  // queries, then weights
    Four right[WIDE][WIDE / 4 + 1];    // keys, then values
};

template <typename T>
struct Head {
    const T *query, *key, *values, *bias;  // the bias [queries, keys] or null
    T* gathered;                           // null where nobody wants it
    long long query_pitch, key_pitch, gathered_pitch;
    int queries, keys, dim;
    float scale;
};

// A thread's queries of a block are `EACH * group() + i`, its keys of a tile `lane() + LANES * j`, and its columns of a
// slice `EACH * lane() + j`, as suits the banks.
__device__ inline int lane() {
    return threadIdx.x % LANES;
}

__device__ inline int group() {
    return threadIdx.x / LANES;
}

template <typename Join>
__device__ inline float over_lanes(float x) {
    for (int distance = LANES / 2; distance > 0; distance /= 2) {
        x = Join::join(x, __shfl_xor_sync(0xffffffffu, x, distance));
    }
    return x;
}

// Zero beyond the ends.
template <int SIZE, typename T>
__device__ inline void load(Four (*tile)[WIDE / 4 + 1], const T* from, long long pitch, int rows, int columns) {
    for (int item = threadIdx.x; item < SIZE * WIDE; item += THREADS) {
        const int row = item / WIDE, column = item % WIDE;
        const bool inside = row < rows && column < columns;
        tile[row][column / 4].at[column % 4] = inside ? value(from[row * pitch + column]) : 0.0f;
    }
}

// Adds the product of the tiles: of the left's rows with the right's rows, or else with its columns.
template <bool ROWS>
__device__ inline void multiply(const Tiles& tiles, int length, float (&sums)[EACH][EACH]) {
    for (int four = 0; 4 * four < length; ++four) {
        Four left[EACH], right[EACH];
        for (int i = 0; i < EACH; ++i) {
            left[i] = tiles.left[EACH * group() + i][four];
            right[i] = ROWS ? tiles.right[lane() + LANES * i][four] : tiles.right[4 * four + i][lane()];
        }
        for (int step = 0; step < 4; ++step) {
            for (int ij = 0; ij < EACH * EACH; ++ij) {
                const int i = ij / EACH, j = ij % EACH;
                sums[i][j] += left[i].at[step] * (ROWS ? right[j].at[step] : right[step].at[j]);
            }
        }
    }
}

// The logits of a thread's queries and keys; minus infinity beyond the last key.
template <typename T>
__device__ inline void resemble(
    Tiles& tiles, const Head<T>& head, int first_query, int first_key, float (&logits)[EACH][EACH]) {
    float sums[EACH][EACH] = {};
    for (int slice = 0; slice < head.dim; slice += WIDE) {
        const T* query = head.query + first_query * head.query_pitch + slice;
        const T* key = head.key + first_key * head.key_pitch + slice;
        const int columns = head.dim - slice;
        __syncthreads();  // nobody still reads the tiles
        load<QUERIES>(tiles.left, query, head.query_pitch, head.queries - first_query, columns);
        load<WIDE>(tiles.right, key, head.key_pitch, head.keys - first_key, columns);
        __syncthreads();
        multiply<true>(tiles, columns < WIDE ? columns : WIDE, sums);
    }
    for (int ij = 0; ij < EACH * EACH; ++ij) {
        const int i = ij / EACH, j = ij % EACH;
        const int row = first_query + EACH * group() + i, column = first_key + lane() + LANES * j;
        logits[i][j] = column < head.keys ? sums[i][j] * head.scale : Maximum::empty();
        if (head.bias && row < head.queries && column < head.keys) {
            logits[i][j] += value(head.bias[static_cast<long long>(row) * head.keys + column]);
        }
    }
}

// Gathers the values by their weights in one pass over the keys. Leaves the greatest logits of a thread's queries and
// `share`, 1 over the sums of the weights relative to them.
template <typename T>
__device__ inline void attend(
    Tiles& tiles, const Head<T>& head, int first_query, float (&greatest)[EACH], float (&share)[EACH]) {
    float sum[EACH] = {}, gathered[SLICES][EACH][EACH] = {};
    for (int i = 0; i < EACH; ++i) {
        greatest[i] = -3.4e38f;  // finite, as a bias may be minus infinity for all of a tile
    }
    for (int first_key = 0; first_key < head.keys; first_key += WIDE) {
        float weights[EACH][EACH];
        resemble(tiles, head, first_query, first_key, weights);
        for (int i = 0; i < EACH; ++i) {
            float greater = greatest[i];
            for (int j = 0; j < EACH; ++j) {
                greater = Maximum::join(greater, weights[i][j]);
            }
            greater = over_lanes<Maximum>(greater);
            const float before = __expf(greatest[i] - greater);
            greatest[i] = greater;
            sum[i] *= before;
            for (int j = 0; j < EACH; ++j) {
                weights[i][j] = __expf(weights[i][j] - greater);
                sum[i] += weights[i][j];
                gathered[0][i][j] *= before;
                gathered[1][i][j] *= before;
            }
        }
        const int keys = head.keys - first_key;
#pragma unroll
        for (int slice = 0; slice < SLICES; ++slice) {
            const int column = slice * WIDE;
            if (head.gathered && column < head.dim) {
                __syncthreads();
                for (int ij = 0; ij < EACH * EACH; ++ij) {
                    const int key = lane() + LANES * (ij % EACH);
                    tiles.left[EACH * group() + ij / EACH][key / 4].at[key % 4] = weights[ij / EACH][ij % EACH];
                }
                const T* values = head.values + first_key * head.key_pitch + column;
                load<WIDE>(tiles.right, values, head.key_pitch, keys, head.dim - column);
                __syncthreads();
                multiply<false>(tiles, keys < WIDE ? keys : WIDE, gathered[slice]);
            }
        }
    }
    for (int i = 0; i < EACH; ++i) {
        const int row = first_query + EACH * group() + i;
        const float all = over_lanes<Sum>(sum[i]);
        share[i] = all > 0.0f ? 1.0f / all : 0.0f;  // nothing is gathered where all is masked
        for (int n = 0; n < SLICES * EACH; ++n) {
            const int slice = n / EACH, j = n % EACH, column = slice * WIDE + EACH * lane() + j;
            if (head.gathered && row < head.queries && column < head.dim) {
                head.gathered[row * head.gathered_pitch + column] = rounded<T>(gathered[slice][i][j] * share[i]);
            }
        }
    }
}

// `qkv` [batch, tokens, 3, heads, dim]; `bias` null or [bias_batches, heads, tokens, tokens], the same for the whole
// batch if `bias_batches` is 1; `gathered` [batch, tokens, heads * dim]. `dim` is at most SLICES * WIDE.
// Grid: tokens / QUERIES (rounded up), heads, batch.
template <typename T>
__device__ void self_attention(
    const T* qkv, const T* bias, T* gathered, int tokens, int heads, int dim, int bias_batches, float scale) {
    __shared__ Tiles tiles;
    const long long batch = blockIdx.z, width = heads * dim;
    const T* query = qkv + batch * tokens * 3 * width + blockIdx.y * dim;
    if (bias) {
        bias += ((bias_batches == 1 ? 0 : batch) * heads + blockIdx.y) * tokens * tokens;
    }
    gathered += batch * tokens * width + blockIdx.y * dim;
    const T *key = query + width, *values = key + width;
    const Head<T> head = {
        query, key, values, bias, gathered, 3 * width, 3 * width, width, tokens, tokens, dim, scale};
    float greatest[EACH], share[EACH];
    attend(tiles, head, blockIdx.x * QUERIES, greatest, share);
}

// `query` [batch, queries, heads, dim]; `key_value` [batch, keys, 2, heads, dim]; `gathered` [batch, queries,
// heads * dim]; `weights` [batch, queries, keys], summed over the heads. `heads` is at most MAX_HEADS, `dim` at most
// SLICES * WIDE. Grid: queries / QUERIES (rounded up), batch, parts. The parts, as many as fill the GPU, find the
// greatest logits of the same queries each for itself, and share the rest of the work.
template <typename T>
__device__ void cross_attention(
    const T* query, const T* key_value, T* gathered, T* weights, int queries, int keys, int heads, int dim,
    float scale) {
    __shared__ Tiles tiles;
    // Of each head and query. All lanes of a group write the same, and read only that.
    __shared__ float greatest[MAX_HEADS][THREADS / LANES][EACH], share[MAX_HEADS][THREADS / LANES][EACH];
    const long long batch = blockIdx.y, width = heads * dim;
    const int first_query = blockIdx.x * QUERIES;
    query += batch * queries * width;
    key_value += batch * keys * 2 * width;
    gathered += batch * queries * width;
    const auto at = [&](int head) -> Head<T> {
        const T *first = query + head * dim, *key = key_value + head * dim, *values = key + width;
        T* found = head % gridDim.z == blockIdx.z ? gathered + head * dim : nullptr;
        return {first, key, values, nullptr, found, width, 2 * width, width, queries, keys, dim, scale};
    };
    for (int head = 0; head < heads; ++head) {
        float mine[EACH], my_share[EACH];
        attend(tiles, at(head), first_query, mine, my_share);
        for (int i = 0; i < EACH; ++i) {
            greatest[head][group()][i] = mine[i];
            share[head][group()][i] = my_share[i];
        }
    }
    // With the heads innermost, a tile of the sum over them stays in registers and is rounded once.
    for (int first_key = blockIdx.z * WIDE; first_key < keys; first_key += gridDim.z * WIDE) {
        float sums[EACH][EACH] = {}, logits[EACH][EACH];
        for (int head = 0; head < heads; ++head) {
            resemble(tiles, at(head), first_query, first_key, logits);
            for (int ij = 0; ij < EACH * EACH; ++ij) {
                const int i = ij / EACH, j = ij % EACH;
                sums[i][j] += __expf(logits[i][j] - greatest[head][group()][i]) * share[head][group()][i];
            }
        }
        for (int ij = 0; ij < EACH * EACH; ++ij) {
            const int row = first_query + EACH * group() + ij / EACH;
            const int column = first_key + lane() + LANES * (ij % EACH);
            if (row < queries && column < keys) {
                weights[(batch * queries + row) * keys + column] = rounded<T>(sums[ij / EACH][ij % EACH]);
            }
        }
    }
}

#define PARAMETERS(T) \
    (const T* qkv, const T* bias, T* gathered, int tokens, int heads, int dim, int bias_batches, float scale)
KERNELS(self_attention, THREADS, PARAMETERS, (qkv, bias, gathered, tokens, heads, dim, bias_batches, scale))
#undef PARAMETERS
#define PARAMETERS(T)                                                                                           \
    (const T* query, const T* key_value, T* gathered, T* weights, int queries, int keys, int heads, int dim,    \
     float scale)
KERNELS(cross_attention, THREADS, PARAMETERS, (query, key_value, gathered, weights, queries, keys, heads, dim, scale))
