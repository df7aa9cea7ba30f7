// Attention of one head, for the instruction set that the including file is compiled for. Nothing of the
// standard library is used here: the linker would be free to take these files' copies of it for all.

#pragma once

#include "attention_head.h"

#include <cstdint>

namespace {

// A vector register; read and written at any address.
using Vector = float __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
using Integers = int32_t __attribute__((vector_size(LANES * sizeof(int32_t))));

// Registers of one row of a product; with ROWS rows they fill the register file.
constexpr int WIDTH = 3;

// Query rows whose scores are held at once, so that they stay in the second-level cache.
constexpr int64_t QUERY_BLOCK = 24;

int64_t round_up(int64_t count, int64_t step) {
    return (count + step - 1) / step * step;
}

// A matrix in panels of WIDTH vectors (the last may have fewer): each holds its columns row by row, so a
// product reads it from beginning to end.
struct Panels {
    float* values;
    int64_t depth, columns;

    int64_t padded() const { return round_up(columns, LANES); }
    float* at(int64_t column) const { return values + depth * column; }
    int64_t width(int64_t column) const {
        const int64_t left = padded() - column;
        return left < WIDTH * LANES ? left : WIDTH * LANES;
    }
};

// Values that are added up one after the other; longer sums are sums of such blocks, which rounds less.
constexpr int64_t DEPTH_BLOCK = 64;

// sum[row] = left[row] (a row of `depth` values) times a panel.
template <int Rows, int Vectors>
void multiply(Vector (&sum)[Rows][Vectors], const float* const* left, const float* panel, int64_t depth) {
    for (int64_t start = 0; start < depth; start += DEPTH_BLOCK) {
        const int64_t end = start + DEPTH_BLOCK < depth ? start + DEPTH_BLOCK : depth;
        Vector part[Rows][Vectors] = {};
        for (int64_t k = start; k < end; ++k) {
            Vector right[Vectors];
            for (int vector = 0; vector < Vectors; ++vector) {
                right[vector] = *reinterpret_cast<const Vector*>(panel + (k * Vectors + vector) * LANES);
            }
            for (int row = 0; row < Rows; ++row) {
                for (int vector = 0; vector < Vectors; ++vector) {
                    part[row][vector] += left[row][k] * right[vector];
                }
            }
        }
        for (int row = 0; row < Rows; ++row) {
            for (int vector = 0; vector < Vectors; ++vector) {
                sum[row][vector] = start == 0 ? part[row][vector] : sum[row][vector] + part[row][vector];
            }
        }
    }
}

// The products of ROWS rows with one panel, row `r` times `factors[r]`, into `out` with rows `stride` apart;
// `count` columns of them.
template <int Vectors>
void product_of(
    float* out,
    int64_t stride,
    int64_t rows,
    int64_t count,
    const float* const* left,
    const float* panel,
    int64_t depth,
    const float* factors) {
    Vector sum[ROWS][Vectors];
    multiply<ROWS, Vectors>(sum, left, panel, depth);
    for (int64_t row = 0; row < rows; ++row) {
        for (int vector = 0; vector < Vectors; ++vector) {
            const Vector scaled = sum[row][vector] * factors[row];
            float* to = out + row * stride + vector * LANES;
            const int64_t left_over = count - vector * LANES;
            if (left_over >= LANES) {
                *reinterpret_cast<Vector*>(to) = scaled;
            } else {
                for (int64_t lane = 0; lane < left_over; ++lane) {
                    to[lane] = scaled[lane];
                }
            }
        }
    }
}

// The product of up to ROWS rows with a whole matrix.
void product(
    float* out,
    int64_t stride,
    int64_t rows,
    const float* const* left,
    const Panels& right,
    const float* factors) {
    for (int64_t column = 0; column < right.columns; column += WIDTH * LANES) {
        const int64_t count = right.columns - column;
        const auto of = [&](auto kernel) {
            kernel(out + column, stride, rows, count, left, right.at(column), right.depth, factors);
        };
        switch (right.width(column) / LANES) {
            case 1: of(product_of<1>); break;
            case 2: of(product_of<2>); break;
            default: of(product_of<3>);
        }
    }
}

// e^x for x <= 0, by Cody and Waite's reduction and the polynomial of Cephes: within two units of the last
// place; what would be denormal is about 1e-38.
Vector exponential(Vector x) {
    const Vector lowest = Vector{} - 87.3F;
    x = x > lowest ? x : lowest;
    const float shift = 12582912.0F; // 1.5 * 2^23: adding it rounds to whole numbers
    const Vector n = (x * 1.44269504F + shift) - shift;
    const Vector r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
    Vector y = Vector{} + 1.9875691500e-4F;
    y = y * r + 1.3981999507e-3F;
    y = y * r + 8.3334519073e-3F;
    y = y * r + 4.1665795894e-2F;
    y = y * r + 1.6666665459e-1F;
    y = y * r + 5.0000001201e-1F;
    y = y * r * r + r + 1.0F;
    const Integers exponent = (__builtin_convertvector(n, Integers) + 127) << 23;
    return y * reinterpret_cast<const Vector&>(exponent);
}

// exp(score - greatest score) in place of each score; zero behind the `count` scores up to the whole
// vector. Returns one over their sum.
float softmax(float* scores, int64_t count) {
    const int64_t padded = round_up(count, LANES);
    for (int64_t i = count; i < padded; ++i) {
        scores[i] = scores[0];
    }
    auto* vectors = reinterpret_cast<Vector*>(scores);
    Vector maxima = vectors[0];
    for (int64_t i = 1; i < padded / LANES; ++i) {
        maxima = vectors[i] > maxima ? vectors[i] : maxima;
    }
    float maximum = maxima[0];
    for (int lane = 1; lane < LANES; ++lane) {
        maximum = maxima[lane] > maximum ? maxima[lane] : maximum;
    }
    for (int64_t i = 0; i < padded / LANES; ++i) {
        vectors[i] = exponential(vectors[i] - maximum);
    }
    for (int64_t i = count; i < padded; ++i) {
        scores[i] = 0.0F;
    }
    Vector sums{};
    for (int64_t i = 0; i < padded / LANES; ++i) {
        sums += vectors[i];
    }
    float sum = 0.0F;
    for (int lane = 0; lane < LANES; ++lane) {
        sum += sums[lane];
    }
    return 1.0F / sum;
}

// sum += factor * xs
void add(float* sum, const float* xs, float factor, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        sum[i] += factor * xs[i];
    }
}

