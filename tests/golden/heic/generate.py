"""Small HEIC files of the formula picture of ../jpeg/generate.py. Made with pillow-heif 1.8.1."""

import pathlib

import numpy
import pillow_heif
from PIL import Image

folder = pathlib.Path(__file__).parent


def turn(source, target):
    """The same file with a quarter turn to the left (`irot`), which pillow-heif does not write."""
    data = bytearray(source.read_bytes())
    grown = 10

    def grow(name, by):
        at = data.index(name) - 4
        data[at:at + 4] = (int.from_bytes(data[at:at + 4], "big") + by).to_bytes(4, "big")

    ipma = data.index(b"ipma") + 4
    assert data[ipma + 3] & 1 == 0 and data[ipma:ipma + 1] == b"\0"
    count = ipma + 4 + 4 + 2
    properties = 0
    at = data.index(b"ipco") + 4
    while at < data.index(b"ipma") - 4:
        properties += 1
        at += int.from_bytes(data[at:at + 4], "big")
    data[count] += 1
    data.insert(count + data[count], 0x80 | (properties + 1))
    irot = data.index(b"ipma") - 4
    data[irot:irot] = (9).to_bytes(4, "big") + b"irot\x01"
    for name, by in [(b"meta", grown), (b"iprp", grown), (b"ipco", 9), (b"ipma", 1)]:
        grow(name, by)
    # One extent, counted from the file's start.
    iloc = data.index(b"iloc")
    offset = data.index(b"mdat") + 4
    old = (offset - grown).to_bytes(4, "big")
    at = data.index(old, iloc)
    data[at:at + 4] = offset.to_bytes(4, "big")
    target.write_bytes(data)


y, x, c = numpy.mgrid[0:48, 0:64, 0:3]
pixels = (128 + 100 * numpy.sin(x * (0.1 + 0.05 * c) + y * 0.08) * numpy.cos(y * (0.15 - 0.05 * c))).astype("uint8")
pillow_heif.register_heif_opener()
picture = Image.fromarray(pixels)
picture.save(folder / "upright.heic", quality=90)
turn(folder / "upright.heic", folder / "turned.heic")
clear = picture.copy()
clear.putalpha(Image.fromarray((x[:, :, 0] * 4).astype("uint8")))
clear.save(folder / "transparent.heic", quality=90)
deep = numpy.ascontiguousarray(pixels.astype("uint16") * 257)
pillow_heif.encode("RGB;16", (64, 48), deep.tobytes(), folder / "ten_bit.heic", quality=90)
for path in sorted(folder.glob("*.heic")):
    image = pillow_heif.open_heif(path)
    print(path.name, path.stat().st_size, image.size, image.mode, Image.open(path).convert("RGB").getpixel((0, 0)))
