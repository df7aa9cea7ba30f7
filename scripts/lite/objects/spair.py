"""Writes datasets in SPair-71k's layout."""

import json


def write(root, split, pairs, photos):
    """Photos ({picture, keypoints, box, category, name, parts}) and pairs of them."""
    for photo in photos:
        folders = [root / kind / photo["category"] for kind in ("ImageAnnotation", "JPEGImages")]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        photo["picture"].save(folders[1] / f"{photo['name']}.jpg", quality=94)
        (folders[0] / f"{photo['name']}.json").write_text(json.dumps(image_annotation(photo)))
    names = [f"{number:06}-{a['name']}-{b['name']}:{a['category']}" for number, (a, b) in enumerate(pairs, 1)]
    (root / "PairAnnotation" / split).mkdir(parents=True, exist_ok=True)
    for number, (name, pair) in enumerate(zip(names, pairs), 1):
        text = json.dumps(pair_annotation(number, name, *pair))
        (root / "PairAnnotation" / split / f"{name}.json").write_text(text)
    write_list(root, split, names)


def write_list(root, split, names):
    (root / "Layout/large").mkdir(parents=True, exist_ok=True)
    (root / "Layout/large" / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))


def rounded(point):
    return point and [int(round(point[0])), int(round(point[1]))]


def image_annotation(photo):
    width, height = photo["picture"].size
    return {
        "filename": f"{photo['name']}.jpg",
        "image_width": width,
        "image_height": height,
        "image_depth": 3,
        "category": photo["category"],
        "pose": "Left",
        "truncated": 0,
        "occluded": 0,
        "difficult": 0,
        "bndbox": photo["box"],
        "kps": {str(number): rounded(point) for number, point in enumerate(photo["keypoints"])},
        "kps_names": photo["parts"],
    }


def pair_annotation(number, name, source, target):
    common = [part for part, both in enumerate(zip(source["keypoints"], target["keypoints"])) if None not in both]
    sides = {"src": source, "trg": target}
    return {
        "pair_id": number,
        "filename": name,
        **{f"{side}_imname": f"{photo['name']}.jpg" for side, photo in sides.items()},
        **{f"{side}_imsize": [*photo["picture"].size, 3] for side, photo in sides.items()},
        **{f"{side}_bndbox": photo["box"] for side, photo in sides.items()},
        "category": source["category"],
        **{f"{side}_pose": "Left" for side in sides},
        **{f"{side}_kps": [rounded(photo["keypoints"][part]) for part in common] for side, photo in sides.items()},
        "kps_ids": [str(part) for part in common],
        **dict.fromkeys(("mirror", "viewpoint_variation", "scale_variation", "truncation", "occlusion"), 0),
    }
