"""Reads OBJ models of furniture and vehicles, and samples points of what is seen of them from outside."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from camera import pixels, view

PLAIN = {"colour": (0.8, 0.8, 0.8), "opacity": 1.0, "gloss": (0, 0, 0), "texture": None}


def outer(path, count, rotation=None):
    """So many points of the triangles that show from outside: what lies within would shine through.

    A cloud: positions, normals, colours (0 to 1), gloss, opacity, and the material's number.
    """
    random = np.random.default_rng(0)
    vertices, places, normals, faces, materials, table = read(path)
    triangle, weights, points, _ = spread(vertices, faces, 800_000, random)
    faces, materials = (part[visible(points, triangle, len(faces))] for part in (faces, materials))
    triangle, weights, points, flat = spread(vertices, faces, count, random)
    cloud = {"P": points, "N": flat[triangle].copy(), "mat": materials[triangle]}
    corner = faces[triangle]
    known = corner[:, 0, 2] >= 0
    if known.any():
        smooth = sum(weights[:, i : i + 1] * normals[corner[:, i, 2]] for i in range(3))
        length = np.linalg.norm(smooth, axis=1)
        known &= length > 1e-6
        cloud["N"][known] = smooth[known] / length[known, None]
    every = [material["colour"] for material in table]
    cloud["col"] = np.array(every)[cloud["mat"]].astype(np.float32)
    cloud["spec"] = np.array([max(material["gloss"]) for material in table])[cloud["mat"]].astype(np.float32)
    cloud["alpha"] = np.array([material["opacity"] for material in table])[cloud["mat"]].astype(np.float32)
    for number, material in enumerate(table):
        of = np.where(cloud["mat"] == number)[0]
        if material["texture"] is None or len(of) == 0 or corner[of][:, 0, 1].min() < 0:
            continue
        texture = np.asarray(Image.open(material["texture"]).convert("RGBA")) / 255.0
        at = sum(weights[of][:, i : i + 1] * places[corner[of][:, i, 1]] for i in range(3))
        height, width = texture.shape[:2]
        row = np.clip(((1 - at[:, 1] % 1) * height).astype(int), 0, height - 1)
        column = np.clip(((at[:, 0] % 1) * width).astype(int), 0, width - 1)
        cloud["col"][of] = texture[row, column][:, :3]
        cloud["alpha"][of] *= texture[row, column][:, 3]
    if rotation is not None:
        cloud["P"], cloud["N"] = cloud["P"] @ rotation.T, cloud["N"] @ rotation.T
    return {**cloud, "P": cloud["P"].astype(np.float32), "N": cloud["N"].astype(np.float32)}


def spread(vertices, faces, count, random):
    """Points evenly on triangles: each one's triangle, its weights of the corners, where it is; the faces' normals."""
    first, second, third = (vertices[faces[:, i, 0]] for i in range(3))
    cross = np.cross(second - first, third - first)
    area = np.linalg.norm(cross, axis=1) / 2
    triangle = random.choice(len(faces), count, p=area / area.sum())
    root, along = np.sqrt(random.random(count)), random.random(count)
    weights = np.stack([1 - root, root * (1 - along), root * along], 1)
    points = sum(weights[:, i : i + 1] * vertices[faces[triangle, i, 0]] for i in range(3))
    return triangle, weights, points, cross / (2 * area[:, None] + 1e-30)


def visible(points, triangle, count):
    """Which triangles are nearest to the camera at some of their points, from at least two places around."""
    seen = np.zeros(count, int)
    extent = np.linalg.norm(points.max(0) - points.min(0))
    for elevation in (-5, 12, 35, 80):
        for azimuth in range(0, 360, 30 if elevation < 60 else 180):
            frame = view(azimuth, elevation, 0, points, 220)
            at, depth = pixels(points, frame)
            width, height = frame["size"]
            row, column = (np.clip(at[:, axis].astype(int), 0, size - 1) for axis, size in ((1, height), (0, width)))
            cell = row * width + column
            nearest = np.full(width * height, -1e9)
            np.maximum.at(nearest, cell, depth)
            nearest = nearest.reshape(height, width)
            padded = np.pad(nearest, 1, constant_values=-1e9)
            around = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
            # A pixel that no point of the surface fell into shows what lies behind it.
            nearest = np.maximum(nearest, np.sort(np.stack(around), 0)[4]).reshape(-1)
            np.add.at(seen, triangle[depth > nearest[cell] - 0.006 * extent], 1)
    return seen >= 2


def read(path):
    """Vertices, places on textures, normals; triangles (corner, [vertex, place, normal], -1: none), their materials."""
    vertices, places, normals, faces, materials = [], [], [], [], []
    table, names, current = {}, [], -1
    for line in open(path, encoding="latin1"):
        words = line.split()
        kind = words[0] if words else ""
        if kind in ("v", "vt", "vn"):
            wanted = {"v": (vertices, 3), "vt": (places, 2), "vn": (normals, 3)}[kind]
            wanted[0].append(tuple(map(float, words[1 : 1 + wanted[1]])))
        elif kind == "mtllib":
            library = Path(path).parent / " ".join(words[1:])
            table.update(read_materials(library) if library.exists() else {})
        elif kind == "usemtl":
            name = " ".join(words[1:])
            names += [] if name in names else [name]
            current = names.index(name)
        elif kind == "f":
            corners = [corner(word, vertices, places, normals) for word in words[1:]]
            for last in range(2, len(corners)):
                faces.append((corners[0], corners[last - 1], corners[last]))
                materials.append(current)
    listed = [table.get(name, PLAIN) for name in names] + [PLAIN]
    arrays = [np.array(part) if part else np.zeros((1, size)) for part, size in ((places, 2), (normals, 3))]
    return np.array(vertices), *arrays, np.array(faces), np.array(materials), listed


def corner(word, *lists):
    numbers = [int(part) if part else 0 for part in word.split("/")] + [0, 0]
    count_from_one = zip(numbers[:3], lists)
    return tuple(number - 1 if number > 0 else len(part) + number if number else -1 for number, part in count_from_one)


def read_materials(path):
    table, current = {}, None
    for line in open(path, encoding="latin1"):
        words = line.split()
        kind = words[0].lower() if words else ""
        if kind == "newmtl":
            current = table.setdefault(" ".join(words[1:]), dict(PLAIN))
        elif current is None:
            continue
        elif kind == "kd":
            current["colour"] = tuple(map(float, words[1:4]))
        elif kind == "ks":
            current["gloss"] = tuple(map(float, words[1:4]))
        elif kind == "d":
            current["opacity"] = float(words[-1])
        elif kind == "map_kd" and os.path.exists(path.parent / words[-1]):
            current["texture"] = path.parent / words[-1]
    return table
