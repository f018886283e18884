"""Weights drawn from a seed, by a rule that whoever verifies can follow."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor, nn

from rescind import _core


def trainable(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that are trained, each once, in the order of the flat vector."""
    return [(name, p) for name, p in module.named_parameters() if p.requires_grad]


def tensors(module: nn.Module) -> list[dict[str, Any]]:
    """Names, shapes and fan-in of the parameters that are trained."""
    fans = _fans(module)
    described = []
    for name, parameter in trainable(module):
        shape = list(parameter.shape)
        default = int(parameter[0].numel()) if parameter.dim() > 1 else 0
        described.append({"name": name, "shape": shape, "fan_in": fans.get(name, default)})
    return described


def _fans(module: nn.Module) -> dict[str, int]:
    """Fan-in of the biases of layers that sum over inputs, as torch draws them."""
    fans = {}
    for prefix, part in module.named_modules():
        weight, bias = getattr(part, "weight", None), getattr(part, "bias", None)
        if isinstance(weight, Tensor) and isinstance(bias, Tensor) and weight.dim() > 1:
            name = f"{prefix}.bias" if prefix else "bias"
            fans[name] = int(weight[0].numel())
    return fans


def draw(module: nn.Module, seed: int) -> dict[str, Tensor]:
    """Draw fresh values of the parameters that are trained.

    The values are a function of names, shapes and the seed alone, drawn without torch's generator:
    a centre of them is drawn again by whoever verifies a certificate.

    Parameters
    ----------
    module : torch.nn.Module
        Whose parameters. It is not changed.
    seed : int
        From 0.

    Returns
    -------
    dict of str to torch.Tensor
        By name, float32, on the CPU.
    """
    description = {
        "kind": "draw",
        "tensors": tensors(module),
        "smoothness": {"kind": "not_examined"},
        "architecture": None,
    }
    flat = torch.frombuffer(_core.draw(json.dumps(description), seed), dtype=torch.float32)
    parts = flat.split([p.numel() for _, p in trainable(module)])
    named = zip(trainable(module), parts, strict=True)
    return {name: part.reshape(p.shape).clone() for (name, p), part in named}
