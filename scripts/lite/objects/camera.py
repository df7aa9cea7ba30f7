"""Pictures of clouds of points: a camera, light, and which named points are seen."""

import colorsys

import numpy as np
from PIL import Image


def view(azimuth, elevation, distance, points, size):
    """A camera that sees all points, the larger side `size` pixels; distance in radii, 0: without perspective."""
    low, high = points.min(0), points.max(0)
    around, up = np.radians(azimuth), np.radians(elevation)
    turn = np.array([[np.cos(around), 0, np.sin(around)], [0, 1, 0], [-np.sin(around), 0, np.cos(around)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(up), -np.sin(up)], [0, np.sin(up), np.cos(up)]])
    frame = {"R": tilt @ turn, "centre": (low + high) / 2, "scale": 1.0, "offset": 0.0}
    frame["distance"] = distance * np.linalg.norm(high - low) / 2 if distance else 0
    at, _ = pixels(points[::20], frame)
    frame["scale"] = size / (at.max(0) - at.min(0)).max()
    at, _ = pixels(points[::20], frame)
    frame["offset"] = 4 - at.min(0)
    frame["size"] = tuple((np.ceil(at.max(0) - at.min(0)) + 8).astype(int))
    return frame


def pixels(points, frame):
    """Where points are in the picture, and their depth (greater is nearer)."""
    turned = (points - frame["centre"]) @ frame["R"].T
    far = frame["distance"]
    larger = far / (far - turned[:, 2]) if far else np.ones(len(turned))
    place = np.stack([turned[:, 0] * larger * frame["scale"], -turned[:, 1] * larger * frame["scale"]], 1)
    return place + frame["offset"], turned[:, 2]


def light(random):
    """A sun, a sky and the colour of the day."""
    around, up = random.uniform(-1.2, 1.2), random.uniform(0.2, 1.2)
    direction = np.array([np.sin(around) * np.cos(up), np.sin(up), np.cos(around) * np.cos(up)])
    ranges = {"ambient": (0.25, 0.5), "sky": (0.1, 0.5), "sun": (0.3, 0.8), "shine": (10, 60), "gloss": (0, 0.6)}
    drawn = {name: random.uniform(*limits) for name, limits in ranges.items()}
    return {"direction": direction, **drawn, "mirror": random.uniform(0, 0.5), "tint": random.uniform(0.92, 1.08, 3)}


def render(cloud, frame, random):
    """The picture (height, width, 4) and the depth of each pixel."""
    lit = light(random)
    kept = random.random(len(cloud["P"])) < cloud["alpha"]
    points, normals = cloud["P"][kept], cloud["N"][kept]
    depth, index = nearest(points, frame, (cloud["P"].max(0) - cloud["P"].min(0)).max())
    covered = index >= 0
    chosen = np.where(covered, index, 0)
    facing = normals[chosen] @ frame["R"].T
    facing = np.where(facing[..., 2:] < 0, -facing, facing)
    colour, gloss = cloud["col"][kept][chosen], cloud["spec"][kept][chosen]
    upwards = frame["R"] @ np.array([0, 1.0, 0])
    sky = lit["sky"] * np.clip(facing @ upwards, 0, 1) * 0.6
    shade = lit["ambient"] + sky + lit["sun"] * np.clip(facing @ lit["direction"], 0, 1)
    half = lit["direction"] + np.array([0, 0, 1.0])
    half /= np.linalg.norm(half)
    highlight = np.clip(facing @ half, 0, 1) ** lit["shine"] * (lit["gloss"] * (0.3 + gloss))
    mirrored = (2 * facing[..., 2:] * facing - np.array([0, 0, 1.0])) @ upwards
    horizon = np.where(np.abs(mirrored) < 0.08, lit["mirror"] * 0.5 * (0.2 + gloss), 0)
    around = np.clip(mirrored, 0, 1) * lit["mirror"] * (0.2 + gloss) + horizon
    seen = np.clip(colour * shade[..., None] * lit["tint"] + (highlight + around)[..., None], 0, 1) ** (1 / 1.15)
    return np.dstack([seen * 255, covered * 255]).astype(np.uint8), depth


