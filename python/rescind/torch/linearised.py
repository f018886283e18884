"""A module linearised at a point, for inference and for the core."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rescind.torch.computing import computing
from rescind.torch.drawing import trainable
from rescind.torch.duals import dual_numbers_serve
from rescind.torch.products import push, push_dual
from rescind.torch.task import Task


class Linearised(nn.Module):
    """``J(x; c)(w - c)``: a module's outputs to first order in its trained parameters around c.

    Called as the module itself is. It is for inference: gradients do not pass through it.

    Parameters
    ----------
    module : torch.nn.Module
        The module, whose trained parameters are those that require gradients; copied.
    centre : mapping of str to tensor
        c by parameter.
    weights : mapping of str to tensor
        w by parameter.
    task : Task, optional
        How outputs follow from what it is called with; the module's own call if absent.

    Attributes
    ----------
    names : list of str
        The parameters that are trained.
    """

    def __init__(
        self,
        module: nn.Module,
        centre: Mapping[str, Tensor],
        weights: Mapping[str, Tensor],
        task: Task | None = None,
    ) -> None:
        super().__init__()
        self.at = copy.deepcopy(module)
        self.names = [name for name, _ in trainable(module)]
        self._task = task or Task.cross_entropy()
        self._dual: bool | None = None
        with torch.no_grad():
            for name, own in trainable(self.at):
                own.copy_(centre[name])
        self.direction = nn.ParameterList(
            nn.Parameter(
                (weights[name].double() - centre[name].double()).to(own.device, own.dtype),
                requires_grad=False,
            )
            for name, own in trainable(self.at)
        )

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        """The outputs for one batch of inputs."""
        batch = named if named else inputs
        with computing(self.at):
            parameters = [p for _, p in trainable(self.at)]
            if self._dual is None:
                self._dual = dual_numbers_serve(self.at, self._task, batch)
            if self._dual:
                return push_dual(self.at, self._task, self.names, batch, list(self.direction))
            return push(self.at, self._task, parameters, batch, list(self.direction))


def by_name(module: nn.Module, parts: Sequence[Tensor]) -> dict[str, Tensor]:
    """The trained parameters' names with these values."""
    return {name: part for (name, _), part in zip(trainable(module), parts, strict=True)}
