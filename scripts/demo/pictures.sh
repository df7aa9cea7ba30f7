#!/usr/bin/env bash
# Makes the pictures of README with the program that scripts/setup.sh built.
set -euo pipefail
cd "$(dirname "$0")"
lpmflow=(../../target/debug/lpmflow --quiet)
"${lpmflow[@]}" predict source.png target.png --matches matches.png --colours colours.png --confidence confidence.png \
    --warp warp.png --blend blend.png --features features.png --morph morph.webp
"${lpmflow[@]}" predict source.png target.png -o flow.png --legend
"${lpmflow[@]}" predict source.png target.png --transfer parts.png --fill -o other-parts.png
"${lpmflow[@]}" predict source.png target.png --transfer blanket.png --fill -o other-blanket.jpg
