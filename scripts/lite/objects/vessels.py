"""Bottles, cups, jugs and pots of random form, and where their parts are.

A form is a cloud, the parts on its outline (radius, height), and those elsewhere (x, y, z).
"""

import colorsys

import numpy as np

from turned import cloud, colour, paint, revolve, smooth, streaks, tube

BOTTLE = [
    f"{side}_{part}"
    for part in ("mouth", "neck_base", "shoulder", "base", "label_top", "label_bottom")
    for side in ("left", "right")
]
VESSEL = [
    "handle_top",
    "handle_bottom",
    "handle_out",
    "rim_handle",
    "rim_far",
    "base_handle",
    "base_far",
    "spout",
    "knob",
]
POINTS = 900_000


def bottle(random, photos):
    """A bottle, or a jar or flacon, perhaps with a label and a cap."""
    body, shoulder = random.uniform(1.4, 4), random.uniform(0.15, 1.2)
    neck, tall = random.uniform(0.22, 0.5), random.uniform(0.3, 2)
    taper = random.uniform(0.9, 1.08)
    if random.random() < 0.2:
        tall, neck = random.uniform(0.12, 0.3), random.uniform(0.3, 0.8)
    lip = random.uniform(1.0, 1.2)
    sides = np.linspace(1, taper, 20) + random.choice([0, random.uniform(-0.12, 0.05)]) * np.sin(
        np.linspace(0, np.pi, 20)
    )
    along = np.linspace(0, 1, 30)[1:]
    bend = (along * along * (3 - 2 * along)) ** random.uniform(0.6, 2.2)
    throat = np.linspace(neck, neck * random.uniform(0.8, 1.02), 12)[1:]
    top, rim = body + shoulder + tall, throat[-1] * lip
    edge = random.uniform(0.06, 0.16)
    heights = [
        [0, 0, 0.07], np.linspace(0.1, body, 20), body + shoulder * along,
        np.linspace(body + shoulder, top, 12)[1:], [top - edge, top - edge, top, top],
    ]  # fmt: skip
    radii = [[0, 0.92, 1], sides, taper + (neck - taper) * bend, throat, [throat[-1], rim, rim, 0]]
    surface = revolve(np.concatenate(heights), np.concatenate(radii), random, POINTS)
    painted, glass, label = bottle_paint(surface, body, shoulder, top, tall, random, photos)
    form = cloud([(*surface[:2], painted)], random.uniform(0.1, 0.9) if glass else random.uniform(0, 0.5))
    outline = {
        "mouth": (rim, top),
        "neck_base": (neck, body + shoulder),
        "shoulder": (taper, body),
        "base": (0.97, 0.04),
    }
    if label:
        for part, height in (("label_top", label[1]), ("label_bottom", label[0])):
            outline[part] = (float(np.interp(height, [0.1, body], [1, taper])), height)
    if tall < 0.3:
        outline.pop("neck_base")
    return (
        form,
        {
            f"{side}_{part}": (sign * radius, height)
            for part, (radius, height) in outline.items()
            for sign, side in ((-1, "left"), (1, "right"))
        },
        {},
    )


def bottle_paint(surface, body, shoulder, top, tall, random, photos):
    """The bottle's colours, whether it is of glass, and from where to where its label reaches."""
    _, _, turn, height, radius = surface
    glass = random.random() < 0.65
    if glass:
        hue = random.choice([0.25, 0.3, 0.08, 0.12, 0.55, random.random()])
        saturation = random.uniform(0.2, 0.95)
        value = random.choice([random.uniform(0.04, 0.3), random.uniform(0.3, 0.85)])
        base = np.array(colorsys.hsv_to_rgb(hue, saturation, value))
        if random.random() < 0.25:
            base = np.full(3, random.uniform(0.5, 0.9))
    else:
        base = colour(random, lambda: random.choice([0, random.uniform(0.2, 1)]), lambda: random.uniform(0.1, 1))
    painted = np.tile(base, (len(height), 1))
    if glass:
        # What shines through glass: streaks from bottom to top, and how far it is filled.
        painted = painted * streaks(random, random.integers(6, 20), 0.3, 1.7)[(turn * 511).astype(int)][:, None]
        if random.random() < 0.4:
            empty = height > random.uniform(0.3, 1) * (body + shoulder)
            painted[empty] = painted[empty] * 0.4 + 0.45 * random.uniform(0.5, 1.2)
    label = None
    if random.random() < 0.75:
        low = random.uniform(0.08, 0.45) * body
        high = min(low + random.uniform(0.25, 0.6) * body, body * 0.97)
        half = random.uniform(0.25, 0.5)
        label = (low, high)
        on = (height > low) & (height < high) & (np.abs(turn - 0.25) < half) & (np.abs(radius) > 0.5)
        kind = random.choice(["plain", "bands", "photo", "photo", "flowers"])
        painted[on] = paint(turn[on], (height[on] - low) / (high - low), random, kind, photos)
    if random.random() < 0.6:
        low = top - random.uniform(0.08, min(tall, 1.2))
        on = height > low
        kind = random.choice(["plain", "plain", "bands"])
        painted[on] = paint(turn[on], (height[on] - low) / (top - low), random, kind, photos)
    return painted, glass, label


