#!/usr/bin/env bash
# Compiles flow.cpp against libtorch: that of the project, or the one that LIBTORCH names.
#   scripts/examples/compile.sh flow
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
libtorch=${LIBTORCH:-$here/../../.libtorch/torch}
libtorch=$(cd "$libtorch" && pwd)

c++ -std=c++20 "$here/flow.cpp" -o "$1" \
    -I "$libtorch/include" -I "$libtorch/include/torch/csrc/api/include" \
    -L "$libtorch/lib" -Wl,-rpath,"$libtorch/lib" -ltorch_cpu -lc10
