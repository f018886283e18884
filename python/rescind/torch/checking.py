"""What keeps a module from being computed with, all at once and before any work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from rescind.torch.drawing import trainable
from rescind.torch.freeze import batch_norms
from rescind.torch.passes import of_computation
from rescind.torch.problems import Problem, Report
from rescind.torch.task import Task


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
        problems = list(of_computation(module, batch, task))
    return Report(problems)


def _of_structure(module: nn.Module) -> Iterator[Problem]:
    for name, part in module.named_modules():
        # torch.compile makes a module around one; module.compile() works in place.
        if hasattr(part, "_orig_mod") or getattr(part, "_compiled_call_impl", None) is not None:
            remedy = "compiled code has no second derivative: give the module as it was before"
            yield Problem(name, "it is compiled", f"{remedy} (._orig_mod, of torch.compile)")
            return
    scripted = next(
        (n for n, part in module.named_modules() if isinstance(part, torch.jit.ScriptModule)), None
    )
    if scripted is not None:
        yield Problem(scripted, "it is scripted", "give the module as it was before torch.jit")
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
        elif parameter.is_meta:
            yield Problem(name, "it has no values (device meta)", "load the weights first")
            return
        elif parameter.is_complex():
            yield Problem(name, "it is complex", "give real and imaginary parts, as two parameters")
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
