"""Weights part of the way from one safetensors file to another of the same network, in single precision."""

import argparse
import json
import struct
from pathlib import Path

import numpy as np

TYPES = {"F16": np.float16, "F32": np.float32}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--part", type=float, required=True, help="0: the first, 1: the second")
    arguments = parser.parse_args()
    (_, first), (description, second) = read(arguments.first), read(arguments.second)
    if first.keys() != second.keys():
        parser.error(f"`{arguments.first}` and `{arguments.second}` are not of one network")
    mean = {name: (1 - arguments.part) * first[name] + arguments.part * second[name] for name in second}
    # The checksum is that of the second file.
    description.pop("lpmflow.checksum", None)
    write(arguments.output, description, mean)


def read(path):
    """What a file says of itself, and its tensors by name."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            values = np.frombuffer(content[begin:end], TYPES[entry["dtype"]])
            tensors[name] = values.astype(np.float32).reshape(entry["shape"])
    return header.get("__metadata__", {}), tensors


def write(path, description, tensors):
    header, data = {"__metadata__": description}, []
    for name, values in tensors.items():
        data.append(np.asarray(values, "<f4").tobytes())
        begin = sum(map(len, data[:-1]))
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [begin, begin + len(data[-1])]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


if __name__ == "__main__":
    main()
