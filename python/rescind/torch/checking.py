"""What keeps a module from being computed with, all at once and before any work."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from rescind import errors
from rescind.torch.computing import computing
from rescind.torch.drawing import trainable
from rescind.torch.freeze import batch_norms
from rescind.torch.products import gauss_newton_product, gradient, hessian_product
from rescind.torch.task import Task, count, moved

# Relative errors above these are no rounding: central differences in float64 with this step agree
# within about 3e-8 on smooth modules, and a few ReLUs between the two points cost more.
_STEP, _TOLERANCE = 1e-6, 1e-4


@dataclass(frozen=True)
class Problem:
    """Why a module cannot be computed with.

    Attributes
    ----------
    layer : str
        Its name in the module; empty for the module as a whole.
    reason : str
        What is wrong.
    remedy : str
        What to do.
    """

    layer: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.layer or 'the module'}: {self.reason}; {self.remedy}"


@dataclass(frozen=True)
class Report:
    """Everything that was found.

    Attributes
    ----------
    problems : list of Problem
        Empty where the module will do.
    """

    problems: list[Problem]

    @property
    def ok(self) -> bool:
        """Whether the module will do."""
        return not self.problems

    def raise_if_any(self) -> None:
        """Raise :class:`rescind.errors.ModelDoesNotFit` with all problems, if there are any."""
        if self.problems:
            told = "\n".join(f"- {problem}" for problem in self.problems)
            raise errors.of("model_does_not_fit", f"the module cannot be computed with:\n{told}")

    def __str__(self) -> str:
        if self.ok:
            return "The module will do."
        return "\n".join(str(problem) for problem in self.problems)


def check(module: nn.Module, batch: Any, task: Task | None = None) -> Report:
    """Find all that keeps a module from being computed with.

    Parts that have no second derivative, or a wrong one, that are random, or that make a record's
    output depend on others, are named with what to do. Products are compared with central
    differences of gradients in float64 on the batch.

    Parameters
    ----------
    module : torch.nn.Module
        It is left as it was.
    batch : tensor, tuple or mapping
        A few records, collated.
    task : Task, optional
        Classification by cross-entropy if absent.

    Returns
    -------
    Report
    """
    task = task or Task.cross_entropy()
    problems = list(_of_structure(module))
    if not problems:
        problems = list(_of_computation(module, batch, task))
    return Report(problems)


def _of_structure(module: nn.Module) -> Iterator[Problem]:
    if hasattr(module, "_orig_mod"):
        yield Problem("", "it is compiled", "give module._orig_mod")
        return
    wrappers = ("DataParallel", "DistributedDataParallel", "FullyShardedDataParallel")
    if type(module).__name__ in wrappers:
        yield Problem("", f"it is wrapped in {type(module).__name__}", "give module.module")
        return
    if not trainable(module):
        yield Problem("", "no parameter requires a gradient", "set requires_grad of some")
    for name, parameter in trainable(module):
        if type(parameter).__name__ == "DTensor" or hasattr(parameter, "placements"):
            yield Problem(
                name,
                "it is sharded over processes (FSDP2), where second derivatives fail",
                "replicate the module instead (DistributedDataParallel), and give its .module",
            )
            return
        if isinstance(parameter, UninitializedParameter):
            yield Problem(name, "it has no shape yet", "run the module once on a batch")
        elif parameter.dtype != torch.float32:
            yield Problem(name, f"it is {parameter.dtype}", "train it in float32: module.float()")
    for name, part in batch_norms(module):
        # The statistics it takes of each batch are nobody's weights.
        if getattr(part, "running_mean", None) is None or part.training:
            yield Problem(
                name,
                "batch norm that takes its statistics from the records",
                "use group norm, or statistics from elsewhere that stay as they are "
                "(rescind.torch.freeze_batch_norm)",
            )
    for name, part in module.named_modules():
        if getattr(part, "gradient_checkpointing", False) is True:
            yield Problem(
                name,
                "gradient checkpointing, whose second derivatives are wrong",
                "switch it off: gradient_checkpointing_disable()",
            )


def _of_computation(module: nn.Module, batch: Any, task: Task) -> Iterator[Problem]:
    device = trainable(module)[0][1].device
    with computing(module):
        own = moved(batch, device, torch.float32)
        buffers = {name: b.clone() for name, b in module.named_buffers()}
        losses = task.losses(module, own)
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
        if not torch.equal(losses, task.losses(module, own)):
            yield Problem("", "it gives another result each time", "leave out what is random")
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
        yield from _of_products(module, batch, task, device)


def _of_products(
    module: nn.Module, batch: Any, task: Task, device: torch.device
) -> Iterator[Problem]:
    """The probe: products against differences of gradients, in float64."""
    double = copy.deepcopy(module).double()
    parameters = [parameter for _, parameter in trainable(double)]
    own = moved(batch, device, torch.float64)
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
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        yield Problem("", f"it has no second derivative ({told})", _SECOND)
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
    "torch.nn.utils.parametrize.remove_parametrizations for weight norm"
)


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
