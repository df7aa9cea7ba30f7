#!/usr/bin/env bash
# Makes the pictures of README with the program that scripts/setup.sh built. (`view.jpg` is a browser's picture of
# `view.html`.)
set -euo pipefail
cd "$(dirname "$0")"
lpmflow=(../../target/debug/lpmflow --quiet)
"${lpmflow[@]}" predict source.png target.png --matches matches.jpg --colours colours.jpg --confidence confidence.jpg \
    --blend blend.jpg --features features.jpg --morph morph.webp
"${lpmflow[@]}" predict source.png target.png -o flow.webp --warp warp.jpg --legend
"${lpmflow[@]}" predict source.png target.png --transfer parts.png --fill -o other-parts.png
"${lpmflow[@]}" predict source.png target.png --transfer blanket.png --fill -o other-blanket.jpg
