"""Ten AdamW steps by PyTorch, for tests/inside/optimizer.rs: two groups with their own learning rates that
change on the way, clipping by the global norm in steps 6 to 10, and a parameter without gradient.

Run with PyTorch 2.13.0 and safetensors: python generate.py
"""

import torch
from safetensors.torch import save_file

torch.manual_seed(47)
STEPS = 10
CLIP = 1.5
shapes = {"head.weight": (3, 4), "head.bias": (4,), "backbone.weight": (2, 3, 2), "unused": (2,)}
parameters = {name: torch.nn.Parameter(torch.randn(shape)) for name, shape in shapes.items()}
backbone = [parameters["backbone.weight"]]
rest = [parameters[name] for name in shapes if not name.startswith("backbone")]
optimizer = torch.optim.AdamW(
    [{"params": rest, "lr": 4e-2}, {"params": backbone, "lr": 3e-3}],
    betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05, foreach=False,
)

numbers = {f"start.{name}": value.detach().clone() for name, value in parameters.items()}
for step in range(1, STEPS + 1):
    if step == 5:
        for group in optimizer.param_groups:
            group["lr"] *= 0.5
    for name, parameter in parameters.items():
        if name != "unused":
            # Sizes from tiny to large, so that every term of the update matters.
            parameter.grad = torch.randn(parameter.shape) * 10.0 ** torch.randint(-4, 2, parameter.shape)
            numbers[f"gradient.{step}.{name}"] = parameter.grad.clone()
    if step > 5:
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP)
        numbers[f"norm.{step}"] = norm.reshape(1)
    optimizer.step()
    for name, parameter in parameters.items():
        numbers[f"after.{step}.{name}"] = parameter.detach().clone()
save_file(numbers, "adamw.safetensors", {"torch": torch.__version__, "script": "generate.py"})
