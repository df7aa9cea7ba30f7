#!/usr/bin/env bash
# Feeds every reader of files with nearly right ones, so many each, and prints what came of it: none may make it
# panic, hang or take 20 times its size in memory. Kept in the folder of temporary files is what does; such a file
# belongs into tests/inside/fuzz/found/READER/.
#   scripts/fuzz.sh [FILES_A_READER] [READER]
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${LIBTORCH:-}" ] || scripts/libtorch.sh
# With its optimisations, as users run it.
program=$(cargo test --locked --lib --no-run --message-format json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
export LPMFLOW_FUZZ="${1:-1000000}" RUST_BACKTRACE=0
[ -w /dev/shm ] && export TMPDIR=/dev/shm
exec nice "$program" --nocapture "inside::fuzz::readers::${2:-}"
