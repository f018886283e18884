"""Whether dual numbers give a module's derivatives, which is cheaper than two backward passes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rescind.torch.computing import computing
from rescind.torch.drawing import trainable
from rescind.torch.products import gauss_newton_by_duals, gauss_newton_product, push, push_dual
from rescind.torch.task import Task, moved


def dual_numbers_serve(module: nn.Module, task: Task, batch: Any) -> bool:
    """Whether ``J v`` by dual numbers is right, which is tried in float64."""
    return _same(module, batch, *_pair(task, push, push_dual))


def duals_serve_gauss_newton(module: nn.Module, task: Task, batch: Any) -> bool:
    """Whether a Gauss-Newton product by dual numbers is right, which is tried in float64."""
    return _same(module, batch, *_pair(task, gauss_newton_product, gauss_newton_by_duals))


_Product = Callable[[nn.Module, Any, Sequence[Tensor]], Tensor]


def _pair(task: Task, by_passes: Any, by_duals: Any) -> tuple[_Product, _Product]:
    def plain(module: nn.Module, batch: Any, v: Sequence[Tensor]) -> Tensor:
        return _flat(by_passes(module, task, [p for _, p in trainable(module)], batch, v))

    def dual(module: nn.Module, batch: Any, v: Sequence[Tensor]) -> Tensor:
        return _flat(by_duals(module, task, [name for name, _ in trainable(module)], batch, v))

    return plain, dual


def _flat(made: Tensor | Sequence[Tensor]) -> Tensor:
    parts = [made] if isinstance(made, Tensor) else made
    return torch.cat([part.detach().reshape(-1) for part in parts])


def _same(module: nn.Module, batch: Any, plain: _Product, dual: _Product) -> bool:
    double = copy.deepcopy(module).double()
    named = trainable(double)
    device = named[0][1].device
    own = moved(batch, device, torch.float64)
    generator = torch.Generator().manual_seed(0)
    v = [
        torch.randn(p.shape, generator=generator, dtype=torch.float64).to(device) for _, p in named
    ]
    with computing(double), computing(module):
        expected = plain(double, own, v)
        try:
            found = dual(double, own, v)
            # Layers may be computed by other code in float32, such as oneDNN's LSTM.
            dtype = trainable(module)[0][1].dtype
            dual(module, moved(batch, device, dtype), [part.to(dtype) for part in v])
        except (RuntimeError, NotImplementedError):
            return False
    scale = float(expected.abs().max()) if expected.numel() else 0.0
    return bool(torch.allclose(found, expected, rtol=1e-9, atol=1e-12 * scale))
