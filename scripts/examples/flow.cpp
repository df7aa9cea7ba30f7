// The flow between two photos by an exported network, as `lpmflow predict --size network` gives it.
//
//     lpmflow export --weights lite -o lite.pt
//     flow lite.pt source.ppm target.ppm flow.flo

#include <array>
#include <cctype>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include <torch/script.h>

// A photo in binary PPM, as most tools write it: [1, 3, height, width], 0 to 255.
torch::Tensor read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string kind;
    int64_t width = 0, height = 0, white = 0;
    file >> kind >> width >> height >> white;
    if (!file || kind != "P6" || white != 255 || width < 1 || height < 1 || !std::isspace(file.get()))
        throw std::runtime_error(path + ": there is no photo in binary PPM with 8 bits");
    auto pixels = torch::empty({height, width, 3}, torch::kUInt8);
    if (!file.read(static_cast<char*>(pixels.data_ptr()), pixels.nbytes()))
        throw std::runtime_error(path + ": the file is cut off");
    return pixels.permute({2, 0, 1}).unsqueeze(0).to(torch::kFloat32);
}

// The photo as the network wants it: [1, 3, side, side], 0 to 1. Rows, then columns, in 8 bits in between.
torch::Tensor prepared(const torch::Tensor& photo, int64_t side) {
    auto wide = at::_upsample_bilinear2d_aa(photo, {photo.size(2), side}, false).add(0.5).floor();
    return at::_upsample_bilinear2d_aa(wide, {side, side}, false).add(0.5).floor() / 255;
}

// [1, 2, height, width] as Middlebury's .flo.
void write(const std::string& path, const torch::Tensor& flow) {
    std::ofstream file(path, std::ios::binary);
    const std::array<int32_t, 2> size{static_cast<int32_t>(flow.size(3)), static_cast<int32_t>(flow.size(2))};
    const auto vectors = flow[0].permute({1, 2, 0}).contiguous();
    file.write("PIEH", 4).write(reinterpret_cast<const char*>(size.data()), sizeof size);
    file.write(static_cast<const char*>(vectors.data_ptr()), vectors.nbytes()).flush();
    if (!file) throw std::runtime_error(path + ": it cannot be written");
}

int main(int count, char** arguments) try {
    if (count != 5) throw std::runtime_error("usage: flow NETWORK.pt SOURCE.ppm TARGET.ppm FLOW.flo");
    torch::NoGradGuard no_gradients;
    auto network = torch::jit::load(arguments[1]);
    const int64_t side = network.attr("input_size").toInt();
    const auto source = prepared(read(arguments[2]), side), target = prepared(read(arguments[3]), side);
    write(arguments[4], network.forward({source, target}).toTensor());
} catch (const std::exception& error) {
    std::cerr << "flow: " << error.what() << '\n';
    return 1;
}
