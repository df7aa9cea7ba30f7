#!/usr/bin/env bash
# Puts libtorch into .libtorch/ of the project, pinned and checked by hash. Safe to repeat.
# With --cuda the CUDA libraries come along.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=(scripts/libtorch.txt)
for argument in "$@"; do
    case "$argument" in
        --cuda) requirements+=(scripts/libtorch-cuda.txt) ;;
        *) echo "usage: $0 [--cuda]" >&2; exit 2 ;;
    esac
done

wanted=$(cat "${requirements[@]}" | sha256sum | cut -d' ' -f1)
have=$(cat .libtorch/complete 2>/dev/null || true)
# A folder with the CUDA libraries also serves who does not ask for them.
with_cuda=$(cat scripts/libtorch.txt scripts/libtorch-cuda.txt | sha256sum | cut -d' ' -f1)
if [ "$have" = "$wanted" ] || [ "$have" = "$with_cuda" ]; then
    exit 0
fi

[ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || {
    echo "setup: libtorch is pinned for Linux x86-64 alone; elsewhere set LIBTORCH to a libtorch 2.13 of yours" >&2
    exit 1
}
python3 -m pip --version >/dev/null 2>&1 || {
    echo "setup: python3 with pip is needed to download libtorch (Debian: apt-get install python3-pip)" >&2
    exit 1
}

# Only the libraries inside the wheels are used, so the Python they were built for does not matter:
# always the same file, whatever Python runs pip.
platforms=()
for version in 2_28 2_27 2_25 2_24 2_18 2_17 2_12 2_5; do
    platforms+=(--platform "manylinux_${version}_x86_64")
done
for legacy in manylinux2014 manylinux2010 manylinux1; do
    platforms+=(--platform "${legacy}_x86_64")
done

echo "setup: downloading libtorch (about 500 MB; 2 GB more with --cuda)" >&2
rm -rf .libtorch.partial
files=()
for file in "${requirements[@]}"; do files+=(-r "$file"); done
PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-deps --no-compile \
    --require-hashes --only-binary=:all: --implementation cp --python-version 3.11 --abi cp311 --abi none \
    "${platforms[@]}" --target .libtorch.partial "${files[@]}"
echo "$wanted" > .libtorch.partial/complete
rm -rf .libtorch
mv .libtorch.partial .libtorch
