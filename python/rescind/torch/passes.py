"""What goes wrong when a module is computed with, found on a batch."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rescind.torch.computing import computing
from rescind.torch.drawing import trainable
from rescind.torch.problems import Problem
from rescind.torch.products import gauss_newton_product, gradient, hessian_product
from rescind.torch.task import Task, count, moved

# Relative errors above these are no rounding: central differences in float64 with this step agree
# within about 3e-8 on smooth modules, and a few ReLUs between the two points cost more.
_STEP, _TOLERANCE = 1e-6, 1e-4
# Losses in float32 are as near the true ones as this, of themselves where they are above 1.
_COARSE = 1e-3


def of_computation(module: nn.Module, batch: Any, task: Task) -> Iterator[Problem]:
    device = trainable(module)[0][1].device
    with computing(module):
        # A copy: a pass may write to it.
        own, kept = (_copied(moved(batch, device, torch.float32)) for _ in range(2))
        buffers = {name: b.clone() for name, b in module.named_buffers()}
        try:
            with _kinds(module) as kinds:
                outputs = task.forward(module, own)
            if not isinstance(outputs, Tensor):
                yield Problem(
                    "",
                    f"its outputs are a {type(outputs).__name__}, not a tensor",
                    "take the tensor out of it: Task.cross_entropy(forward=lambda module, batch: "
                    "module(batch[0])[0]), or as it is there",
                )
                return
            losses = task.loss(outputs, own)
        except Exception as error:
            yield Problem(
                place_of(error, module),
                f"a pass fails on the batch: {told_of(error)}",
                f"the batch is {_described(batch)}: have the dataset return (inputs, targets) that "
                "the module takes, or give a Task whose forward and loss take such batches",
                error,
            )
            return
        number = count(batch)
        if losses.shape != (number,):
            yield Problem(
                "",
                f"the losses have shape {list(losses.shape)}, and the batch {number} records",
                'give one loss for each record (reduction="none")',
            )
            return
        if not bool(losses.isfinite().all()):
            yield Problem("", "a loss is not finite", "look at the batch, or scale its inputs")
            return
        low = next(((n, k) for n, k in kinds if k in (torch.bfloat16, torch.float16)), None)
        if low is not None:
            yield Problem(
                low[0],
                f"it computes in {str(low[1]).removeprefix('torch.')}, too coarse to solve with",
                "leave autocast to the loop that trains, out of forward",
            )
            return
        if not _same(own, kept):
            yield Problem(
                "", "a pass changes its inputs", "compute out of place: x = 2 * x, not x *= 2"
            )
            return
        if not torch.equal(losses, task.losses(module, own)):
            yield Problem(
                "",
                "it gives another result each time",
                "leave out what is random, and what counts its own calls",
            )
        changed = [n for n, b in module.named_buffers() if not torch.equal(b, buffers[n])]
        for name in changed:
            yield Problem(name, "a pass changes this buffer", "leave it as it is in eval()")
        if number > 1:
            alone = task.losses(module, _first(own))
            if not torch.allclose(alone, losses[:1], rtol=1e-3, atol=1e-5):
                yield Problem(
                    "",
                    "a record's loss depends on the records beside it",
                    "normalise each record by itself, such as by group norm",
                )
    if not changed:
        yield from _of_products(module, batch, task, device, losses.detach())


@contextmanager
def _kinds(module: nn.Module) -> Iterator[list[tuple[str, torch.dtype]]]:
    """The types of what every part of a module returns, meanwhile, by name."""
    kinds: list[tuple[str, torch.dtype]] = []

    def noted(name: str) -> Any:
        def note(_: nn.Module, given: Any, made: Any) -> None:
            if isinstance(made, Tensor):
                kinds.append((name, made.dtype))

        return note

    hooks = [part.register_forward_hook(noted(name)) for name, part in module.named_modules()]
    try:
        yield kinds
    finally:
        for hook in hooks:
            hook.remove()


def place_of(error: Exception, module: nn.Module) -> str:
    """The innermost part of a module in which something was raised; empty for none."""
    names = {id(part): name for name, part in module.named_modules()}
    place, trace = "", error.__traceback__
    while trace is not None:
        inside = trace.tb_frame.f_locals.get("self")
        place = names.get(id(inside), place)
        trace = trace.tb_next
    return place


def told_of(error: Exception) -> str:
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _described(batch: Any) -> str:
    """What a batch is, in words."""
    if isinstance(batch, Tensor):
        return f"{str(batch.dtype).removeprefix('torch.')} of shape {list(batch.shape)}"
    if isinstance(batch, Mapping):
        parts = ", ".join(f"{name}: {_described(value)}" for name, value in batch.items())
        return f"a mapping {{{parts}}}"
    if isinstance(batch, (tuple, list)):
        return f"({', '.join(_described(part) for part in batch)})"
    return f"a {type(batch).__name__}"


def _copied(batch: Any) -> Any:
    if isinstance(batch, Tensor):
        return batch.clone()
    if isinstance(batch, Mapping):
        return {name: _copied(value) for name, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return tuple(_copied(value) for value in batch)
    return batch


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, Mapping):
        return all(_same(one[name], other[name]) for name in other)
    if isinstance(one, (tuple, list)):
        return all(_same(a, b) for a, b in zip(one, other, strict=True))
    return True


def _of_products(
    module: nn.Module, batch: Any, task: Task, device: torch.device, losses: Tensor
) -> Iterator[Problem]:
    """The probe: products against differences of gradients, in float64."""
    try:
        double = copy.deepcopy(module).double()
    except Exception as error:
        yield Problem(
            "",
            f"it cannot be copied, as torch.nn.utils.weight_norm cannot: {told_of(error)}",
            "give a module that copy.deepcopy takes",
            error,
        )
        return
    parameters = [parameter for _, parameter in trainable(double)]
    own = _copied(moved(batch, device, torch.float64))
    try:
        with computing(double), torch.no_grad():
            exact = task.losses(double, own)
    except Exception as error:
        yield Problem(
            place_of(error, double),
            f"a pass in float64, which checks and proofs need, fails: {told_of(error)}",
            "make tensors in forward of the inputs' type (x.to(weight.dtype), not x.float()), and "
            "constant ones buffers (register_buffer)",
            error,
        )
        return
    apart = float(((losses.double() - exact) / exact.abs().clamp(min=1.0)).abs().max())
    if not apart <= _COARSE:
        yield Problem(
            "",
            f"a loss in float32 and the same in float64 are {apart:.1g} apart",
            "leave out what computes in a lower precision, such as autocast or casts",
        )
        return
    generator = torch.Generator().manual_seed(0)
    v = [
        torch.randn(p.shape, generator=generator, dtype=torch.float64).to(device)
        for p in parameters
    ]
    length = math.sqrt(sum(float(part.square().sum()) for part in v))
    v = [part / length for part in v]
    try:
        with computing(double):
            curved = hessian_product(double, task, parameters, own, v)
            pushed = gauss_newton_product(double, task, parameters, own, v)
            slope = _difference(parameters, v, lambda: gradient(double, task, parameters, own)[1])
            outputs = _difference(parameters, v, lambda: (task.forward(double, own).detach(),))
            expected = _pulled(double, task, parameters, own, outputs[0])
    except (RuntimeError, NotImplementedError) as error:
        reason = f"it has no second derivative ({told_of(error)})"
        named = _named_in(str(error), module)
        if not named:
            yield Problem("", reason, _SECOND, error)
        for name in named:
            yield Problem(name, reason, "use another layer in its place", error)
        return
    for what, found, reference in (
        ("Hessian", curved, slope),
        ("Gauss-Newton", pushed, expected),
    ):
        layer, apart = _worst(double, found, reference)
        if not apart <= _TOLERANCE:
            reason = f"products with its {what} matrix are off by {apart:.1%} of their length"
            yield Problem(layer, reason, _SECOND)


_SECOND = (
    "replace what is fused by its parts: attn_implementation='eager', "
    "torch.nn.utils.parametrize.remove_parametrizations for weight norm, use_reentrant=False for "
    "checkpoints"
)


def _named_in(told: str, module: nn.Module) -> list[str]:
    """The layers of which torch says that their derivative's derivative is not implemented."""
    found = re.search(r"(\w+)_backward", told)
    operation = found.group(1).replace("_", "") if found else ""
    parts = module.named_modules()
    return [name for name, part in parts if type(part).__name__.lower() == operation]


