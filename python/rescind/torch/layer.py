"""A model that is one linear layer of features which no weight changes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from rescind import errors
from rescind.progress import Progress
from rescind.torch.computing import computing
from rescind.torch.drawing import trainable
from rescind.torch.features import features
from rescind.torch.frozen import Frozen
from rescind.torch.linear_model import LinearModel, must_be_convex
from rescind.torch.module import TYPES, Flat, not_finite, positions_of
from rescind.torch.records import Records
from rescind.torch.task import Task, moved

# Records whose outputs are computed at once: a product of two matrices.
_CHUNK = 8192


class LayerModel(LinearModel):
    """What the core asks of a linear layer on features: all that it does is products of matrices,
    and sums over the records can be kept (``docs/heads.md``).

    Parameters
    ----------
    layer : torch.nn.Linear
        The layer, on the CPU.
    centre : mapping of str to tensor
        Where it starts, by parameter.
    records, test : Records
        Their features and targets.
    task : Task
        As for :class:`LinearModel`; its ``forward`` is that of the layer.
    extra : dict, optional
        As for :class:`LinearModel`.
    whole : torch.nn.Module, optional
        The module that the layer is the last of, which describes the model.
    """

    def __init__(
        self,
        layer: nn.Linear,
        centre: Mapping[str, Tensor],
        records: Records,
        test: Records | None,
        task: Task,
        extra: dict[str, Any] | None = None,
        whole: nn.Module | None = None,
    ) -> None:
        self._whole = None if whole is None else (whole, Frozen(whole))
        super().__init__(layer, centre, records, test, task, _CHUNK, extra)

    @property
    def whole(self) -> nn.Module:
        """The module that outputs are those of, at the centre."""
        return self.module if self._whole is None else self._whole[0]

    def fixed(self) -> tuple[int, bytes]:
        """Features of a record, a constant of 1 included, and where among the weights those of each
        output are."""
        weight = torch.arange(self._weights).reshape(self.outputs, -1)
        parts = [weight]
        if self._has_bias:
            parts.append(self._weights + torch.arange(self.outputs)[:, None])
        places = torch.cat(parts, dim=1)
        return places.shape[1], places.contiguous().numpy().tobytes()

    def features(self, records: bytearray) -> bytes:
        """The features of these records, float32."""
        return self._wide(positions_of(records)).contiguous().numpy().tobytes()

    def push(self, precision: str, records: bytearray, v: bytearray, out: bytearray) -> None:
        """Write ``J v``: outputs of every record."""
        matrix = self._matrix(torch.frombuffer(v, dtype=TYPES[precision]))
        into = self._rows(precision, out)
        for at, wide in self._parts(precision, records):
            torch.mm(wide, matrix.T, out=into[at : at + len(wide)])

    def pull(self, precision: str, records: bytearray, u: bytearray, out: bytearray) -> None:
        """Write ``J' u``."""
        along = self._rows(precision, u)
        total = torch.zeros(self.outputs, self.fixed()[0], dtype=TYPES[precision])
        for at, wide in self._parts(precision, records):
            total.addmm_(along[at : at + len(wide)].T, wide)
        self._write(total, torch.frombuffer(out, dtype=TYPES[precision]))

    def rows(self, precision: str, records: bytearray, u: bytearray, out: bytearray) -> None:
        """Write ``u_i' J_i`` of each record."""
        along = self._rows(precision, u)
        into = torch.frombuffer(out, dtype=TYPES[precision]).reshape(len(along), -1)
        for at, wide in self._parts(precision, records):
            for i, row in enumerate(wide, at):
                self._write(torch.outer(along[i], row), into[i])

    @property
    def _weights(self) -> int:
        return self.flat.parameters[0].numel()

    @property
    def _has_bias(self) -> bool:
        return len(self.flat.parameters) > 1

    def _matrix(self, flat: Tensor) -> Tensor:
        """Weights of every output, those of the constant last."""
        weight = flat[: self._weights].reshape(self.outputs, -1)
        if not self._has_bias:
            return weight
        return torch.cat([weight, flat[self._weights :, None]], dim=1)

    def _write(self, matrix: Tensor, into: Tensor) -> None:
        """Such a matrix as a vector."""
        width = self._weights // self.outputs
        into[: self._weights].reshape(self.outputs, -1).copy_(matrix[:, :width])
        if self._has_bias:
            into[self._weights :].copy_(matrix[:, width])

    def _wide(self, positions: list[int]) -> Tensor:
        made: Tensor = self.records.dataset.tensors[0]
        begin, end = positions[0], positions[-1] + 1
        # Of records in one stretch nothing is copied.
        dense = end - begin == len(positions) and positions == list(range(begin, end))
        own = made[begin:end] if dense else made[torch.as_tensor(positions)]
        return torch.cat([own, own.new_ones(len(own), 1)], dim=1) if self._has_bias else own

    def _parts(self, precision: str, records: bytearray) -> Iterator[tuple[int, Tensor]]:
        chosen = positions_of(records)
        for start in range(0, len(chosen), self.chunk):
            wide = self._wide(chosen[start : start + self.chunk])
            yield start, wide.to(TYPES[precision])

    def _description(self) -> dict[str, Any]:
        if self._whole is None:
            return super()._description()
        whole, frozen = self._whole
        return self._described_as(Flat(whole), frozen)


