"""Runs of a linear layer on the features of a backbone that never saw the records."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rescind.progress import Progress
from rescind.torch.computing import computing
from rescind.torch.frozen import digest_of_tensors
from rescind.torch.layer import LayerModel, featured
from rescind.torch.linear_model import must_be_convex
from rescind.torch.records import Records
from rescind.torch.run import ModuleRun
from rescind.torch.tangent_run import convex_settings, opened
from rescind.torch.task import Task, moved


class Head(nn.Module):
    """A linear layer on the features of a backbone. Called as the backbone is.

    Parameters
    ----------
    backbone : torch.nn.Module or None
        What makes features, shape ``(n, p)``; without one it is called with features.
    layer : torch.nn.Linear
        The layer.
    unit_length : bool
        Whether features are scaled to length 1.
    task : Task, optional
        How features follow from what it is called with; the backbone's own call if absent.
    """

    def __init__(
        self,
        backbone: nn.Module | None,
        layer: nn.Linear,
        unit_length: bool,
        task: Task | None = None,
    ) -> None:
        super().__init__()
        self.backbone, self.unit_length = backbone, unit_length
        self.layer = layer.to(self._device())
        self._task = task or Task.cross_entropy()

    def features(self, batch: Any) -> Tensor:
        """What the layer sees of a batch, shape ``(n, p)``."""
        made = batch[0] if isinstance(batch, (tuple, list)) else batch
        if self.backbone is not None:
            with computing(self.backbone), torch.no_grad():
                made = self._task.forward(self.backbone, batch)
        made = made.flatten(1)
        return functional.normalize(made, dim=1) if self.unit_length else made

    def on_the_cpu(self, batch: Any) -> Tensor:
        """The same, computed where the backbone is."""
        return self.features(moved(batch, self._device(), torch.float32)).cpu()

    def _device(self) -> torch.device:
        own = next(self.backbone.parameters(), None) if self.backbone is not None else None
        return torch.device("cpu") if own is None else own.device

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        """The outputs for one batch of inputs."""
        made: Tensor = self.layer(self.features(named if named else inputs))
        return made


def head(
    folder: str | os.PathLike[str],
    backbone: nn.Module | None,
    data: Any,
    *,
    outputs: int,
    task: Task | None = None,
    test: Any = None,
    penalty: float = 1e-3,
    gradient: float = 1e-6,
    unit_length: bool = True,
    declared_by: str | None = None,
    progress: Progress | None = None,
) -> HeadRun:
    """Put a run around a linear layer on the features of a public backbone: one that is in the
    folder is opened, else it is made.

    Features are computed when a run is opened, with the same bits whatever other records there are:
    in batches where a record comes out of these as it does alone, which is tried, else one by one.
    The layer starts at zero and its loss is strongly convex: the bound is that of
    :func:`rescind.tangent`.

    Parameters
    ----------
    folder : path
        Where the run is kept. What is private of it lies in ``private/`` there.
    backbone : torch.nn.Module or None
        It must never have seen the records, which ``declared_by`` vouches for. Without one the
        records' inputs are the features, and whoever made them must not have used the records.
    data : Records or dataset
        What it is trained on.
    outputs : int
        Classes, labels or values of a record.
    task : Task, optional
        ``Task.cross_entropy()`` if absent, ``Task.independent_labels()``, or
        ``Task.squared_error(bound=...)``; its ``forward`` calls the backbone.
    test : Records or dataset, optional
        What it is tested on.
    penalty, gradient
        As for :func:`rescind.tangent`.
    unit_length : bool
        Scale every record's features to length 1.
    declared_by : str, optional
        As for :func:`rescind.tangent`.
    progress : callable, optional
        Told ``("features", done, total)`` now and then.

    Returns
    -------
    HeadRun

    Raises
    ------
    rescind.errors.RescindError
        As for :func:`rescind.tangent`.
    """
    task = task or Task.cross_entropy()
    must_be_convex(task)
    records = data if isinstance(data, Records) else Records(data)
    tested = test if test is None or isinstance(test, Records) else Records(test)
    shell = Head(backbone, nn.Linear(1, outputs), unit_length, task)
    known = featured(shell.on_the_cpu, records, task, progress)
    width = known.dataset.tensors[0].shape[1]
    layer = nn.Linear(width, outputs)
    zero = {name: torch.zeros_like(p) for name, p in layer.named_parameters()}
    extra = {
        "unit_length": unit_length,
        "backbone": None if backbone is None else digest_of_tensors(backbone, set()),
    }
    plain = Task(task.loss, hits=task.hits, target=task.target, convex=task.convex)
    seen_in_test = None
    if tested is not None:
        seen_in_test = featured(shell.on_the_cpu, tested, task, progress)
    model = LayerModel(layer, zero, known, seen_in_test, plain, extra)
    settings = convex_settings(penalty, gradient, 42, declared_by)
    run = HeadRun(Path(folder), model, opened(folder, model, settings, False))
    run._shell = shell
    return run


class HeadRun(ModuleRun):
    """A run of a linear layer on frozen features. It is trained by :meth:`train`."""

    _model: LayerModel
    _shell: Head

    @property
    def model(self) -> Head:
        """The model with the private weights, for inference: no noise covers them."""
        return self._layered(self._session.private_weights())

    def released(self) -> Head:
        """The model with the newest released weights, for inference.

        Raises
        ------
        rescind.errors.NotReleased
            Nothing was released yet.
        """
        return self._layered(self._released_flat())

    def _layered(self, flat: bytearray) -> Head:
        weight, bias = self._model.flat.split(torch.frombuffer(flat, dtype=torch.float32))
        shell = self._shell
        return Head(shell.backbone, layer_of(weight, bias), shell.unit_length, shell._task)


def layer_of(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A linear layer of these."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer.requires_grad_(False)
