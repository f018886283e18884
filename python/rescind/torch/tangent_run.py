"""Runs of modules linearised at a point, whose loss is convex in the weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rescind import _core, errors
from rescind.progress import Progress
from rescind.torch.checking import check
from rescind.torch.drawing import draw, trainable
from rescind.torch.layer import final_layer, of_final_layer
from rescind.torch.linear_model import LinearModel, must_be_convex
from rescind.torch.linearised import Linearised, by_name
from rescind.torch.records import Records
from rescind.torch.run import ModuleRun
from rescind.torch.sharing import first, make_session
from rescind.torch.task import Task
from rescind.torch.training import Training


def tangent(
    folder: str | os.PathLike[str],
    module: nn.Module,
    data: Any,
    *,
    task: Task | None = None,
    test: Any = None,
    penalty: float = 1e-3,
    gradient: float = 1e-6,
    seed: int = 42,
    centre: Mapping[str, Tensor] | None = None,
    declared_by: str | None = None,
    chunk: int = 256,
    progress: Progress | None = None,
) -> TangentRun:
    """Put a run around a module linearised at a point that no record had a say in: one that is in
    the folder is opened, else it is made.

    The model's outputs are ``J(x; c)(w - c)``, J being the derivative of the module's outputs in
    the parameters that require gradients. Its loss is strongly convex in w, so that training,
    retraining and forgetting, which all end where the gradient is small, end within ``2 gradient /
    penalty`` of each other whatever the records (``docs/theory.md``, section 3).

    Parameters
    ----------
    folder : path
        Where the run is kept. What is private of it lies in ``private/`` there.
    module : torch.nn.Module
        Parameters that require gradients are trained; the rest stays as it is. Copied.
    data : Records or dataset
        What it is trained on.
    task : Task, optional
        ``Task.cross_entropy()`` if absent, ``Task.independent_labels()``,
        ``Task.squared_error(bound=...)``, or ``Task.language_model()``, for records that are all
        padded to one length. The outputs of all records are held at once.
    test : Records or dataset, optional
        What it is tested on.
    penalty : float
        Strength, above 0, of ``(penalty / 2) * |w - c|^2``.
    gradient : float
        The norm, at least 1e-10, at which training and forgetting stop.
    seed : int
        From which c is drawn, if it is not given, in the way of :func:`rescind.draw`.
    centre : mapping of str to tensor, optional
        c, such as a public checkpoint, by parameter; it needs ``declared_by``. Where the outputs do
        not depend on a part of it to first order, that part does not learn: LoRA's B at 0 leaves A.
    declared_by : str, optional
        Who vouches for what no program can check: the module's code, and the centre. Certificates
        name them; without it their promises are ``assumed``.
    chunk : int
        Records computed at once.
    progress : callable, optional
        Told ``("features", done, total)`` now and then, where a last layer is all that is trained:
        what comes before it is computed once, when the run is opened.

    Returns
    -------
    TangentRun

    Raises
    ------
    rescind.errors.RescindError
        A module that cannot be computed with (see :func:`rescind.check`), settings that prove
        nothing, or a run of another module, other records or other settings.
    """
    task = task or Task.cross_entropy()
    must_be_convex(task)
    records = data if isinstance(data, Records) else Records(data)
    tested = test if test is None or isinstance(test, Records) else Records(test)
    check(module, records.batch(range(min(8, len(records)))), task).raise_if_any()
    at = (
        draw(module, seed)
        if centre is None
        else {name: centre[name] for name, _ in trainable(module)}
    )
    final = final_layer(module, records.batch(range(min(2, len(records)))), task)
    model: LinearModel
    if final is None:
        model = LinearModel(module, at, records, tested, task, chunk)
    else:
        model = of_final_layer(module, final, at, records, tested, task, progress)
    settings = convex_settings(penalty, gradient, seed, declared_by)
    run = TangentRun(Path(folder), model, opened(folder, model, settings, centre is not None))
    run._task = task
    return run


def convex_settings(
    penalty: float, gradient: float, seed: int, declared_by: str | None
) -> dict[str, Any]:
    """What the core is told of a run whose loss is convex; the radius follows from the penalty."""
    training = Training(penalty=penalty, seed=seed).settings()
    training["until_gradient"] = gradient
    return {
        "training": training,
        "radius": 1.0,
        "keep_iterates": False,
        "declared_by": declared_by,
    }


def opened(
    folder: str | os.PathLike[str],
    model: LinearModel,
    settings: dict[str, Any],
    centre_given: bool,
) -> _core.Session:
    """The run in the folder, or a new one."""
    place, records = os.fspath(folder), model.records
    if not first(lambda: (Path(folder) / "run.json").exists()):
        centre = model.centre if centre_given else None
        return make_session(
            "create", model, place, records.name, records.subjects, json.dumps(settings), centre
        )
    session = make_session("open", model, place, records.name, records.subjects)
    own = json.loads(session.settings())["training"]
    for name, what in (("penalty", "penalty"), ("until_gradient", "gradient"), ("seed", "seed")):
        if own[name] != settings["training"][name]:
            session.close()
            raise errors.of(
                "other_config",
                f"{place} holds a run with {what} = {own[name]:g}, not "
                f"{settings['training'][name]:g}: give what it was made with, or choose another "
                "folder",
            )
    return session


class TangentRun(ModuleRun):
    """A run of a linearised module. It is trained by :meth:`train`."""

    _model: LinearModel
    _task: Task

    @property
    def model(self) -> Linearised:
        """The model with the private weights, for inference: no noise covers them."""
        return self._at(self._session.private_weights())

    def released(self) -> Linearised:
        """The model with the newest released weights, for inference.

        Raises
        ------
        rescind.errors.NotReleased
            Nothing was released yet.
        """
        return self._at(self._released_flat())

    def _at(self, flat: bytearray) -> Linearised:
        own = self._model.flat
        parts = own.split(torch.frombuffer(flat, dtype=torch.float32))
        centre = own.split(torch.frombuffer(bytearray(self._model.centre), dtype=torch.float32))
        module = self._model.whole
        return Linearised(module, by_name(module, centre), by_name(module, parts), self._task)
