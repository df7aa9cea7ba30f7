#!/usr/bin/env bash
# Sets everything up, builds, and matches the example pair. Safe to repeat.
#   scripts/setup.sh [--cuda]
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo >/dev/null || { echo "setup: Rust is needed: https://rustup.rs" >&2; exit 1; }
command -v c++ >/dev/null || { echo "setup: a C++ compiler is needed (Debian: apt-get install g++)" >&2; exit 1; }
scripts/libtorch.sh "$@"
cargo build --locked

mkdir -p demo
target/debug/lpmflow predict scripts/demo/source.png scripts/demo/target.png \
    -o demo/flow.png --warp demo/warp.jpg --legend --matches demo/matches.png
cat <<TEXT

The example pair is matched:
  demo/flow.png     where every pixel of the source goes, as colours
  demo/warp.jpg     the target pulled onto the source
  demo/matches.png  corresponding points side by side
Run it on your own photos: lpmflow predict SOURCE TARGET --matches matches.png
TEXT
line=$(scripts/path.sh target/debug/lpmflow)
if [ -n "$line" ]; then
    printf '\nThis line puts lpmflow on the path of your shell; ~/.profile keeps it there:\n  %s\n' "$line"
fi
