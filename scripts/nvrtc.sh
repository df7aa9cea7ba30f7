#!/usr/bin/env bash
# Puts NVRTC, the compiler of CUDA kernels, into .nvrtc/ of the project: for tests where there is no GPU. (With
# `setup.sh --cuda` it is there already.) Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -e .libtorch/nvidia/cu13/lib/libnvrtc.so.13 ] && exit 0
wanted=$(grep '^nvidia-cuda-nvrtc==' scripts/libtorch-cuda.txt)
[ "$(cat .nvrtc/complete 2>/dev/null)" = "$wanted" ] && exit 0
rm -rf .nvrtc.partial && mkdir .nvrtc.partial
echo "$wanted" > .nvrtc.partial/requirements.txt
PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-deps --no-compile \
    --require-hashes --only-binary=:all: --implementation cp --python-version 3.11 --abi none \
    --platform manylinux_2_12_x86_64 --platform manylinux2010_x86_64 --target .nvrtc.partial -r .nvrtc.partial/requirements.txt
mv .nvrtc.partial/requirements.txt .nvrtc.partial/complete
rm -rf .nvrtc
mv .nvrtc.partial .nvrtc
