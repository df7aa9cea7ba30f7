// The weighted sum over a disc of neighbouring matches, on the CPU. Out of libtorch's operations it takes
// some fifty passes over a tensor that no cache holds; here it takes two.

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <vector>

namespace {

// Rows and columns of both grids, as in Rust.
struct Shape {
    int64_t batch, source_rows, source_columns, target_rows, target_columns;
};

// The disc: `weights[d]` along either axis, `half_widths[dy]` columns to each side at row `dy`.
struct Disc {
    const float* weights;
    const int64_t* half_widths;
    int64_t reach;
};

// sum += weight * xs
void add(float* sum, const float* xs, float weight, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        sum[i] += weight * xs[i];
    }
}

// Every plane [target row, target column] has `reach` zeros behind each row: then a move by dx along a row
// is a move by dx in memory, and what leaves the row comes to lie on zeros.
struct Planes {
    Shape shape;
    int64_t stride, size;

    Planes(const Shape& shape, int64_t reach)
        : shape(shape),
          stride(shape.target_columns + reach),
          size(shape.target_rows * stride) {}

    // From dense rows into padded ones, whose padding is left alone.
    void widen(float* plane, const float* dense) const {
        for (int64_t row = 0; row < shape.target_rows; ++row) {
            std::copy_n(dense + row * shape.target_columns, shape.target_columns, plane + row * stride);
        }
    }

    void narrow(float* dense, const float* plane) const {
        for (int64_t row = 0; row < shape.target_rows; ++row) {
            std::copy_n(plane + row * stride, shape.target_columns, dense + row * shape.target_columns);
        }
    }
};

// Sums along x for one source row: `sums[width]` is [source column, plane] for every half width asked for.
void along_columns(
    const float* probabilities,
    const std::vector<float*>& sums,
    const Planes& planes,
    const Disc& disc) {
    const auto& shape = planes.shape;
    const int64_t dense = shape.target_rows * shape.target_columns;
    // Zeros before the first row serve the moves to the left.
    std::vector<float> padded(shape.source_columns * planes.size + 2 * disc.reach);
    float* first = padded.data() + disc.reach;
    for (int64_t column = 0; column < shape.source_columns; ++column) {
        planes.widen(first + column * planes.size, probabilities + column * dense);
    }
    std::vector<float> sum(planes.size);
    for (int64_t column = 0; column < shape.source_columns; ++column) {
        std::copy_n(first + column * planes.size, planes.size, sum.begin());
        for (int64_t dx = 0; dx <= disc.reach; ++dx) {
            for (const int64_t side : {-dx, dx}) {
                const int64_t neighbour = column + side;
                if (dx > 0 && neighbour >= 0 && neighbour < shape.source_columns) {
                    const float* plane = first + neighbour * planes.size + side;
                    add(sum.data(), plane, disc.weights[dx], planes.size);
                }
            }
            if (sums[dx] != nullptr) {
                std::copy(sum.begin(), sum.end(), sums[dx] + column * planes.size);
            }
        }
    }
}

// Sums along y for one source row, out of the sums along x of all rows, [source row, source column, plane].
void along_rows(
    float* out,
    const std::vector<std::vector<float>>& sums,
    int64_t row,
    const Planes& planes,
    const Disc& disc) {
    const auto& shape = planes.shape;
    std::vector<float> sum(planes.size);
    for (int64_t column = 0; column < shape.source_columns; ++column) {
        std::fill(sum.begin(), sum.end(), 0.0F);
        for (int64_t dy = -disc.reach; dy <= disc.reach; ++dy) {
            const int64_t neighbour = row + dy;
            const int64_t overlap = planes.size - std::abs(dy) * planes.stride;
            if (neighbour < 0 || neighbour >= shape.source_rows || overlap <= 0) {
                continue;
            }
            const auto& along_x = sums[disc.half_widths[std::abs(dy)]];
            const float* plane =
                along_x.data() + (neighbour * shape.source_columns + column) * planes.size;
            const int64_t from = std::max<int64_t>(dy, 0) * planes.stride;
            const int64_t to = std::max<int64_t>(-dy, 0) * planes.stride;
            add(sum.data() + to, plane + from, disc.weights[std::abs(dy)], overlap);
        }
        planes.narrow(out + column * shape.target_rows * shape.target_columns, sum.data());
    }
}

void sum_pair(float* out, const float* probabilities, const Planes& planes, const Disc& disc) {
    const auto& shape = planes.shape;
    const int64_t row_size = shape.source_columns * planes.size;
    std::vector<std::vector<float>> sums(disc.reach + 1);
    for (int64_t dy = 0; dy <= disc.reach; ++dy) {
        sums[disc.half_widths[dy]].resize(shape.source_rows * row_size);
    }
    const int64_t dense = shape.source_columns * shape.target_rows * shape.target_columns;
    at::parallel_for(0, shape.source_rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            std::vector<float*> of_row;
            for (auto& sum : sums) {
                of_row.push_back(sum.empty() ? nullptr : sum.data() + row * row_size);
            }
            along_columns(probabilities + row * dense, of_row, planes, disc);
        }
    });
    at::parallel_for(0, shape.source_rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
            along_rows(out + row * dense, sums, row, planes, disc);
        }
    });
}

} // namespace

extern "C" {

// `probabilities` and `out` [B, source row, source column, target row, target column]; `weights` and
// `half_widths` have reach + 1 values.
void lpmflow_neighbours(
    const float* probabilities,
    float* out,
    Shape shape,
    const float* weights,
    const int64_t* half_widths,
    int64_t reach) {
    try {
        const Planes planes(shape, reach);
        const int64_t pair =
            shape.source_rows * shape.source_columns * shape.target_rows * shape.target_columns;
        for (int64_t index = 0; index < shape.batch; ++index) {
            sum_pair(
                out + index * pair, probabilities + index * pair, planes, {weights, half_widths, reach});
        }
    } catch (const std::exception& error) {
        std::cerr << "sum over neighbours: " << error.what() << std::endl;
        std::terminate();
    }
}
}
