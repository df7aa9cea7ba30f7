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

failed=0
while read -r program; do
    # Only with this variable the programs tell how long each test took.
    RUSTC_BOOTSTRAP=1 "$program" -Z unstable-options --report-time "$@" < /dev/null \
        | tee -a "$work/tests" || failed=1
done < "$work/programs"

# Examples in the documentation are tests too. There are none yet, and looking for them takes rustdoc some time.
if awk 'FNR == 1 { open = 0 }
        /^[ \t]*\/\/[\/!] ```/ { open = !open; if (open && !/```(text|json|toml|sh|console)/) found = 1 }
        END { exit !found }' $(find src -name '*.rs'); then
    cargo test --locked --doc -- "$@" || failed=1
fi

echo "The slowest tests, in seconds:"
sed -nE 's/^test (.*) \.\.\. .*<([0-9.]+)s>$/\2  \1/p' "$work/tests" | sort -rn | sed -n 1,10p
exit "$failed"
