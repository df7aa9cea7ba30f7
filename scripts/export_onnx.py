#!/usr/bin/env python3
"""Turns a TorchScript file of `lpmflow export` into ONNX, and checks it with onnxruntime.

    pip install -r scripts/export_onnx.requirements.txt
    scripts/export_onnx.py lite.pt lite.onnx

Inputs `source` and `target`: float32 [batch, 3, side, side], RGB, 0 to 1, `side` being the model's frame.
Output `flow`: float32 [batch, 2, h, w] on the source grid and in its pixels. Any batch size. Opset 17.
"""

import argparse
import json
import sys
import warnings

import numpy
import onnx
import onnxruntime
import torch

OPSET = 17
TOLERANCE = 1e-3  # Relative to the largest flow; the sums are taken in another order.


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("torchscript")
    parser.add_argument("onnx")
    arguments = parser.parse_args()

    extra = {"lpmflow.json": ""}
    network = torch.jit.load(arguments.torchscript, map_location="cpu", _extra_files=extra).eval()
    description = json.loads(extra["lpmflow.json"])
    side = description["config"]["frame"]
    torch.manual_seed(0)
    images = [torch.rand(1, 3, side, side) for _ in range(2)]
    names = ["source", "target"]
    with torch.no_grad(), warnings.catch_warnings():
        # The exporter of TorchScript files is the older one of PyTorch's two.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, tuple(images), arguments.onnx, dynamo=False, opset_version=OPSET,
            input_names=names, output_names=["flow"],
            dynamic_axes={name: {0: "batch"} for name in [*names, "flow"]},
        )
    onnx.checker.check_model(arguments.onnx)

    session = onnxruntime.InferenceSession(arguments.onnx, providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in [1, 3]:
        images = [torch.rand(batch, 3, side, side) for _ in names]
        with torch.no_grad():
            wanted = network(*images).numpy()
        found = session.run(["flow"], {n: image.numpy() for n, image in zip(names, images)})[0]
        absolute = float(numpy.abs(found - wanted).max())
        relative = absolute / float(numpy.abs(wanted).max())
        print(f"batch {batch}: largest difference {absolute:.2e}, relative {relative:.2e}")
        worst = max(worst, relative)
    if not worst <= TOLERANCE:
        print(f"{arguments.onnx} differs by more than {TOLERANCE} from {arguments.torchscript}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
