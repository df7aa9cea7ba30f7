"""Cars, and the places of their parts, which were clicked on side, front and rear views."""

import numpy as np

from camera import repainted

SIDE = [
    "front_wheel",
    "rear_wheel",
    "windscreen_base",
    "windscreen_top",
    "glass_rear",
    "sill_front",
    "sill_rear",
    "handle",
    "mirror",
]
ENDS = ["headlamp", "front_bumper", "tail_lamp", "rear_window_base", "rear_window_top", "rear_bumper"]
PARTS = [f"{side}_{part}" for part in SIDE + ENDS for side in ("left", "right")] + ["front_centre", "rear_centre"]

# In percent. SIDE: length from the rear, height. Then half the width, and height, of headlamp, tail lamp and the
# rear window's corners; of the bumpers the height.
# fmt: off
MODELS = {
    "BlendSwap-CC-BY/blendswap-cc-by/fordFocus/fordFocus": [
        (79, 25), (16.5, 25), (75, 66), (57, 93), (13, 80), (70, 15), (25, 17), (47, 59), (64, 70),
        (62, 52), 30, (75, 66), (40, 73), (50, 92), 30],
    "KatorLegaz/katorlegaz/concept-sedan-01v2/concept-sedan-01v2": [
        (83, 23), (17, 23), (73, 66), (63, 93), (25, 70), (72, 12), (28, 12), (52, 53), (67, 67),
        (78, 40), 17, (82, 43), (60, 71), (48, 91), 17],
    "KatorLegaz/katorlegaz/concept-sedan-02/concept-sedan-02": [
        (87, 23), (18, 23), (74, 69), (61, 92), (29.5, 66), (76, 13), (27, 13), (51, 54), (68, 67),
        (70, 46), 25, (66, 46), (55, 63), (38, 88), 27],
    "KatorLegaz/katorlegaz/concept-sedan-02-sport/concept-sedan-02-sport": [
        (90, 23), (18, 23), (76, 69), (62, 92), (30, 66), (77, 13), (28, 13), (52, 54), (68.5, 67),
        (70, 47), 22, (66, 46), (55, 63), (38, 88), 27],
    "KatorLegaz/katorlegaz/VW-new-beetle/VW-new-beetle": [
        (82.5, 23), (18, 23), (75, 67), (61, 93), (24, 66), (67, 14), (32, 16), (44, 56), (67.5, 69),
        (65, 49), 33, (60, 49), (54, 66), (43, 90), 35],
    "KatorLegaz/katorlegaz/concept-sedan-01v1/concept-sedan-01v1": [
        (83, 23), (17, 23), (74, 68), (63, 93), (24.5, 70), (72, 12), (27, 12), (52, 53), (68, 66),
        (74, 40), 17, (83, 42), (60, 72), (48, 91), 17],
    "Scopia/scopia/seat_leon/seat_leon": [
        (80, 22), (19, 22), (72, 66), (57, 90), (19.5, 74), (71, 16), (28, 16), None, (63.5, 66),
        (57, 45), 30, (56, 62), (56, 75), (53, 89), 25],
    "Scopia/scopia/peugeot-308/peugeot-308": [
        (79.5, 22), (20.5, 22), (74, 67), (56, 96), None, (70, 16), (28, 16), (43, 62), (64, 65),
        (72, 54), 40, (67, 63), None, None, 40],
    "Scopia/scopia/renault-scenic/renault-scenic": [
        (81, 17), (17, 17), (74, 54), (59, 78), (17.5, 72), (71, 11), (26, 12), (49, 46), (68.5, 57),
        (58, 43), 28, (64, 52), (56, 55), (52, 74), 33],
    "Scopia/scopia/suv/suv": [
        (80.5, 22), (19.5, 22), (70, 70), (57, 91), (14, 73), (72, 15), (28, 15), (48, 57), (60, 73),
        (63, 47), 30, (62, 60), (60, 70), (55, 86), 35],
    "Scopia/scopia/chevrolet/chevrolet": [
        (79.5, 28), (20, 28), (60, 65), (48, 92), (33, 72), (72, 11), (27, 12), (30, 65), (52, 68),
        (65, 52), 30, (60, 66), (65, 78), (52, 92), 30],
    "Scopia/scopia/van/van": [
        (83.5, 14), (21.5, 14), (81, 53), (72.5, 81), (63, 57), (74, 11), (29, 11), (63.5, 48), (77, 60),
        (70, 38), 22, (75, 40), None, None, 17],
    "Scopia/scopia/smart-car/smart-car": [
        (84.5, 21), (13.5, 21), (78, 64), (58, 94), (22, 75), (72, 16), (28, 18), None, (66, 69),
        (60, 52), 22, (70, 60), (62, 66), (56, 92), 27],
}
# fmt: on


def keypoints(places, points):
    """The parts' positions on a car whose surface has those points; its front is at +z, its right at -x."""
    low, high = points.min(0), points.max(0)
    centre, extent = (low + high) / 2, high - low
    found = {}

    def surface(axis, sign, others, at):
        """The outermost of the surface along the axis, near that place on the two other axes."""
        for reach in (0.008, 0.015, 0.03, 0.06):
            near = np.abs(points[:, others] - at).max(1) < reach * extent[2]
            if near.sum() > 15:
                return np.quantile(points[near, axis] * sign, 0.97) * sign
        raise ValueError(f"no surface near {at}")

    def both(part, x, y, z):
        aside = abs(x - centre[0])
        found[f"right_{part}"] = (centre[0] - aside, y, z)
        found[f"left_{part}"] = (centre[0] + aside, y, z)

    for part, place in zip(SIDE, places):
        if place:
            y, z = low[1] + extent[1] * place[1] / 100, low[2] + extent[2] * place[0] / 100
            both(part, surface(0, -1, [1, 2], (y, z)), y, z)
    for part, place in zip(ENDS, places[len(SIDE) :]):
        sign = 1 if part in ("headlamp", "front_bumper") else -1
        if place and part.endswith("bumper"):
            y = low[1] + extent[1] * place / 100
            end = "front_centre" if sign > 0 else "rear_centre"
            found[end] = (centre[0], y, surface(2, sign, [0, 1], (centre[0], y)))
            place = (58, place)
        if place:
            x, y = centre[0] - extent[0] / 2 * place[0] / 100, low[1] + extent[1] * place[1] / 100
            both(part, x, y, surface(2, sign, [0, 1], (x, y)))
    return found


def shots(cloud, random):
    """How each photo of a car is taken: the painted car, azimuth, elevation."""
    cloud["alpha"][:] = 1
    while True:
        if random.random() < 0.5:
            azimuth = random.uniform(0, 360)
        else:
            azimuth = random.choice([90, 270, 60, 300, 120, 240]) + random.normal(0, 15)
        elevation = abs(random.normal(0, 9))
        yield repainted(cloud, random), azimuth, elevation