def nearest(points, frame, extent):
    """For each pixel the depth and the number of the nearest point; holes take their neighbours'."""
    width, height = frame["size"]
    at, depth = pixels(points, frame)
    row, column = (np.clip(at[:, axis].astype(int), 0, size - 1) for axis, size in ((1, height), (0, width)))
    cell = row * width + column
    order = np.lexsort((depth, cell))
    last = np.r_[cell[order][1:] != cell[order][:-1], True]
    far, index = np.full(height * width, -1e9), np.full(height * width, -1)
    far[cell[order][last]], index[cell[order][last]] = depth[order[last]], order[last]
    far, index = far.reshape(height, width), index.reshape(height, width)
    for _ in range(2):
        depths, numbers = (
            np.stack([padded[y : y + height, x : x + width] for y in range(3) for x in range(3)])
            for padded in (np.pad(far, 1, constant_values=-1e9), np.pad(index, 1, constant_values=-1))
        )
        median = np.sort(depths, 0)[4]
        hole, best = far < median - 0.02 * extent, np.abs(depths - median).argmin(0)[None]
        far = np.where(hole, np.take_along_axis(depths, best, 0)[0], far)
        index = np.where(hole, np.take_along_axis(numbers, best, 0)[0], index)
    return far, index


def seen(point, frame, depth, extent, tolerance):
    """Where a point is in the picture, or None: outside, or behind something."""
    at, own = pixels(np.array(point)[None], frame)
    x, y = at[0]
    height, width = depth.shape
    if not (1 <= x < width - 1 and 1 <= y < height - 1):
        return None
    near = depth[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2]
    near = near[near > -1e8]
    if len(near) and own[0] <= np.median(near) - tolerance * extent:
        return None
    return float(x), float(y)


def repainted(cloud, random):
    """Another paint for the material that covers most of it."""
    number = np.bincount(cloud["mat"].astype(int) + 1).argmax() - 1
    of = cloud["mat"] == number
    hue = random.random()
    saturation = random.choice([0, random.uniform(0.3, 1)])
    value = random.uniform(0.12, 0.95)
    paint = np.array(colorsys.hsv_to_rgb(hue, saturation, value), np.float32)
    colour, base = cloud["col"].copy(), cloud["col"][of]
    shades = base.mean(1, keepdims=True) / (base.mean() + 1e-6)
    colour[of] = np.clip(paint * np.clip(shades, 0.4, 1.6), 0, 1)
    for other in range(-1, int(cloud["mat"].max()) + 1):
        same = cloud["mat"] == other
        if other != number and same.any() and np.abs(cloud["col"][same].mean(0) - base.mean(0)).max() < 0.04:
            colour[same] = paint
    return {**cloud, "col": colour}


def halved(picture):
    """A picture at half its size, without its ground's colour."""
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    soft = picture.astype(np.float32)
    soft[..., :3] *= soft[..., 3:] / 255
    soft = soft[:height, :width].reshape(height // 2, 2, width // 2, 2, 4).mean((1, 3))
    soft[..., :3] /= np.maximum(soft[..., 3:] / 255, 1e-3)
    return Image.fromarray(np.clip(soft, 0, 255).astype(np.uint8))


def photograph(cloud, points, parts, frame, random, tolerance):
    """The picture of a cloud at half the frame's size, and where those parts are seen in it (others: None)."""
    picture, depth = render(cloud, frame, random)
    extent = np.linalg.norm(cloud["P"].max(0) - cloud["P"].min(0))
    found = [seen(points[part], frame, depth, extent, tolerance) if part in points else None for part in parts]
    return halved(picture), [at and [round(at[0] / 2, 1), round(at[1] / 2, 1)] for at in found]
