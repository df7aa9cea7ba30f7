#!/usr/bin/env bash
# Fits what `lite` and `zero-shot` say of their own confidence to validation pairs, prints the tables of
# weights/README.md, and leaves both files with their coefficients in WORK_FOLDER. It wants the pictures and
# pairs that scripts/train_lite.sh WORK_FOLDER makes before it trains, and takes about five minutes on 2 cores.
#   scripts/calibrate.sh WORK_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# = 1 ] || { echo "usage: $0 WORK_FOLDER" >&2; exit 2; }
[ -f "$1/data/cutouts/Layout/large/val.txt" ] || {
    echo "$0: there are no validation pairs in '$1/data/cutouts': start scripts/train_lite.sh '$1' first" >&2
    exit 1
}
LPMFLOW_CALIBRATE=$(cd "$1" && pwd)
export LPMFLOW_CALIBRATE
# One test a file, side by side, one thread each.
OMP_NUM_THREADS=1 scripts/test.sh _is_calibrated --include-ignored --nocapture
sha256sum "$1/lite.safetensors" "$1/zero-shot.safetensors"
