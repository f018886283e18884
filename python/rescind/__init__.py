"""Certified unlearning for deep neural networks.

A person asks to be forgotten. ``rescind`` makes a trained model forget their records and releases
weights that are (epsilon, delta)-indistinguishable from those of a model retrained without them,
with a certificate of what that rests on.

>>> import rescind
>>> rescind.Promise(epsilon=1.0).delta
1e-05
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rescind import errors
from rescind._core import __version__
from rescind.answers import Answer, Audit, Decision, Decisions, Release
from rescind.choices import Method, Promise, Sigma
from rescind.desk import work
from rescind.errors import NothingToDo, Refused, RescindError, UsageError
from rescind.run import Run
from rescind.run import open_run as open
from rescind.verification import Verification, verify

if TYPE_CHECKING:
    from rescind.torch import (
        Bars,
        Records,
        Task,
        Training,
        attach,
        check,
        draw,
        head,
        load,
        tangent,
    )

__all__ = [
    "Answer",
    "Audit",
    "Bars",
    "Decision",
    "Decisions",
    "Method",
    "NothingToDo",
    "Promise",
    "Records",
    "Refused",
    "Release",
    "RescindError",
    "Run",
    "Sigma",
    "Task",
    "Training",
    "UsageError",
    "Verification",
    "__version__",
    "attach",
    "check",
    "draw",
    "errors",
    "head",
    "load",
    "open",
    "tangent",
    "verify",
    "work",
]

_TORCH = {
    "Bars",
    "Records",
    "Task",
    "Training",
    "attach",
    "check",
    "draw",
    "head",
    "load",
    "tangent",
}


def __getattr__(name: str) -> Any:
    """What needs torch is imported when it is first asked for."""
    if name not in _TORCH:
        raise AttributeError(f"module 'rescind' has no attribute {name!r}")
    try:
        from rescind import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError(
            f"rescind.{name} needs PyTorch: pip install 'rescind[torch]'", name="torch"
        ) from error
    return getattr(torch, name)