@dataclass(frozen=True)
class Final:
    """The layer of a module that its outputs come out of and that alone is trained.

    Attributes
    ----------
    name : str
        Its name; empty where it is the module.
    layer : torch.nn.Linear
        It.
    """

    name: str
    layer: nn.Linear


def final_layer(module: nn.Module, batch: Any, task: Task) -> Final | None:
    """The linear layer that alone of a module is trained, where the module's outputs are that
    layer's, one row for each record. None where there is no such layer."""
    trained = {id(parameter) for _, parameter in trainable(module)}
    owners = [
        (name, part)
        for name, part in module.named_modules()
        if any(id(own) in trained for own in part.parameters(recurse=False))
    ]
    if len(owners) != 1 or type(owners[0][1]) is not nn.Linear:
        return None
    name, layer = owners[0]
    hooked = layer._forward_hooks or layer._forward_pre_hooks
    if hooked or not layer.weight.requires_grad or len(trained) != len(list(layer.parameters())):
        return None
    final = Final(name, layer)
    with computing(module):
        try:
            _inputs(module, final, moved(batch, layer.weight.device, torch.float32), task)
        except _NotItsOutputs:
            return None
    return final


class _NotItsOutputs(Exception):
    pass


def _inputs(module: nn.Module, final: Final, batch: Any, task: Task) -> Tensor:
    """What the layer is called with for a batch, once what it returns is what the module does."""
    with _captured(final.layer) as calls:
        outputs = task.forward(module, batch)
    if len(calls) != 1:
        raise _NotItsOutputs
    seen, came = calls[0]
    # Whatever is done to a tensor, also in place, is another node of the graph.
    if seen.dim() != 2 or seen.requires_grad or outputs.grad_fn is not came:
        raise _NotItsOutputs
    return seen.detach()


@contextmanager
def _captured(layer: nn.Linear) -> Iterator[list[tuple[Tensor, Any]]]:
    calls: list[tuple[Tensor, Any]] = []
    hook = layer.register_forward_hook(
        lambda _, given, made: calls.append((given[0], made.grad_fn))
    )
    try:
        yield calls
    finally:
        hook.remove()


def of_final_layer(
    module: nn.Module,
    final: Final,
    centre: Mapping[str, Tensor],
    records: Records,
    test: Records | None,
    task: Task,
    progress: Progress | None,
) -> LayerModel:
    """The model of a module linearised in its final layer; the rest is computed once."""
    own = copy.deepcopy(module)
    copied = own.get_submodule(final.name)
    assert isinstance(copied, nn.Linear)
    inner = Final(final.name, copied)
    with torch.no_grad():
        for name, parameter in trainable(own):
            parameter.copy_(centre[name])
    device = final.layer.weight.device

    def seen(batch: Any) -> Tensor:
        with computing(own):
            try:
                made = _inputs(own, inner, moved(batch, device, torch.float32), task)
            except _NotItsOutputs:
                raise errors.of(
                    "model_does_not_fit",
                    f"{final.name or 'the layer'} makes the outputs of the first records and not "
                    "of all: let the module do the same for every record",
                ) from None
        return made.cpu()

    layer = copy.deepcopy(final.layer).cpu()
    prefix = f"{final.name}." if final.name else ""
    at = {name.removeprefix(prefix): part.cpu() for name, part in centre.items()}
    plain = Task(task.loss, hits=task.hits, target=task.target, convex=task.convex)
    tested = None if test is None else featured(seen, test, task, progress)
    known = featured(seen, records, task, progress)
    return LayerModel(layer, at, known, tested, plain, whole=own)


def featured(
    seen: Callable[[Any], Tensor], records: Records, task: Task, progress: Progress | None
) -> Records:
    """The same records as a layer sees them."""
    _, target = must_be_convex(task)
    made = features(seen, records, progress)
    odd = (~made.isfinite()).any(1).nonzero().flatten()
    if len(odd):
        raise not_finite("features", int(odd[0]))
    targets = [target(records.batch([i])).cpu() for i in range(len(records))]
    return records.prepared(TensorDataset(made, torch.cat(targets)))
