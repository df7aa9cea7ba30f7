// A traced module as the bytes of its archive.

#include "attempt.h"

#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>

// As in torch/csrc/jit/serialization/export.h, which takes half a minute to compile. libtorch has this function
// or this program does not link.
namespace torch::jit {

struct Module;

void ExportModule(
    const Module& module,
    const std::function<size_t(const void*, size_t)>& writer,
    const std::unordered_map<std::string, std::string>& extra_files,
    bool bytecode_format,
    bool save_mobile_debug_info,
    bool use_flatbuffer);

} // namespace torch::jit

extern "C" {

// Gives the archive to `take`, piece by piece. False where libtorch cannot make it; then `message` says why.
//
// Never to a file: libtorch's writer ends the whole process where one cannot be written.
bool lpmflow_module_archive(
    const torch::jit::Module* module,
    void (*take)(void* taker, const void* bytes, size_t count),
    void* taker,
    char* message,
    size_t room) {
    const auto writer = [&](const void* bytes, size_t count) {
        take(taker, bytes, count);
        return count;
    };
    return attempt(
        message, room, [&] { torch::jit::ExportModule(*module, writer, {}, false, false, false); });
}
}