def vessel(random, photos):
    """A mug, cup, jug or pot; its handle is at +x, its spout or lip at -x."""
    kind = random.choice(["mug", "cup", "jug", "pot"])
    drawn = {
        "mug": random.uniform(1.6, 2.6),
        "cup": random.uniform(1, 1.6),
        "jug": random.uniform(2, 3.6),
        "pot": random.uniform(1.3, 2.8),
    }
    tall = drawn[kind]
    profile = vessel_profile(kind, tall, random)
    heights, radii = smooth(profile)
    rim, lid = radii[-1], kind == "pot" or random.random() < 0.12
    inside = ([], []) if lid else (heights[::-1], radii[::-1] * 0.93)
    body = revolve(np.r_[0, heights, inside[0]], np.r_[0, radii, inside[1]], random, POINTS)
    position, normal, turn, height, _ = body
    pattern = random.choice(["plain", "plain", "bands", "photo", "flowers"])
    painted = paint(turn, height / tall, random, pattern, photos)
    plain = paint(np.zeros(1), np.zeros(1), random, "plain", photos)[0] if random.random() < 0.4 else painted.mean(0)
    surfaces, parts = [(position, normal, painted)], {}

    def add(points, normals, of):
        surfaces.append((points, normals, np.tile(of, (len(points), 1))))

    radius_at = lambda at: float(np.interp(at, heights, radii))
    upper, lower = tall * random.uniform(0.72, 0.95), tall * random.uniform(0.12, 0.4)
    out = random.uniform(0.35, 0.85)
    lift = random.uniform(-0.1, 0.25) * tall if kind in ("jug", "pot") else 0
    along = np.linspace(0, 1, 40)
    first, last = radius_at(upper), radius_at(lower)
    x = first * (1 - along) + last * along + out * np.sin(np.pi * along) ** random.uniform(0.5, 1)
    y = upper * (1 - along) + lower * along + lift * np.sin(np.pi * along) * (1 - along)
    thick = random.uniform(0.07, 0.14)
    add(*tube(np.stack([x, y, 0 * along], 1), thick, random, 160_000), plain)
    parts["handle_top"], parts["handle_bottom"] = (first + thick * 0.5, upper, 0), (last + thick * 0.5, lower, 0)
    parts["handle_out"] = (x.max() + thick, y[x.argmax()], 0)
    if kind == "pot" or (kind == "jug" and random.random() < 0.3):
        low, high = tall * random.uniform(0.25, 0.5), tall * random.uniform(0.8, 1.1)
        start, reach = -radius_at(low) * 0.9, random.uniform(0.6, 1.1)
        along = np.linspace(0, 1, 30)
        x = start - reach * along
        y = low + (high - low) * (along * along * (3 - 2 * along) if random.random() < 0.6 else along)
        wide = np.linspace(random.uniform(0.2, 0.32), random.uniform(0.07, 0.13), 30)
        add(
            *tube(np.stack([x, y, 0 * along], 1), wide, random, 140_000),
            painted.mean(0) if pattern != "plain" else painted[0],
        )
        parts["spout"] = (x[-1], y[-1] + wide[-1] * 0.6, 0)
    elif kind == "jug":
        # The rim is drawn out into a lip.
        near = np.exp(-((np.arctan2(position[:, 2], -position[:, 0]) / 0.45) ** 2))
        near = near * np.clip((position[:, 1] / tall - 0.72) / 0.28, 0, 1) ** 1.5
        reach = random.uniform(0.25, 0.6)
        position[:, 0] -= near * reach
        position[:, 1] += near * reach * 0.4
        parts["spout"] = (-rim - reach, tall + 0.4 * reach, 0)
    if lid:
        high, along = random.uniform(0.08, 0.45) * rim * 2, np.linspace(0, 1, 40)
        dome = (
            np.r_[tall, tall + high * np.sin(along * np.pi / 2)],
            np.r_[rim * 1.03, rim * np.cos(along * np.pi / 2)],
        )
        add(*revolve(*dome, random, 150_000)[:2], plain)
        knob, angle = random.uniform(0.08, 0.18), np.linspace(-np.pi / 2, np.pi / 2, 24)
        ball = (tall + high + knob * 0.8 + knob * np.sin(angle), knob * np.cos(angle))
        add(*revolve(*ball, random, 50_000)[:2], plain)
        parts["knob"] = (0, tall + high + knob * 1.8, 0)
    outline = {"rim": (rim, tall), "base": (profile[0][1], 0.03 * tall)}
    if kind == "jug":
        outline.pop("rim")
    return cloud(surfaces, random.uniform(0.05, 0.7)), outline, parts


def vessel_profile(kind, tall, random):
    """(height, radius) from the foot to the rim."""
    if kind == "mug":
        return [(0, random.uniform(0.8, 1)), (tall / 2, 1), (tall, random.uniform(0.92, 1.1))]
    if kind == "cup":
        return [(0, random.uniform(0.45, 0.75)), (tall * 0.4, random.uniform(0.7, 1)), (tall, random.uniform(1, 1.25))]
    if kind == "jug":
        foot, belly = random.uniform(0.55, 0.9), tall * random.uniform(0.25, 0.45)
        throat = (tall * random.uniform(0.65, 0.8), random.uniform(0.5, 0.8))
        return [(0, foot), (belly, 1), throat, (tall, random.uniform(0.6, 0.9))]
    return [(0, random.uniform(0.5, 0.95)), (tall * random.uniform(0.3, 0.55), 1), (tall, random.uniform(0.45, 0.75))]
