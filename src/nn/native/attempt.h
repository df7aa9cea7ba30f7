// Functions that may fail and say why (attempt.rs).

#pragma once

#include <cstddef>
#include <cstdio>
#include <exception>

// Whether `work` succeeds; else its reason is in `message`, which has room for `size` bytes.
template <typename Work>
bool attempt(char* message, size_t size, Work work) {
    try {
        work();
        return true;
    } catch (const std::exception& error) {
        std::snprintf(message, size, "%s", error.what());
        return false;
    }
}
