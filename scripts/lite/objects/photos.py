"""Pairs of real photos of objects, for validation: cut-outs laid onto photos, and photos as they are.

Writes a dataset in SPair-71k's layout (split `val`) of the keypoints in photos.json. Nothing of it is ever trained on.
"""

import argparse
import io
import json
import math
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from spair import write

# Fewer common parts make no pair.
FEWEST = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stamps", type=Path, help="the folder of tuxpaint-stamps-default's pictures")
    parser.add_argument("photos", type=Path, help="categorization.rcc of gcompris-qt-data")
    parser.add_argument("backgrounds", type=Path, help="photos to lay cut-outs onto")
    parser.add_argument("output", type=Path, help="the dataset's folder")
    arguments = parser.parse_args()
    random = np.random.default_rng(5)
    grounds = [Image.open(path).convert("RGB") for path in sorted(arguments.backgrounds.iterdir())]
    grounds = [photo.resize((900, int(photo.size[1] * 900 / photo.size[0]))) for photo in grounds]
    inside = list(webp(arguments.photos.read_bytes()))
    table = json.loads((Path(__file__).parent / "photos.json").read_text())
    photos, pairs = [], []
    for category in table["categories"]:
        objects = []
        for record in category["images"]:
            place, name = record["file"].split("/", 1)
            stamp = place == "stamps"
            picture = Image.open(arguments.stamps / name if stamp else io.BytesIO(inside[int(name)]))
            shown = []
            for number in range(4 if stamp else 2):
                # Every other one is mirrored, and left and right are exchanged.
                photo = (
                    mirrored(picture, record["keypoints"], category) if number % 2 else (picture, record["keypoints"])
                )
                photo = composed(*photo, grounds, random) if stamp else as_it_is(*photo)
                stem = f"{Path(name).stem.replace('-', '_')}_{number}"
                shown.append({**photo, "category": category["name"], "name": stem, "parts": category["keypoint_names"]})
            objects.append(shown)
            photos += shown
        pairs += paired(objects, random)
    write(arguments.output, "val", pairs, photos)
    print(f"wrote {len(pairs)} pairs of {len(photos)} photos to {arguments.output}")


def webp(archive):
    """The WebP pictures that lie in a file, in their order."""
    at = archive.find(b"RIFF")
    while at >= 0:
        length = struct.unpack("<I", archive[at + 4 : at + 8])[0] + 8
        if archive[at + 8 : at + 12] == b"WEBP":
            yield archive[at : at + length]
        at = archive.find(b"RIFF", at + (length if archive[at + 8 : at + 12] == b"WEBP" else 4))


def mirrored(picture, keypoints, category):
    names = category["keypoint_names"]
    exchange = {"left": "right", "right": "left"}
    other = ["_".join(exchange.get(word, word) for word in name.split("_")) for name in names]
    source = [names.index(name) if name in names else own for own, name in enumerate(other)]
    keypoints = [keypoints[index] for index in source]
    turned = [None if point is None else (picture.size[0] - 1 - point[0], point[1]) for point in keypoints]
    return picture.transpose(Image.FLIP_LEFT_RIGHT), turned


def as_it_is(picture, keypoints):
    seen = np.array([point for point in keypoints if point])
    box = [int(side) for side in (*seen.min(0), *seen.max(0))]
    return {"picture": picture.convert("RGB"), "keypoints": within(keypoints, picture.size), "box": box}


def composed(picture, keypoints, grounds, random):
    """A cut-out on a part of a photo, turned a little."""
    picture = picture.convert("RGBA")
    width, height = random.integers(300, 420), random.integers(260, 360)
    ground = grounds[random.integers(len(grounds))]
    wide = int(900 * random.uniform(0.4, 1))
    high = min(int(wide * height / width), ground.size[1])
    x, y = random.integers(0, 901 - wide), random.integers(0, ground.size[1] - high + 1)
    scene = ground.crop((x, y, x + wide, y + high)).resize((width, height)).convert("RGBA")
    angle = random.uniform(-12, 12)
    scale = min(width / picture.size[0], height / picture.size[1]) * random.uniform(0.55, 0.85)
    small = picture.resize([max(1, int(side * scale)) for side in picture.size], Image.BICUBIC)
    turned = small.rotate(angle, Image.BICUBIC, expand=True)
    left, upper = (
        random.integers(0, max(1, room - own + 1)) if own <= room else -(own - room) // 2
        for own, room in zip(turned.size, (width, height))
    )
    scene.alpha_composite(turned.crop((max(0, -left), max(0, -upper), *turned.size)), (max(left, 0), max(upper, 0)))
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))

    def place(point):
        x, y = (point[axis] * scale - small.size[axis] / 2 for axis in range(2))
        return (
            cosine * x + sine * y + turned.size[0] / 2 + left,
            -sine * x + cosine * y + turned.size[1] / 2 + upper,
        )

    placed = within([None if point is None else place(point) for point in keypoints], (width, height))
    low = [max(left, 0), max(upper, 0)]
    high = [min(left + turned.size[0], width - 1), min(upper + turned.size[1], height - 1)]
    return {"picture": scene.convert("RGB"), "keypoints": placed, "box": [int(side) for side in low + high]}


def within(keypoints, size):
    inside = lambda point: point and 0 <= point[0] < size[0] and 0 <= point[1] < size[1]
    return [point if inside(point) else None for point in keypoints]


def paired(objects, random):
    """Two pairs of each ordered two objects, where their photos share enough parts."""
    pairs = []
    for source in range(len(objects)):
        for target in range(len(objects)):
            found = []
            for _ in range(12 if source != target else 0):
                pair = tuple(objects[which][random.integers(len(objects[which]))] for which in (source, target))
                common = sum(None not in both for both in zip(*(photo["keypoints"] for photo in pair)))
                if common >= FEWEST and not any(pair[0] is a and pair[1] is b for a, b in (pairs + found)[-2:]):
                    found.append(pair)
                if len(found) == 2:
                    break
            pairs += found
    return pairs


if __name__ == "__main__":
    main()
