"""Chairs, and rules that find their parts."""

import numpy as np

from camera import repainted

PARTS = [
    f"{side}_{part}"
    for part in ("front_foot", "back_foot", "seat_front", "seat_back", "back_top")
    for side in ("left", "right")
]

# Each with a number that names it, and how it is turned so that it faces +z.
CC0, BY, KATOR, SCOPIA = (
    "BlendSwap-CC-0/blendswap-cc-0",
    "BlendSwap-CC-BY/blendswap-cc-by",
    "KatorLegaz/katorlegaz",
    "Scopia/scopia",
)
TURNED = [[0, 0, -1], [0, 1, 0], [1, 0, 0]]
MODELS = {
    0: f"{CC0}/oakChair/oakChair",
    1: f"{CC0}/plasticChair/plasticChair",
    4: f"{CC0}/chair/chair",
    5: f"{CC0}/antiqueChair/antiqueChair",
    6: f"{CC0}/chairWithCushion/chairWithCushion",
    7: f"{CC0}/chair2/chair2",
    9: f"{CC0}/osakaChair/osakaChair",
    11: f"{CC0}/thonet/thonet",
    13: f"{BY}/cafe_set_tonon_chair/cafe_set_tonon_chair",
    14: f"{BY}/chairWithCushion/chairWithCushion",
    15: f"{BY}/childChair/childChair",
    16: f"{BY}/ella_chair_f/ella_chair_f",
    17: f"{BY}/foldingChair/foldingChair",
    18: f"{BY}/plaidChair/plaidChair",
    19: f"{BY}/kitchenChair/kitchenChair",
    20: f"{BY}/chair3/chair3",
    21: f"{BY}/chair4/chair4",
    22: f"{KATOR}/cafe-chair/cafe-chair",
    24: f"{KATOR}/dining-chair/dining-chair",
    25: f"{SCOPIA}/silla_teca/silla_teca",
    27: f"{SCOPIA}/chair3/chair3",
    28: f"{SCOPIA}/chair4/chair4",
    29: f"{SCOPIA}/chair/chair",
    32: f"{SCOPIA}/plastic_chair/plastic_chair",
    33: f"{SCOPIA}/white_kitchen_chair/white_kitchen_chair",
}
ROTATIONS = {25: np.array(TURNED), 29: np.array(TURNED)}


def keypoints(points, normals):
    """The ends of the legs, the seat's corners and the back's upper corners."""
    low, high = points.min(0), points.max(0)
    centre, extent = (low + high) / 2, high - low
    height, front = (points[:, 1] - low[1]) / extent[1], points[:, 2] > centre[2]
    found = {}

    def corners(part, among, forwards, upwards=0):
        """The mean of what reaches furthest outwards, and forwards, and upwards, on either side."""
        for sign, side in ((-1, "right"), (1, "left")):
            of = points[among & ((points[:, 0] - centre[0]) * sign > 0)]
            if len(of) < 20:
                continue
            outwards, up, ahead = ((of[:, axis] - centre[axis]) / extent[axis] for axis in range(3))
            reach = sign * outwards + ahead * forwards + up * upwards
            found[f"{side}_{part}"] = tuple(of[reach >= np.quantile(reach, 0.98)].mean(0))

    corners("front_foot", (points[:, 1] < low[1] + 0.04 * extent[1]) & front, 1)
    corners("back_foot", (points[:, 1] < low[1] + 0.04 * extent[1]) & (points[:, 2] < centre[2]), -1)
    # The seat is where most of the middle is level.
    middle = np.abs(points[:, 0] - centre[0]) < 0.25 * extent[0]
    level = (np.abs(normals[:, 1]) > 0.8) & (height > 0.3) & (height < 0.68) & middle
    counts = np.convolve(np.histogram(height[level], 76, (0.3, 0.68))[0], np.ones(3), "same")
    seat = np.abs(height - (0.3 + 0.38 * (counts.argmax() + 0.5) / 76)) < 0.025
    corners("seat_front", seat & front, 1)
    corners("back_top", height > 0.93, 0, 0.6)
    corners("seat_back", seat & (points[:, 2] < centre[2]), -1)
    return found


def shots(cloud, random):
    """How each photo of a chair is taken: the chair, painted or not, azimuth (mostly from before it), elevation."""
    cloud["alpha"][:] = np.where(cloud["alpha"] < 0.5, 1, cloud["alpha"])
    while True:
        azimuth = random.normal(0, 50) if random.random() < 0.75 else random.uniform(0, 360)
        shown = repainted(cloud, random) if random.random() < 0.6 else cloud
        yield shown, azimuth, abs(random.normal(12, 9))
