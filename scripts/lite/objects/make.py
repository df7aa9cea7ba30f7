"""Renders cut-outs of cars, chairs, bottles, cups, jugs and pots with their parts' places, for `datasets make-cutouts`."""

import argparse
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

import cars
import chairs
import vessels
from camera import halved, photograph, pixels, render, seen, view
from models import outer

# Fewer parts make no pair.
FEWEST = 5


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("furniture", type=Path, help="the package's folder of .sh3f files")
    parser.add_argument("backgrounds", type=Path, help="photos, for labels and paint")
    parser.add_argument("output", type=Path, help="the folder of pictures and annotations.json")
    arguments = parser.parse_args()
    unpacked = arguments.output / "models"
    for library in sorted(arguments.furniture.glob("*.sh3f")):
        if not (unpacked / library.stem).exists():
            zipfile.ZipFile(library).extractall(unpacked / library.stem)
    categories = [of_cars(unpacked, arguments.output), of_chairs(unpacked, arguments.output)]
    categories += of_vessels(arguments.backgrounds, arguments.output)
    for category in categories:
        enough = lambda record: sum(place is not None for place in record["keypoints"]) >= FEWEST
        category["images"] = list(filter(enough, category["images"]))
        print(f"{category['name']}: {len(category['images'])} pictures", file=sys.stderr)
    text = json.dumps({"origin": "rendered by scripts/lite/objects/make.py", "categories": categories})
    (arguments.output / "annotations.json").write_text(text)


def of_cars(unpacked, output):
    """24 views of each car."""
    random, records = np.random.default_rng(7), []
    for path, places in cars.MODELS.items():
        cloud = outer(unpacked / f"{path}.obj", 2_500_000)
        name = path.split("/")[-1].replace("-", "").replace("_", "")
        parts = cars.keypoints(places, cloud["P"])
        shots = cars.shots(cloud, random)
        records += shoot(f"car/{name}", 24, shots, parts, cars.PARTS, (200, 320), 0.03, random, output)
    return {"name": "car", "keypoint_names": cars.PARTS, "images": records}


def of_chairs(unpacked, output):
    """12 views of each chair."""
    random, records = np.random.default_rng(13), []
    for number, path in chairs.MODELS.items():
        cloud = outer(unpacked / f"{path}.obj", 1_200_000, chairs.ROTATIONS.get(number))
        parts = chairs.keypoints(cloud["P"], cloud["N"])
        shots = chairs.shots(cloud, random)
        records += shoot(f"chair/chair{number:02}", 12, shots, parts, chairs.PARTS, (180, 280), 0.04, random, output)
    return {"name": "chair", "keypoint_names": chairs.PARTS, "images": records}


def shoot(name, count, shots, points, parts, sizes, tolerance, random, output):
    """Pictures of one model from several sides."""
    records = []
    for number, (cloud, azimuth, elevation) in zip(range(count), shots):
        distance, size = random.uniform(2.2, 6), random.uniform(*sizes)
        frame = view(azimuth, elevation, distance, cloud["P"], size * 2)
        picture, found = photograph(cloud, points, parts, frame, random, tolerance)
        facing = "right" if 0 < azimuth % 360 < 180 else "left"
        records.append(save(picture, found, f"{name}_{number:02}.png", facing, output))
    return records


def save(picture, found, file, facing, output):
    (output / file).parent.mkdir(parents=True, exist_ok=True)
    picture.save(output / file)
    return {"file": file, "size": list(picture.size), "facing": facing, "keypoints": found}


def of_vessels(backgrounds, output):
    """4 views of each of 60 bottles, and of 60 cups, jugs and pots."""
    random = np.random.default_rng(11)
    photos = [
        np.asarray(Image.open(path).convert("RGB").resize((600, 400))) / 255.0 for path in sorted(backgrounds.iterdir())
    ]
    for name, form, parts in (("bottle", vessels.bottle, vessels.BOTTLE), ("vessel", vessels.vessel, vessels.VESSEL)):
        records = []
        for number in range(60):
            cloud, outline, points = form(random, photos)
            for shot in range(4):
                elevation, azimuth, size = abs(random.normal(0, 10)), 0, (200, 320)
                if name == "vessel":
                    azimuth, size = random.normal(0, 28) + random.choice([0, 180]), (180, 280)
                frame = (azimuth, elevation, random.uniform(*size) * 2)
                handle = np.cos(np.radians(azimuth))
                picture, found = turned_photo(
                    cloud, outline, points, parts, frame, handle if name == "vessel" else None, random
                )
                facing = "left" if name == "vessel" and handle > 0 else "right"
                records.append(save(picture, found, f"{name}/{name}{number:03}_{shot}.png", facing, output))
        yield {"name": name, "keypoint_names": parts, "images": records}


def turned_photo(cloud, outline, points, parts, shot, handle, random):
    """A picture of a vessel; its outline's parts lie left and right, or on the handle's side and the far one."""
    azimuth, elevation, size = shot
    frame = view(azimuth, elevation, random.uniform(3, 8), cloud["P"], size)
    picture, depth = render(cloud, frame, random)
    extent = np.linalg.norm(cloud["P"].max(0) - cloud["P"].min(0))
    found = {part: seen(point, frame, depth, extent, 0.03) for part, point in points.items()}

    def place(radius, height):
        aside = frame["R"].T @ np.array([1.0, 0, 0]) * radius + np.array([0, height, 0])
        return pixels(aside[None], frame)[0][0]

    for part, (radius, height) in outline.items():
        if handle is None:
            found[part] = place(radius, height)
        else:
            side = 1 if handle > 0 else -1
            found[f"{part}_handle"] = place(side * radius, height)
            found[f"{part}_far"] = place(-side * radius, height)
    half = lambda at: None if at is None else [round(float(at[0]) / 2, 1), round(float(at[1]) / 2, 1)]
    return halved(picture), [half(found.get(part)) for part in parts]


if __name__ == "__main__":
    main()
