#!/usr/bin/env python3
"""The predictions in a `result.pkl` of GeoAware-SC's evaluator (and of others that keep theirs so), for SPair-71k and AP-10K.

    scripts/examples/geoaware.py result.pkl data/SPair-71k > theirs.jsonl
    lpmflow eval --dataset spair71k --data-root data --predictions theirs.jsonl --protocol geoaware-point
"""

import json
import pathlib
import pickle
import struct
import sys


class Array:
    """A NumPy array as a pickle stores it: shape, the kind of its numbers, and their bytes."""

    def __setstate__(self, state):
        _, (height, width), kind, by_columns, numbers = state
        values = struct.unpack(f"<{height * width}{kind.letter}", numbers)
        down, along = (1, height) if by_columns else (width, 1)
        self.rows = [[values[row * down + column * along] for column in range(width)] for row in range(height)]


class Kind:
    """What the numbers of an array are."""

    def __init__(self, name, *_):
        self.letter = {"f4": "f", "f8": "d"}[name]

    def __setstate__(self, state):
        if state[1] != "<":
            raise pickle.UnpicklingError("numbers of another byte order")


class Numbers(pickle.Unpickler):
    """Reads lists, dictionaries, numbers, texts and arrays, and runs nothing that the file asks for."""

    def find_class(self, module, name):
        if module.split(".")[0] != "numpy":
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of results")
        return {"ndarray": Array, "_reconstruct": lambda *_: Array(), "dtype": Kind}[name]


def below(photo):
    """The path of a photo below JPEGImages."""
    parts = pathlib.PurePosixPath(photo).parts
    return pathlib.PurePosixPath(*parts[parts.index("JPEGImages") + 1 :])


def annotated(root, photo):
    """Width, height and the keypoints of a photo by their numbers; None where one is not there."""
    file = (root / "ImageAnnotation" / below(photo)).with_suffix(".json")
    annotation = json.loads(file.read_text(encoding="utf-8"))
    if "kps" in annotation:  # SPair-71k
        points = [annotation["kps"][number] for number in sorted(annotation["kps"], key=int)]
        return annotation["image_width"], annotation["image_height"], points
    flat = annotation["keypoints"]
    points = [flat[at : at + 2] if flat[at + 2] > 0 else None for at in range(0, len(flat), 3)]
    return annotation["width"], annotation["height"], points


def answer(root, result):
    _, _, source = annotated(root, result["src_fn"])
    width, height, target = annotated(root, result["trg_fn"])
    side = result["resize_resolution"]  # photos are scaled to it, and padded to a square on both sides
    scale = side / max(width, height)
    margin = [int((side - round(side * own / max(width, height))) / 2) for own in (width, height)]
    rows = result["src_kpts_pred"].rows  # of every keypoint number, x and y
    common = [number for number in range(len(source)) if source[number] and target[number]]
    framed = [rows[number][:2] for number in common]
    points = [[(x - margin[0]) / scale, (y - margin[1]) / scale] for x, y in framed]
    line = {"source": str(below(result["src_fn"])), "target": str(below(result["trg_fn"])), "predicted": points}
    return {**line, "predicted_840": framed} if side == 840 else line


with open(sys.argv[1], "rb") as file:
    results = Numbers(file).load()
for result in results:
    print(json.dumps(answer(pathlib.Path(sys.argv[2]), result)))
