#!/usr/bin/env python3
"""Answers the pairs of a dataset, so that any system can be scored; put yours in the place of `find`.

    lpmflow datasets export-pairs spair71k -o pairs.jsonl
    scripts/examples/answer.py pairs.jsonl | lpmflow eval --dataset spair71k --predictions -
"""

import json
import sys


def find(pair):
    """Where each of pair["keypoints"], [x, y] in the photo pair["source"], lies in the photo pair["target"]:
    [x, y], or None if it is not found. Here: at the same place, as if all photos were the same."""
    sizes = pair["source_size"], pair["target_size"]
    wider, higher = (sizes[1][side] / sizes[0][side] for side in ("width", "height"))
    return [[(x + 0.5) * wider - 0.5, (y + 0.5) * higher - 0.5] for x, y in pair["keypoints"]]


for line in open(sys.argv[1], encoding="utf-8"):
    pair = json.loads(line)
    print(json.dumps({"index": pair["index"], "predicted": find(pair)}))
