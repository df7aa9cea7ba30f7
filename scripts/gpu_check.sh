#!/usr/bin/env bash
# The first time on a GPU: is what it computes right, and how fast is it? Everything is tried whatever became of the rest,
# and a report is left that can be attached to a bug. Some ten minutes, most of them setting up.
#   scripts/gpu_check.sh [REPORT]        (gpu-report.txt)
set -uo pipefail
cd "$(dirname "$0")/.."
report=${1:-gpu-report.txt}
: > "$report" || exit 1
say() { echo "$*" | tee -a "$report"; }
failed=0
step() {
    local started=$SECONDS
    say "== $*"
    "$@" > "$work/said" 2>&1
    local code=$?
    # What a report needs: results, and of a failure its end.
    if [ $code = 0 ]; then grep -E "^(KERNEL|PARITY|skipped|test result)|ms|samples|pairs|epoch" "$work/said" || true
    else failed=$((failed + 1)); tail -n 40 "$work/said"; fi | tee -a "$report"
    say "-- exit $code, $((SECONDS - started)) s"
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v nvidia-smi > /dev/null || { echo "gpu_check: there is no nvidia-smi, so no NVIDIA driver" >&2; exit 1; }
say "$(date -u +%F) $(git rev-parse --short HEAD 2> /dev/null)"
say "$(nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader)"
say "$(uname -srm), $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2-)"
step scripts/setup.sh --cuda

# Kernels, libtorch's and our own, in every precision, against the CPU.
step env LPMFLOW_REQUIRE_GPU=1 scripts/test.sh gpu:: --nocapture

lpmflow=target/debug/lpmflow
for weights in "--weights lite" "--untrained base"; do
    for precision in float32 tf32 bfloat16 float16; do
        for kernels in libtorch own; do
            for pairs in 1 8; do
                # shellcheck disable=SC2086
                step $lpmflow bench $weights --device cuda --precision $precision --kernels $kernels \
                    --batch-size $pairs --iterations 20 --no-training
            done
        done
    done
    # shellcheck disable=SC2086
    step $lpmflow bench $weights --device cuda --cuda-graph --iterations 20 --no-training
done

step $lpmflow datasets make-toy "$work/toy"
step $lpmflow train --dataset toy --data-root "$work/toy" --model lite --epochs 1 --device cuda --output "$work/run"
say "$failed steps failed; the report is $report"
[ $failed = 0 ]
