#!/usr/bin/env bash
# The table of LPMFlow's paper, as far as the files at hand allow: every system by its own evaluator and by the common
# protocol of each dataset, beside the figures that the authors' repositories state.
#   scripts/paper_table.sh DATA CHECKPOINTS [-o table.md] [--limit N] [--split DATASET=NAME] [-- FLAGS OF eval]
# DATA holds the datasets' folders, CHECKPOINTS the files under the names that scripts/paper_table.json gives them.
# Every run leaves its report beside the table and is not done again: what was stopped goes on where it was.
set -euo pipefail
home=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${LPMFLOW:-}" ]; then
    LPMFLOW=$home/target/debug/lpmflow
    [ -x "$LPMFLOW" ] || LPMFLOW=$(command -v lpmflow) ||
        { echo "paper_table: lpmflow is neither built nor on the path" >&2; exit 1; }
fi
export LPMFLOW
exec python3 "$home/scripts/paper_table.py" "$@"
