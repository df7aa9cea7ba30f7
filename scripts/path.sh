#!/usr/bin/env bash
# Prints the line that puts a program on the path, where a shell does not find that very program by its name yet.
#   scripts/path.sh target/debug/lpmflow
set -euo pipefail

program=$(realpath "$1")
found=$(type -P "$(basename "$program")" || true)
if [ -z "$found" ] || [ "$(realpath "$found")" != "$program" ]; then
    printf 'export PATH=%q:"$PATH"\n' "$(dirname "$program")"
fi
