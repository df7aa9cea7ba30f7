"""Draws pairs of two datasets in SPair-71k's layout, which share no category, into one that points to their photos."""

import argparse
import json
import random
from pathlib import Path

from spair import write_list


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", type=Path, nargs=2)
    parser.add_argument("output", type=Path)
    parser.add_argument("--pairs", type=int, nargs=2, required=True, help="training pairs of each")
    parser.add_argument("--seed", type=int, default=2)
    arguments = parser.parse_args()
    for kind in ("JPEGImages", "ImageAnnotation"):
        (arguments.output / kind).mkdir(parents=True, exist_ok=True)
        for category in [path for root in arguments.datasets for path in (root / kind).iterdir()]:
            (arguments.output / kind / category.name).symlink_to(category.resolve())
    source = random.Random(arguments.seed)
    listed = [pairs(root, "trn") for root in arguments.datasets]
    training = [
        pair for part, count in zip(listed, arguments.pairs) for pair in source.sample(part, min(count, len(part)))
    ]
    source.shuffle(training)
    write(arguments.output, "trn", training)
    write(arguments.output, "val", [pair for root in arguments.datasets for pair in pairs(root, "val")[::4]])


def pairs(root, split):
    return [(root, name) for name in (root / f"Layout/large/{split}.txt").read_text().split()]


def write(output, split, chosen):
    """The pairs under new numbers."""
    folder = output / "PairAnnotation" / split
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number, (root, old) in enumerate(chosen, 1):
        annotation = json.loads((root / "PairAnnotation" / split / f"{old}.json").read_text())
        names.append(f"{number:06}-{old.split('-', 1)[1]}")
        text = json.dumps({**annotation, "pair_id": number, "filename": names[-1]})
        (folder / f"{names[-1]}.json").write_text(text)
    write_list(output, split, names)


if __name__ == "__main__":
    main()
