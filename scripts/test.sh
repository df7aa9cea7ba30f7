#!/usr/bin/env bash
# Formatting, lints, all tests; sets up what it needs.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/libtorch.sh
cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings
cargo test --locked
