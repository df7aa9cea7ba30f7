// Filters of single channels, for the instruction set that the including file is compiled for. Nothing of the standard
// library is used here: the linker would be free to take these files' copies of it for all.

#pragma once

#include "depthwise_filter.h"

#include <immintrin.h>

#include <cstdint>

namespace {

// A vector register; read and written at any address.
using Vector = float __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

// Neighbouring pixels of a row that share what is read of the weights, and registers of channels.
constexpr int PIXELS = 4;
constexpr int WIDTH = 2;

Vector spread(float value) {
    return Vector{} + value;
}

// In this order what is no number stays so.
Vector relu6(Vector xs) {
#if LANES == 16
    return _mm512_min_ps(spread(6.0F), _mm512_max_ps(spread(0.0F), xs));
#else
    return _mm256_min_ps(spread(6.0F), _mm256_max_ps(spread(0.0F), xs));
#endif
}

float relu6(float x) {
    return x < 0.0F ? 0.0F : x > 6.0F ? 6.0F : x;
}

Vector load(const float* from) {
    return *reinterpret_cast<const Vector*>(from);
}

// Where a pixel's window begins on the map, and which of the kernel's rows or columns lie on it.
struct Window {
    int64_t start, from, to;

    Window(int64_t position, const Filter& filter, int64_t side)
        : start(position * filter.stride - filter.before),
          from(start < 0 ? -start : 0),
          to(side - start < filter.kernel ? side - start : filter.kernel) {}
};

// `Pixels` neighbours whose windows all have the columns `columns.from` to `columns.to`, `Vectors` vectors of channels.
template <int Pixels, int Vectors>
void filter_pixels(
    const Filter& filter, const float* map, float* out, const Window& rows, const Window& columns, int64_t channel) {
    const int64_t channels = filter.channels, step = filter.stride * channels;
    Vector sum[Pixels][Vectors];
    for (int vector = 0; vector < Vectors; ++vector) {
        const Vector bias = load(filter.bias + channel + vector * LANES);
        for (int pixel = 0; pixel < Pixels; ++pixel) {
            sum[pixel][vector] = bias;
        }
    }
    for (int64_t ky = rows.from; ky < rows.to; ++ky) {
        const float* row = map + ((rows.start + ky) * filter.width + columns.start) * channels + channel;
        for (int64_t kx = columns.from; kx < columns.to; ++kx) {
            const float* weight = filter.weight + (ky * filter.kernel + kx) * channels + channel;
            for (int vector = 0; vector < Vectors; ++vector) {
                const Vector factor = load(weight + vector * LANES);
                for (int pixel = 0; pixel < Pixels; ++pixel) {
                    Vector value = load(row + kx * channels + pixel * step + vector * LANES);
                    value = filter.relu6_before ? relu6(value) : value;
                    sum[pixel][vector] += factor * value;
                }
            }
        }
    }
    for (int pixel = 0; pixel < Pixels; ++pixel) {
        for (int vector = 0; vector < Vectors; ++vector) {
            *reinterpret_cast<Vector*>(out + pixel * channels + channel + vector * LANES) = relu6(sum[pixel][vector]);
        }
    }
}

// A whole row of the result, in some channels.
template <int Vectors>
void filter_row(const Filter& filter, const float* map, float* out, const Window& rows, int64_t channel) {
    for (int64_t x = 0; x < filter.out_width;) {
        const Window columns(x, filter, filter.width);
        const Window last(x + PIXELS - 1, filter, filter.width);
        const bool inside = columns.from == 0 && last.to == filter.kernel && x + PIXELS <= filter.out_width;
        if (inside) {
            filter_pixels<PIXELS, Vectors>(filter, map, out + x * filter.channels, rows, columns, channel);
            x += PIXELS;
        } else {
            filter_pixels<1, Vectors>(filter, map, out + x * filter.channels, rows, columns, channel);
            x += 1;
        }
    }
}

// What is left of the channels.
void filter_rest(const Filter& filter, const float* map, float* out, const Window& rows, int64_t channel) {
    for (int64_t x = 0; x < filter.out_width; ++x) {
        const Window columns(x, filter, filter.width);
        for (int64_t c = channel; c < filter.channels; ++c) {
            float sum = filter.bias[c];
            for (int64_t ky = rows.from; ky < rows.to; ++ky) {
                for (int64_t kx = columns.from; kx < columns.to; ++kx) {
                    const int64_t pixel = (rows.start + ky) * filter.width + columns.start + kx;
                    const float value = map[pixel * filter.channels + c];
                    const float weight = filter.weight[(ky * filter.kernel + kx) * filter.channels + c];
                    sum += weight * (filter.relu6_before ? relu6(value) : value);
                }
            }
            out[x * filter.channels + c] = relu6(sum);
        }
    }
}

void filter_rows(const Filter& filter, int64_t from, int64_t to) {
    for (int64_t index = from; index < to; ++index) {
        const int64_t item = index / filter.out_height;
        const Window rows(index % filter.out_height, filter, filter.height);
        const float* map = filter.xs + item * filter.height * filter.width * filter.channels;
        float* out = filter.out + index * filter.out_width * filter.channels;
        int64_t channel = 0;
        for (; channel + WIDTH * LANES <= filter.channels; channel += WIDTH * LANES) {
            filter_row<WIDTH>(filter, map, out, rows, channel);
        }
        for (; channel + LANES <= filter.channels; channel += LANES) {
            filter_row<1>(filter, map, out, rows, channel);
        }
        filter_rest(filter, map, out, rows, channel);
    }
}

} // namespace