Panels keys_of(const Head& head, float* packed) {
    return {packed, head.dim, head.keys};
}

Panels values_of(const Head& head, float* packed) {
    return {packed + head.dim * keys_of(head, packed).padded(), head.keys, head.dim};
}

// Attention of the query rows `from` to `to`.
void attend(const Head& head, float* packed, float* scores, int64_t from, int64_t to) {
    const Panels keys = keys_of(head, packed);
    const Panels values = values_of(head, packed);
    const int64_t stride = keys.padded();
    float scales[ROWS];
    for (float& scale : scales) {
        scale = head.scale;
    }
    for (int64_t start = from; start < to; start += QUERY_BLOCK) {
        const int64_t end = start + QUERY_BLOCK < to ? start + QUERY_BLOCK : to;
        for (int64_t first = start; first < end; first += ROWS) {
            const int64_t rows = end - first < ROWS ? end - first : ROWS;
            const float* queries[ROWS];
            const float* probabilities[ROWS];
            float inverses[ROWS];
            float* of_rows = scores + (first - start) * stride;
            for (int64_t row = 0; row < ROWS; ++row) {
                // Rows that are not there are computed as copies of the last one, and not written.
                const int64_t own = row < rows ? row : rows - 1;
                queries[row] = head.query + (first + own) * head.query_stride;
                probabilities[row] = of_rows + own * stride;
            }
            product(of_rows, stride, rows, queries, keys, scales);
            for (int64_t row = 0; row < rows; ++row) {
                float* of_row = of_rows + row * stride;
                if (head.bias != nullptr) {
                    add(of_row, head.bias + (first + row) * head.keys, 1.0F, head.keys);
                }
                inverses[row] = softmax(of_row, head.keys);
                if (head.weights != nullptr) {
                    add(head.weights + (first + row) * head.keys, of_row, inverses[row], head.keys);
                }
            }
            product(
                head.out + first * head.out_stride, head.out_stride, rows, probabilities, values, inverses);
        }
    }
}

// Copies keys, transposed, and values into panels.
void pack(const Head& head, float* packed) {
    const Panels keys = keys_of(head, packed);
    const Panels values = values_of(head, packed);
    for (int64_t column = 0; column < keys.columns; column += WIDTH * LANES) {
        const int64_t width = keys.width(column);
        float* panel = keys.at(column);
        for (int64_t i = 0; i < width; ++i) {
            const float* key = head.key + (column + i) * head.key_stride;
            const bool is_there = column + i < head.keys;
            for (int64_t k = 0; k < head.dim; ++k) {
                panel[k * width + i] = is_there ? key[k] : 0.0F;
            }
        }
    }
    for (int64_t column = 0; column < values.columns; column += WIDTH * LANES) {
        const int64_t width = values.width(column);
        float* panel = values.at(column);
        for (int64_t row = 0; row < head.keys; ++row) {
            const float* value = head.value + row * head.key_stride + column;
            for (int64_t i = 0; i < width; ++i) {
                panel[row * width + i] = column + i < head.dim ? value[i] : 0.0F;
            }
        }
    }
}

int64_t packed_size(int64_t keys, int64_t dim) {
    return dim * round_up(keys, LANES) + keys * round_up(dim, LANES);
}

int64_t scores_size(int64_t keys) {
    return QUERY_BLOCK * round_up(keys, LANES);
}

} // namespace
