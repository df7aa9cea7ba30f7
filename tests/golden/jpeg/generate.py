"""Small JPEG files of a formula picture, and the checksums of their pixels in Pillow (libjpeg-turbo).

Made with Pillow 13.0.0, libjpeg-turbo 3.2.0; the files are kept, so another encoder changes nothing.
"""

import io
import pathlib
import sys

import numpy
from PIL import Image

folder = pathlib.Path(__file__).parent
y, x, c = numpy.mgrid[0:29, 0:37, 0:3]
pixels = (128 + 100 * numpy.sin(x * (0.2 + 0.1 * c) + y * 0.15) * numpy.cos(y * (0.3 - 0.1 * c))).astype("uint8")
picture = Image.fromarray(pixels)
variants = {
    "subsampled": (picture, dict(quality=90, subsampling="4:2:0")),
    "half_subsampled": (picture, dict(quality=75, subsampling="4:2:2")),
    "full": (picture, dict(quality=95, subsampling="4:4:4")),
    "progressive": (picture, dict(quality=85, subsampling="4:2:0", progressive=True)),
    "grey": (picture.convert("L"), dict(quality=90)),
    "cmyk": (picture.convert("CMYK"), dict(quality=90)),
}
# Of rare.c.
variants |= {"arithmetic": None, "three_by_one": None}
for name, variant in variants.items():
    path = folder / f"{name}.jpg"
    if "--write" in sys.argv and variant is not None:
        image, options = variant
        image.save(path, **options)
    decoded = Image.open(path).convert("RGB").tobytes()
    print(name, sum((index % 9973 + 1) * value for index, value in enumerate(decoded)))
