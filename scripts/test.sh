#!/usr/bin/env bash
# Formatting, lints, all tests; sets up what it needs. Arguments are passed on to the test programs:
# `scripts/test.sh resize` runs the tests with `resize` in their name.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -n "${LIBTORCH:-}" ] || scripts/libtorch.sh
cargo fmt --check

# Clippy's compiler builds our own crate, so that linting and building are one work; every warning is an
# error. The arguments are given as `cargo clippy` gives them.
export RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings__CLIPPY_HACKERY__
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo test --locked --no-run --message-format json-render-diagnostics > "$work/build"
grep '"test":true' "$work/build" | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' > "$work/programs"
[ -s "$work/programs" ] || { echo "test: cargo named no test program" >&2; exit 1; }

# Both programs at once, as each leaves a core idle at its end; waiting threads sleep. Only with
# RUSTC_BOOTSTRAP in their environment they tell how long each test took.
run() {
    RUSTC_BOOTSTRAP=1 OMP_WAIT_POLICY=PASSIVE "$@" -Z unstable-options --report-time < /dev/null 2>&1
}
failed=0
others=()
while read -r program; do
    log=$work/tests.$(basename "$program")
    run "$program" "$@" > "$log" &
    others+=("$!" "$log")
done < <(sed 1d "$work/programs")
run "$(sed -n 1p "$work/programs")" "$@" | tee "$work/tests.first" || failed=1
for ((index = 0; index < ${#others[@]}; index += 2)); do
    wait "${others[index]}" || failed=1
    cat "${others[index + 1]}"
done

echo "The slowest tests, in seconds:"
sed -nE 's/^test (.*) \.\.\. .*<([0-9.]+)s>$/\2  \1/p' "$work"/tests.* | sort -rn | sed -n 1,10p
exit "$failed"
