#!/usr/bin/env python3
"""The flow between two photos by an exported network, as `lpmflow predict --size network` gives it.

    lpmflow export --weights lite -o lite.pt
    scripts/examples/flow.py lite.pt source.png target.png flow.npy
"""

import sys

import numpy
import torch
from PIL import Image, ImageOps


def read(path, side):
    """A photo, upright and on white, as a batch of one: float32 [1, 3, side, side], 0 to 1."""
    photo = ImageOps.exif_transpose(Image.open(path))
    if photo.mode.startswith("I"):  # grey in 16 bits
        grey = (numpy.asarray(photo, dtype=numpy.uint32) * 255 + 32767) // 65535
        photo = Image.fromarray(grey.astype(numpy.uint8))
    photo = photo.convert("RGBA" if photo.has_transparency_data else "RGB")
    pixels = numpy.asarray(photo, dtype=numpy.uint32)
    if pixels.shape[2] == 4:
        colours, alpha = pixels[..., :3], pixels[..., 3:]
        pixels = (colours * alpha + 255 * (255 - alpha) + 127) // 255
    photo = Image.fromarray(pixels.astype(numpy.uint8)).resize((side, side), Image.Resampling.BILINEAR)
    return torch.from_numpy(numpy.array(photo)).permute(2, 0, 1)[None] / 255


def main():
    network_path, source, target, output = sys.argv[1:]
    network = torch.jit.load(network_path)
    with torch.no_grad():
        flow = network(read(source, network.input_size), read(target, network.input_size))
    numpy.save(output, flow[0].numpy())  # [2, height, width] on the source's grid, in its cells: x, then y


if __name__ == "__main__":
    main()
