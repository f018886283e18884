"""Unlearning for any PyTorch module."""

from rescind.torch.attached_run import AttachedRun, attach
from rescind.torch.checking import check
from rescind.torch.drawing import draw
from rescind.torch.freeze import freeze_batch_norm
from rescind.torch.head_run import Head, HeadRun, head
from rescind.torch.linearised import Linearised
from rescind.torch.loading import load
from rescind.torch.problems import Problem, Report
from rescind.torch.progress import Bars
from rescind.torch.records import Records
from rescind.torch.run import ModuleRun
from rescind.torch.tangent_run import TangentRun, tangent
from rescind.torch.task import Task
from rescind.torch.training import Training

__all__ = [
    "AttachedRun",
    "Bars",
    "Head",
    "HeadRun",
    "Linearised",
    "ModuleRun",
    "Problem",
    "Records",
    "Report",
    "TangentRun",
    "Task",
    "Training",
    "attach",
    "check",
    "draw",
    "freeze_batch_norm",
    "head",
    "load",
    "tangent",
]