def _difference(parameters: list[nn.Parameter], v: list[Tensor], of: Any) -> list[Tensor]:
    """The central difference along ``v`` of what ``of`` computes."""

    def moved_by(step: float) -> list[Tensor]:
        with torch.no_grad():
            for parameter, part in zip(parameters, v, strict=True):
                parameter.add_(part, alpha=step)
        return [part.detach().clone() for part in of()]

    above = moved_by(_STEP)
    below = moved_by(-2.0 * _STEP)
    moved_by(_STEP)
    return [(a - b) / (2.0 * _STEP) for a, b in zip(above, below, strict=True)]


def _pulled(
    module: nn.Module, task: Task, parameters: list[nn.Parameter], batch: Any, along: Tensor
) -> list[Tensor]:
    """``J' H u`` for a direction of the outputs."""
    outputs = task.forward(module, batch)
    at = outputs.detach().requires_grad_()
    (slope,) = torch.autograd.grad(task.loss(at, batch).sum(), at, create_graph=True)
    curved = torch.zeros_like(at)
    if slope.requires_grad:
        (curved,) = torch.autograd.grad(slope, at, grad_outputs=along)
    return list(
        torch.autograd.grad(
            outputs, parameters, grad_outputs=curved, allow_unused=True, materialize_grads=True
        )
    )


def _worst(module: nn.Module, found: Any, reference: list[Tensor]) -> tuple[str, float]:
    """The layer that differs most, and by how much of the whole product's length."""
    apart = [float((f - r).norm()) for f, r in zip(found, reference, strict=True)]
    whole = math.sqrt(sum(float(r.square().sum()) for r in reference))
    error = math.sqrt(sum(a * a for a in apart))
    if whole == 0.0:
        return "", 0.0 if error == 0.0 else math.inf
    at = max(range(len(apart)), key=apart.__getitem__)
    name = trainable(module)[at][0]
    return name.rpartition(".")[0], error / whole


def _first(batch: Any) -> Any:
    if isinstance(batch, Tensor):
        return batch[:1]
    if isinstance(batch, dict):
        return {name: _first(value) for name, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return tuple(_first(value) for value in batch)
    return batch
