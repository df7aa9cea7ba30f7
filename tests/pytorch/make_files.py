"""Writes the small checkpoints beside this file, as training scripts save them. Made with PyTorch 2.13.0
and NumPy 2.4.6; `python3 tests/pytorch/make_files.py`. `tests/inside/weights` reads them."""

import argparse
import collections
import datetime
import os
import pickle
from pathlib import Path

import numpy
import torch
from torch import nn

HERE = Path(__file__).parent


def ramp(*shape, scale=1.0):
    """0, 1, 2, ... times `scale`, so that a reader knows every value."""
    return (torch.arange(int(numpy.prod(shape))) * scale).float().reshape(shape)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.relative_position_bias_table = nn.Parameter(ramp(2, 3, scale=0.25))
        self.register_buffer("relative_position_index", torch.arange(4).reshape(2, 2))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = Attention()


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(ramp(1, 1, 2))
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, 2, 2)
        self.patch_embed.proj.weight.data = ramp(2, 3, 2, 2, scale=0.5)
        self.patch_embed.proj.bias.data = torch.tensor([-1.0, 1.0])


class Network(nn.Module):
    """A few tensors under the names of the paper's network."""

    def __init__(self):
        super().__init__()
        self.x_normal = nn.Parameter(torch.linspace(-1, 1, 3))
        self.masked_tokens = nn.Parameter(torch.zeros(2, 2))
        self.feature_extraction = nn.Module()
        self.feature_extraction.backbone = Backbone()
        self.encoder = nn.Module()
        self.encoder.blocks = nn.ModuleList([Block()])


def training_state(model):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-9)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [100, 150], gamma=0.5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    sum(parameter.sum() for parameter in model.parameters()).backward()
    optimizer.step()
    scheduler.step()
    model.load_state_dict(before)
    return {
        "epoch": 3,
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "best_loss": numpy.float64(12.5),
    }


class Command:
    """Unpickling this with Python runs a command."""

    def __reduce__(self):
        return os.system, ("touch executed-by-pickle",)


class Settings(collections.OrderedDict):
    """A dictionary with a class of its own, and an attribute."""


class Meter:
    """An object that holds tensors."""

    def __init__(self):
        self.average = torch.tensor(0.5)
        self.owner = self


def beside():
    """What training scripts save beside their weights."""
    settings = Settings(rate=1e-4, steps=[1, 2])
    settings.note = "by hand"
    return {
        "losses": collections.defaultdict(list, {"train": [0.5, 0.25]}),
        "recent": collections.deque([0.5, torch.tensor(0.25)], maxlen=20),
        "counts": collections.Counter("aab"),
        "settings": settings,
        "meter": Meter(),
        "sparse": ramp(2).to_sparse(),
        "started": datetime.datetime(2024, 1, 1),
        "where": Path("runs"),
        "best": numpy.float64(0.5),
        "values": numpy.arange(3),
        "generator_state": torch.get_rng_state(),
        ("a", 1): {3, 4},
        "dtype": torch.float16,
        "device": torch.device("cpu"),
        "size": torch.Size([1, 2]),
        "none": None,
        "large": 2**80,
    }


def main():
    (HERE / "authors").mkdir(exist_ok=True)
    torch.save(training_state(Network()), HERE / "authors/model_best.pth")
    with open(HERE / "authors/args.pkl", "wb") as file:
        pickle.dump(argparse.Namespace(feature_size=16, depth=6, num_heads=8), file)

    parallel = nn.DataParallel(Network())
    torch.save(training_state(parallel), HERE / "older_form.pth", _use_new_zipfile_serialization=False)
    torch.save(Network().state_dict(), HERE / "bare.pth")

    backbone = Backbone().state_dict()
    head = {"head.mlp.0.weight": ramp(2, 2), "head.last_layer.weight_g": ramp(2, 1)}
    teacher = {f"backbone.{name}": value for name, value in backbone.items()}
    ibot = {
        "student": {f"module.{name}": value + 100 for name, value in (teacher | head).items()},
        "teacher": teacher | head | {"backbone.masked_embed": ramp(1, 2)},
        "epoch": 800,
        "args": argparse.Namespace(arch="vit_base", patch_size=16),
        "ibot_loss": {"center": torch.zeros(1, 4)},
        "fp16_scaler": {"scale": 65536.0, "growth_interval": 2000},
    }
    torch.save(ibot, HERE / "ibot.pth")
    torch.save({"state_dict": backbone}, HERE / "ibot_teacher.pth")

    table = ramp(4, 6)
    forms = {
        "transposed": table.t(),
        "every_second_column": table[1:, ::2],
        "first_rows": table[:2],
        "repeated": torch.tensor([[1.5], [2.5]]).expand(2, 3),
        "half": ramp(3, scale=0.5).half(),
        "bfloat16": ramp(3, scale=0.5).bfloat16(),
        "double": ramp(3, scale=0.5).double(),
        "int64": torch.tensor([2**40, -1]),
        "int32": torch.tensor([7], dtype=torch.int32),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(3.25),
        "empty": torch.zeros(0, 3),
        "parameter": nn.Parameter(ramp(2)),
    }
    torch.save(forms, HERE / "forms.pth")
    torch.save(forms, HERE / "forms_older_form.pth", _use_new_zipfile_serialization=False)

    torch.manual_seed(0)
    torch.save({"net": Network().state_dict()} | beside(), HERE / "beside.pth")
    torch.save(
        beside() | {"generator": Network().state_dict()}, HERE / "beside_older_form.pth",
        _use_new_zipfile_serialization=False,
    )
    torch.save({"model": Network(), "epoch": 3}, HERE / "module.pth")
    later = {name: value + 1 for name, value in Network().state_dict().items()}
    several = training_state(Network()) | {"ema": later}
    several["model"] = several.pop("state_dict")
    torch.save(several, HERE / "several.pth")

    torch.save({"weight": ramp(2), "note": Command()}, HERE / "command.pth")
    torch.save({"weight": torch.zeros(1).expand(1 << 29)}, HERE / "claims_two_gigabytes.pth")
    torch.save({"weight": ramp(2).to_sparse()}, HERE / "sparse.pth")


if __name__ == "__main__":
    main()
