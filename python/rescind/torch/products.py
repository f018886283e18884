"""Gradients and curvature products of a sum of losses over one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from rescind.torch.task import Task

Parts = Sequence[Tensor]


def gradient(
    module: nn.Module, task: Task, parameters: Parts, batch: Any
) -> tuple[float, Sequence[Tensor]]:
    """The sum of the losses, and its gradient, a tensor for each parameter."""
    total = task.losses(module, batch).sum()
    return float(total.detach()), _grad(total, parameters)


def hessian_product(
    module: nn.Module, task: Task, parameters: Parts, batch: Any, v: Parts
) -> Sequence[Tensor]:
    """The product of the Hessian of the sum of the losses with ``v``, by double backward.

    Reverse over forward is wrong for layer norm and others, so it is not used.
    """
    total = task.losses(module, batch).sum()
    first = _grad(total, parameters, create_graph=True)
    return _of_graph(first, parameters, v)


def gauss_newton_product(
    module: nn.Module, task: Task, parameters: Parts, batch: Any, v: Parts
) -> Sequence[Tensor]:
    """The product of ``sum J_i' H_i J_i`` with ``v``: ``J v`` by differentiating ``J' u``, which is
    linear in u; then the Hessian of the losses in the outputs; then ``J'``."""
    outputs = task.forward(module, batch)
    pushed = _pushed(outputs, parameters, v)
    return _grad(outputs, parameters, grad_outputs=_curved(task, outputs, batch, pushed))


def _curved(task: Task, outputs: Tensor, batch: Any, pushed: Tensor) -> Tensor:
    """The Hessian of the losses in the outputs, times ``pushed``."""
    at = outputs.detach().requires_grad_()
    slope = _grad(task.loss(at, batch).sum(), (at,), create_graph=True)
    (curved,) = _of_graph(slope, (at,), (pushed.detach(),))
    return curved


def gauss_newton_by_duals(
    module: nn.Module, task: Task, names: Sequence[str], batch: Any, v: Parts
) -> Sequence[Tensor]:
    """The same with ``J v`` by dual numbers, in the pass whose graph then gives ``J'``: cheaper,
    where a module has them. ``names`` are those of the parameters that ``v`` belongs to."""
    own = dict(module.named_parameters())
    with forward_ad.dual_level():
        duals = {
            f"module.{name}": forward_ad.make_dual(own[name], part)
            for name, part in zip(names, v, strict=True)
        }
        made = torch.func.functional_call(_Forward(module, task), duals, (batch,))
        outputs, pushed = forward_ad.unpack_dual(made)
    curved = torch.zeros_like(outputs) if pushed is None else _curved(task, outputs, batch, pushed)
    return _grad(outputs, [own[name] for name in names], grad_outputs=curved)


def push(module: nn.Module, task: Task, parameters: Parts, batch: Any, v: Parts) -> Tensor:
    """``J v``, of the outputs' shape, by differentiating ``J' u``."""
    with torch.enable_grad():
        return _pushed(task.forward(module, batch), parameters, v).detach()


def push_dual(module: nn.Module, task: Task, names: Sequence[str], batch: Any, v: Parts) -> Tensor:
    """The same by dual numbers, which take less; not every module has them.

    ``names`` are those of the parameters that ``v`` belongs to.
    """
    own = dict(module.named_parameters())
    with torch.no_grad(), forward_ad.dual_level():
        duals = {
            f"module.{name}": forward_ad.make_dual(own[name].detach(), part)
            for name, part in zip(names, v, strict=True)
        }
        outputs = torch.func.functional_call(_Forward(module, task), duals, (batch,))
        tangent = forward_ad.unpack_dual(outputs).tangent
    return torch.zeros_like(outputs) if tangent is None else tangent.detach().clone()


def pull(
    module: nn.Module, task: Task, parameters: Parts, batch: Any, u: Tensor
) -> Sequence[Tensor]:
    """``J' u``, a tensor for each parameter."""
    outputs = task.forward(module, batch)
    return _grad(outputs, parameters, grad_outputs=u.reshape(outputs.shape))


class _Forward(nn.Module):
    """A module whose call is the task's forward."""

    def __init__(self, module: nn.Module, task: Task) -> None:
        super().__init__()
        self.module, self._task = module, task

    def forward(self, batch: Any) -> Tensor:
        return self._task.forward(self.module, batch)


def _pushed(outputs: Tensor, parameters: Parts, v: Parts) -> Tensor:
    u = torch.zeros_like(outputs, requires_grad=True)
    pulled = _grad(outputs, parameters, grad_outputs=u, create_graph=True)
    (pushed,) = _of_graph(pulled, (u,), v)
    return pushed


def _grad(of: Tensor | Parts, to: Parts, **options: Any) -> Sequence[Tensor]:
    made = torch.autograd.grad(of, to, allow_unused=True, materialize_grads=True, **options)
    # Of an embedding with sparse=True they are sparse.
    return [part if part.layout == torch.strided else part.to_dense() for part in made]


def _of_graph(of: Sequence[Tensor], to: Parts, weights: Parts) -> Sequence[Tensor]:
    """The gradient of ``sum <of, weights>``; parts that do not depend on ``to`` add nothing."""
    pairs = [(o, w) for o, w in zip(of, weights, strict=True) if o.requires_grad]
    if not pairs:
        return [torch.zeros_like(part) for part in to]
    depends, given = zip(*pairs, strict=True)
    return _grad(depends, to, grad_outputs=given)
