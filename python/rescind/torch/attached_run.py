"""Runs of modules that are trained whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rescind import _core, errors
from rescind.torch.checking import check
from rescind.torch.drawing import trainable
from rescind.torch.module import TorchModel
from rescind.torch.records import Records
from rescind.torch.run import ModuleRun
from rescind.torch.sharing import first, make_session
from rescind.torch.task import Task
from rescind.torch.training import Training

# The core's own room for rounding: what is this far inside is inside, whoever measures it.
_INSIDE = 1.0 - 1e-6


def attach(
    folder: str | os.PathLike[str],
    module: nn.Module,
    data: Any,
    *,
    task: Task | None = None,
    test: Any = None,
    training: Training | None = None,
    radius: float = 20.0,
    centre: Mapping[str, Tensor] | None = None,
    declared_by: str | None = None,
    chunk: int = 256,
) -> AttachedRun:
    """Put a run around a module: one that is in the folder is opened, else it is made.

    Parameters
    ----------
    folder : path
        Where the run is kept. What is private of it lies in ``private/`` there.
    module : torch.nn.Module
        Trained in float32. Its parameters that require gradients are the model's; all else of it
        must stay as it is. It is written to in place.
    data : Records or dataset
        What it is trained on.
    task : Task, optional
        What it is trained for; classification by cross-entropy if absent.
    test : Records or dataset, optional
        What it is tested on.
    training : Training, optional
        How the core trains: retraining, recovery, :meth:`Run.train`.
    radius : float
        All weights stay within this distance of the centre.
    centre : mapping of str to tensor, optional
        A point that does not depend on the records, such as a public checkpoint, by parameter; the
        origin if absent. It needs ``declared_by``.
    declared_by : str, optional
        Who vouches for what no program can check: the module's code, how it was trained, the
        centre. Certificates name them; without it their promises are ``assumed``.
    chunk : int
        Records computed at once.

    Returns
    -------
    AttachedRun

    Raises
    ------
    rescind.errors.RescindError
        A module that cannot be computed with as needed (see :func:`rescind.check`), or a run of
        another module or other records.
    """
    records = data if isinstance(data, Records) else Records(data)
    tested = test if test is None or isinstance(test, Records) else Records(test)
    task = task or Task.cross_entropy()
    report = check(module, records.batch(range(min(8, len(records)))), task)
    report.raise_if_any()
    model = TorchModel(module, records, tested, task, chunk)
    model.try_duals()
    place = os.fspath(folder)
    flat = None
    if centre is not None:
        parts = [centre[name] for name, _ in trainable(module)]
        flat = model.flat.joined(parts, torch.float32).numpy().tobytes()
    if first(lambda: (Path(folder) / "run.json").exists()):
        session = make_session("open", model, place, records.name, records.subjects)
        run = AttachedRun(Path(folder), model, session)
        run._must_lie(radius, flat)
        if session.is_trained():
            run.restore()
        return run
    settings = {
        "training": (training or Training()).settings(),
        "radius": radius,
        "keep_iterates": True,
        "declared_by": declared_by,
    }
    session = make_session(
        "create", model, place, records.name, records.subjects, json.dumps(settings), flat
    )
    return AttachedRun(Path(folder), model, session)


class AttachedRun(ModuleRun):
    """A run of a module all of whose weights are trained, by a loop of yours or by the core."""

    def __init__(
        self,
        folder: Path,
        model: TorchModel,
        session: _core.Session,
    ) -> None:
        super().__init__(folder, model, session)
        self._radius, flat = session.ball()
        parameters = model.flat.parameters
        self._centre = [torch.zeros_like(p, dtype=torch.float64) for p in parameters]
        if flat is not None:
            parts = model.flat.split(torch.frombuffer(flat, dtype=torch.float32))
            self._centre = [part.double() for part in parts]

    @property
    def module(self) -> nn.Module:
        """The module, with the private weights: no noise covers them."""
        return self._model.module

    def project(self) -> float:
        """Bring the weights back into the ball, if they left it; return their distance from its
        centre before."""
        flat = self._model.flat
        with torch.no_grad():
            away = [p.double() - c for p, c in zip(flat.parameters, self._centre, strict=True)]
            distance = float(torch.stack([part.square().sum().cpu() for part in away]).sum().sqrt())
            if distance > self._radius * _INSIDE:
                shrunk = self._radius / distance * (2.0 * _INSIDE - 1.0)
                for parameter, part, c in zip(flat.parameters, away, self._centre, strict=True):
                    parameter.copy_(c + shrunk * part)
        return distance

    def projecting(self, optimiser: torch.optim.Optimizer) -> torch.optim.Optimizer:
        """Have an optimiser bring the weights back into the ball after every step."""

        def project(*_: object) -> None:
            self.project()

        optimiser.register_step_post_hook(project)
        return optimiser

    def trained(self) -> None:
        """Take the module's weights as those of the run: a loop of your own has trained them.

        Raises
        ------
        rescind.errors.StartOutsideBall
            They lie outside the ball: see :meth:`projecting`.
        rescind.errors.OtherModel
            Something of the module other than its trained parameters has changed.
        """
        self._model.check_unchanged()
        self._session.take(self._model.flat.vector())

    def released_state_dict(self) -> dict[str, Tensor]:
        """The newest released weights, with the module's frozen tensors, for ``load_state_dict``.

        Raises
        ------
        rescind.errors.NotReleased
            Nothing was released yet.
        """
        return self._state_dict(self._released_flat())

    def restore(self) -> None:
        """Put the run's private weights into the module."""
        self._model.flat.load(self._session.private_weights(), torch.float32)

    def _must_lie(self, radius: float, centre: bytes | None) -> None:
        """Refuse a ball other than the one that the run was made with."""
        own_radius, own_centre = self._session.ball()
        for what, own, given in (
            ("radius", own_radius, radius),
            ("centre", own_centre, centre),
        ):
            if own != given:
                self.close()
                raise errors.of(
                    "other_config",
                    f"{self.folder} holds a run with another {what}: give the one that it was made "
                    "with, or choose another folder",
                )

    def _state_dict(self, flat: bytearray) -> dict[str, Tensor]:
        state = {name: t.detach().clone() for name, t in self.module.state_dict().items()}
        parts = self._model.flat.split(torch.frombuffer(flat, dtype=torch.float32))
        own = {id(p): part for p, part in zip(self._model.flat.parameters, parts, strict=True)}
        # A tied parameter stands there under each of its names.
        for name, parameter in self.module.named_parameters(remove_duplicate=False):
            if id(parameter) in own and name in state:
                state[name] = own[id(parameter)].detach().clone()
        return state

    def _work(self, work: Callable[[], Any]) -> Any:
        """Work of the core, which computes with the module; whatever comes of it, the module holds
        the run's weights afterwards."""
        self._model.check_unchanged()
        try:
            return work()
        finally:
            if self._session.is_trained():
                self.restore()
