"""Unlearning for any PyTorch module."""

from rescind.torch.check import Problem, Report, check
from rescind.torch.draw import draw
from rescind.torch.freeze import freeze_batch_norm
from rescind.torch.records import Records
from rescind.torch.run import Run, attach
from rescind.torch.task import Task
from rescind.torch.training import Training

__all__ = [
    "Problem",
    "Records",
    "Report",
    "Run",
    "Task",
    "Training",
    "attach",
    "check",
    "draw",
    "freeze_batch_norm",
]
