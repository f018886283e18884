"""Released models, as whoever receives them loads them."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import torch
from torch import nn

from rescind import errors
from rescind.torch.drawing import tensors, trainable
from rescind.torch.frozen import digest_of_tensors
from rescind.torch.head_run import Head, layer_of
from rescind.torch.linearised import Linearised
from rescind.torch.task import Task
from rescind.verification import verify


def load(
    release: str | os.PathLike[str], module: nn.Module | None, task: Task | None = None
) -> nn.Module:
    """Load a release into the module that it is one of.

    Parameters
    ----------
    release : path
        Its folder, with ``weights.safetensors``, ``model.json`` and ``certificate.json``.
    module : torch.nn.Module or None
        The module as it was given to :func:`rescind.attach` or :func:`rescind.tangent`, or the
        backbone of :func:`rescind.head`; copied.
    task : Task, optional
        How outputs follow from what a linearised module is called with.

    Returns
    -------
    torch.nn.Module
        For inference: the module with the released weights; :class:`Linearised` or :class:`Head`
        where the release is of such a model.

    Raises
    ------
    rescind.errors.RescindError
        A certificate that does not hold for what lies beside it; a module of other layers or frozen
        tensors.
    """
    from safetensors.torch import load_file

    folder = Path(release)
    report = verify(folder)
    if report.verdict == "does-not-hold":
        raise errors.of(
            "other_model",
            f"{folder} is not what its certificate speaks of: rescind verify "
            f"{folder / 'certificate.json'}",
        )
    described = json.loads((folder / "model.json").read_text())
    weights = load_file(folder / "weights.safetensors")
    architecture = described.get("architecture") or {}
    if "unit_length" in architecture:
        _must_be(module, architecture["backbone"], set())
        layer = layer_of(weights["weight"], weights["bias"])
        return Head(module, layer, architecture["unit_length"], task).eval()
    if module is None or tensors(module) != described["tensors"]:
        raise errors.of(
            "other_model",
            "the module's trained parameters are not those of the release, "
            f"{', '.join(t['name'] for t in described['tensors'][:5])}, ...: give the module that "
            "the run was made with, with the same requires_grad",
        )
    _must_be(module, architecture.get("frozen"), {name for name, _ in trainable(module)})
    if described.get("linearised"):
        return Linearised(module, load_file(folder / "centre.safetensors"), weights, task).eval()
    own = copy.deepcopy(module)
    with torch.no_grad():
        for name, parameter in trainable(own):
            parameter.copy_(weights[name])
    return own.eval()


def _must_be(module: nn.Module | None, digest: str | None, trained: set[str]) -> None:
    found = None if module is None else digest_of_tensors(module, trained)
    if found != digest:
        raise errors.of(
            "other_model",
            "the module's frozen parameters and buffers are not those that the release was made "
            "with: load the same checkpoint into it first",
        )
