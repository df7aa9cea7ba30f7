#!/usr/bin/env bash
# Formatting, lints, all tests; sets up what it needs. Arguments are passed on to the test programs:
# `scripts/test.sh resize` runs the tests with `resize` in their name.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -n "${LIBTORCH:-}" ] || scripts/libtorch.sh
# CUDA kernels are compiled wherever the tests run.
[ "$(uname -s) $(uname -m)" != "Linux x86_64" ] || scripts/nvrtc.sh
cargo fmt --check

# Clippy's compiler builds our own crate, so that linting and building are one work; every warning is an
# error. The arguments are given as `cargo clippy` gives them.
export RUSTC_WORKSPACE_WRAPPER=$PWD/scripts/clippy-driver.sh CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What only tests run need not be as fast as what users run. In small parts, of which a change touches few, where
# parts are kept at all.
profile=(--config profile.dev.package.lpmflow.opt-level=1)
[ "${CARGO_INCREMENTAL:-1}" = 0 ] || profile+=(--config profile.dev.package.lpmflow.codegen-units=256)
cargo test --locked --no-run "${profile[@]}" --message-format json-render-diagnostics > "$work/build"
grep '"test":true' "$work/build" | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' > "$work/programs"
[ -s "$work/programs" ] || { echo "test: cargo named no test program" >&2; exit 1; }

# Most tests write files and wait for them to be on the disk: where memory can hold them, that takes no time.
files=${TMPDIR:-/tmp}
room=$(df --output=avail /dev/shm 2> /dev/null | tail -n 1)
[ "${room:-0}" -lt 4000000 ] || [ ! -w /dev/shm ] || files=/dev/shm

# All at once, the long trainings apart, so that no core is idle at the end; waiting threads sleep, and memory is
# kept for the next tensor, as the program itself keeps it (src/inference/memory.rs). What a shell starts like
# this ignores Ctrl-C, and would the program, but tests send it. Only with RUSTC_BOOTSTRAP in their environment
# the programs tell how long each test took.
start() {
    RUSTC_BOOTSTRAP=1 TMPDIR=$files OMP_WAIT_POLICY=PASSIVE MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=1073741824 \
        env --default-signal=INT "$@" -Z unstable-options --report-time \
        < /dev/null > "$work/tests.${#runs[@]}" 2>&1 &
    runs+=("$!")
}
runs=()
while read -r program; do
    if [ $# = 0 ] && [[ $(basename "$program") = commands-* ]]; then
        start "$program" training::
        start "$program" --skip training::
    elif [[ $(basename "$program") = commands-* ]]; then
        start "$program" "$@"
    else
        # The library's tests take longest: so many at a time that they end with the others.
        RUST_TEST_THREADS=$(($(nproc) * 2)) start "$program" "$@"
    fi
done < "$work/programs"
failed=0
for index in "${!runs[@]}"; do
    wait "${runs[index]}" || failed=1
    cat "$work/tests.$index"
done

echo "The slowest tests, in seconds:"
sed -nE 's/^test (.*) \.\.\. .*<([0-9.]+)s>$/\2  \1/p' "$work"/tests.* | sort -rn | sed -n 1,10p
exit "$failed"
