#!/usr/bin/env python3
"""Turns a TorchScript file of `lpmflow export` into ONNX, and checks it with onnxruntime.

    pip install -r scripts/export_onnx.requirements.txt
    scripts/export_onnx.py lite.pt lite.onnx

Inputs `source` and `target`: float32 [batch, 3, side, side], RGB, 0 to 1, `side` being the model's input size.
Output `flow`: float32 [batch, 2, height, width] on the source's grid, in its cells. Any batch size. Opset 17.
"""

import argparse
import sys
import warnings

import numpy
import onnx
import onnxruntime
import torch

INPUTS = {
    "source": "RGB, 0 to 1 (bytes divided by 255), not normalised",
    "target": "as `source`, the other photo of each pair",
}
OUTPUT = "on the source's grid, in its cells: x, then y"
OPSET = 17
TOLERANCE = 1e-3  # Relative to the largest flow; the sums are taken in another order.
UNDECIDED = 0.01  # Part of the cells that may differ by more: of two matches that score alike, either may win.


def expm1(xs):
    """ONNX has no such function, but tanh, which is as exact near zero."""
    half = torch.tanh(xs / 2)
    return 2 * half / (1 - half)


def result_of(node, inputs):
    """What a node of a TorchScript graph gives."""
    kind = node.kind()
    if kind == "prim::Constant":
        return node.output().toIValue()
    if kind == "prim::GetAttr":
        return getattr(inputs[0], node.s("name"))
    if kind == "prim::ListConstruct":
        return inputs
    if kind in ("prim::ListUnpack", "prim::TupleUnpack"):
        return inputs[0]
    if kind in ("prim::device", "prim::dtype"):
        return getattr(inputs[0], kind.removeprefix("prim::"))
    if kind == "aten::expm1":
        return expm1(*inputs)
    schema = torch._C.parse_schema(node.schema())
    operator = getattr(getattr(torch.ops.aten, kind.removeprefix("aten::")), schema.overload_name or "default")
    unnamed = sum(not argument.kwarg_only for argument in schema.arguments)
    named = {argument.name: given for argument, given in zip(schema.arguments[unnamed:], inputs[unnamed:])}
    return operator(*inputs[:unnamed], **named)


class Flow(torch.nn.Module):
    """The network without the check of its input, which ONNX cannot express, step by step: so the exporter sees the
    shape of everything, without which it has no form for many operations."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, source, target):
        graph = self.network.flow.inlined_graph
        names = [graph_input.debugName() for graph_input in graph.inputs()]
        values = dict(zip(names, (self.network, source, target), strict=True))
        for node in graph.nodes():
            given = result_of(node, [values[item.debugName()] for item in node.inputs()])
            outputs = [output.debugName() for output in node.outputs()]
            values.update(zip(outputs, [given] if len(outputs) == 1 else given, strict=True))
        [flow] = graph.outputs()
        return values[flow.debugName()]


def name_everything(path):
    """Says in the file what goes in and out: the exporter names the output's axes after its own operations."""
    model = onnx.load(path)
    [flow] = model.graph.output
    for axis, name in zip(flow.type.tensor_type.shape.dim, ["batch", 2, "height", "width"], strict=True):
        axis.Clear()
        if isinstance(name, str):
            axis.dim_param = name
        else:
            axis.dim_value = name
    flow.doc_string = OUTPUT
    for value in model.graph.input:
        value.doc_string = INPUTS[value.name]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("torchscript")
    parser.add_argument("onnx")
    arguments = parser.parse_args()

    network = torch.jit.load(arguments.torchscript, map_location="cpu").eval()
    side = network.input_size
    torch.manual_seed(0)
    images = [torch.rand(1, 3, side, side) for _ in range(2)]
    names = list(INPUTS)
    with torch.no_grad(), warnings.catch_warnings():
        # The exporter of TorchScript files is the older one of PyTorch's two.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Flow(network), tuple(images), arguments.onnx, dynamo=False, opset_version=OPSET, input_names=names,
            output_names=["flow"],
            dynamic_axes={name: {0: "batch"} for name in [*names, "flow"]},
        )
    name_everything(arguments.onnx)

    session = onnxruntime.InferenceSession(arguments.onnx, providers=["CPUExecutionProvider"])
    undecided = 0.0
    for batch in [1, 3]:
        images = [torch.rand(batch, 3, side, side) for _ in names]
        with torch.no_grad():
            wanted = network(*images).numpy()
        found = session.run(["flow"], {n: image.numpy() for n, image in zip(names, images)})[0]
        off = numpy.abs(found - wanted).max(axis=1) / numpy.abs(wanted).max()
        others = off[~(off <= TOLERANCE)]
        print(f"batch {batch}: largest relative difference {off[off <= TOLERANCE].max(initial=0):.2e}, beyond "
              f"{TOLERANCE} {others.size} of {off.size} cells")
        undecided = max(undecided, others.size / off.size)
    if undecided > UNDECIDED:
        print(f"{arguments.onnx} differs by more than {TOLERANCE} from {arguments.torchscript}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
