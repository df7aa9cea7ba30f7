"""Surfaces of revolution with random profiles and paint: what bottles, cups, jugs and pots are made of."""

import colorsys

import numpy as np


def revolve(heights, radii, random, count):
    """Points of the surface: positions, normals, angles (in turns), heights, radii."""
    rise, widen = np.diff(heights), np.diff(radii)
    length = np.hypot(rise, widen)
    area = length * (radii[1:] + radii[:-1]) / 2 + 1e-9
    part = random.choice(len(length), count, p=area / area.sum())
    along = random.random(count)
    radius = radii[part] + widen[part] * along
    height = heights[part] + rise[part] * along
    turn = random.random(count)
    # The profile's slope is smooth but at its edges.
    slope = np.arctan2(-widen, rise)
    between = np.r_[slope[0], (slope[1:] + slope[:-1]) / 2, slope[-1]]
    before, after = between[:-1].copy(), between[1:].copy()
    edge = np.abs(np.diff(slope)) > 0.9
    before[1:][edge], after[:-1][edge] = slope[1:][edge], slope[:-1][edge]
    own = before[part] * (1 - along) + after[part] * along
    cosine, sine = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)
    position = np.stack([radius * cosine, height, radius * sine], 1).astype(np.float32)
    normal = np.stack([np.cos(own) * cosine, np.sin(own), np.cos(own) * sine], 1).astype(np.float32)
    return position, normal, turn, height, radius


def tube(path, radii, random, count):
    """Points of a tube around a path in the plane z = 0, and their normals."""
    path = np.array(path)
    ahead = np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1)[:, None]
    across = np.cross(ahead, np.array([0, 0, 1.0]))
    part, along = random.integers(0, len(path) - 1, count), random.random(count)[:, None]
    angle = random.random(count) * 2 * np.pi
    between = across[part] * (1 - along) + across[part + 1] * along
    normal = between * np.cos(angle)[:, None] + np.array([0, 0, 1.0]) * np.sin(angle)[:, None]
    radii = np.asarray(radii) * np.ones(len(path))
    radius = radii[part] + (radii[part + 1] - radii[part]) * along[:, 0]
    position = path[part] * (1 - along) + path[part + 1] * along + normal * radius[:, None]
    return position.astype(np.float32), normal.astype(np.float32)


def smooth(points):
    """A profile that runs smoothly through (height, radius)."""
    heights, radii = (np.array(part, float) for part in zip(*points))
    at = np.linspace(0, len(heights) - 1, 160)
    part = np.minimum(at.astype(int), len(heights) - 2)
    along = at - part
    soft = along * along * (3 - 2 * along)
    height = heights[part] * (1 - along) + heights[part + 1] * along
    return height, radii[part] * (1 - soft) + radii[part + 1] * soft


def streaks(random, count, low, high):
    """Random brightness around a turn, in 512 steps."""
    values, at = random.uniform(low, high, count), np.arange(512) / 512 * count
    part = at.astype(int)
    soft = (at - part) ** 2 * (3 - 2 * (at - part))
    return values[part % count] * (1 - soft) + values[(part + 1) % count] * soft


def colour(random, saturation, value):
    """Of any hue; saturation and value are drawn by the functions that are given."""
    return np.array(colorsys.hsv_to_rgb(random.random(), saturation(), value()))


def paint(turn, height, random, kind, photos):
    """Colours of a surface over its angle and its height (both 0 to 1)."""
    if kind == "photo":
        photo = photos[random.integers(len(photos))]
        part = random.uniform(0.15, 0.9)
        rows, columns = photo.shape[:2]
        aside, down = random.random(2)
        row = ((down + (1 - height) * part) % 1 * (rows - 1)).astype(int)
        return photo[row, ((aside + turn * part * random.choice([1, 2])) % 1 * (columns - 1)).astype(int)]
    pale = lambda: random.choice([0, random.uniform(0.2, 1)])
    value = lambda: random.uniform(0.1, 1)
    painted = np.tile(colour(random, pale, value), (len(height), 1))
    if kind == "bands":
        for _ in range(random.integers(1, 5)):
            low = random.random()
            band = (height > low) & (height < low + random.uniform(0.01, 0.15))
            painted[band] = colour(random, lambda: random.uniform(0, 1), value)
    if kind == "flowers":
        for _ in range(random.integers(8, 40)):
            at, up, size = random.random(), random.uniform(0.15, 0.8), random.uniform(0.01, 0.07)
            aside = np.abs(turn - at)
            spot = (np.minimum(aside, 1 - aside) * 3) ** 2 + (height - up) ** 2 < size * size
            painted[spot] = colour(random, lambda: random.uniform(0.3, 1), lambda: random.uniform(0.2, 1))
    return painted


def cloud(surfaces, gloss):
    """One cloud of surfaces (positions, normals, colours)."""
    points, normals, colours = (np.concatenate(part) for part in zip(*surfaces))
    count = len(points)
    return {
        "P": points,
        "N": normals,
        "col": np.clip(colours.astype(np.float32), 0, 1),
        "spec": np.full(count, gloss, np.float32),
        "alpha": np.ones(count, np.float32),
        "mat": np.zeros(count, np.int16),
    }
