"""A module as the core sees it: a flat vector of weights, gradients and products over records."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rescind import errors
from rescind.torch.computing import computing
from rescind.torch.drawing import tensors, trainable
from rescind.torch.duals import duals_serve_gauss_newton
from rescind.torch.frozen import Frozen
from rescind.torch.products import (
    gauss_newton_by_duals,
    gauss_newton_product,
    gradient,
    hessian_product,
)
from rescind.torch.records import Records
from rescind.torch.task import Task, count, moved

TYPES = {"single": torch.float32, "double": torch.float64}


class Flat:
    """A module's trained parameters as one vector.

    Parameters
    ----------
    module : torch.nn.Module
        Whose parameters; they are written in place.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.parameters = [parameter for _, parameter in trainable(module)]
        self._sizes = [parameter.numel() for parameter in self.parameters]

    def sum_into(self, vector: Tensor) -> Sum:
        """A sum of parts that ends in this vector of zeros, on the CPU."""
        return Sum(vector, vector.split(self._sizes), self.parameters)

    def split(self, flat: Tensor) -> list[Tensor]:
        """Parts of a vector, with the shapes and on the devices of the parameters."""
        parts = flat.split(self._sizes)
        named = zip(parts, self.parameters, strict=True)
        return [part.reshape(p.shape).to(p.device, p.dtype) for part, p in named]

    def joined(self, parts: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
        """The vector of these parts, on the CPU."""
        return torch.cat([part.detach().reshape(-1).to("cpu", dtype) for part in parts])

    def load(self, flat: bytearray, dtype: torch.dtype) -> None:
        """Write a vector into the parameters."""
        with torch.no_grad():
            for own, part in zip(
                self.parameters, torch.frombuffer(flat, dtype=dtype).split(self._sizes), strict=True
            ):
                own.copy_(part.reshape(own.shape))

    def vector(self) -> bytes:
        """The parameters as they are, float32."""
        joined = self.joined(self.parameters, torch.float32)
        return joined.numpy().tobytes()


class Sum:
    """A sum of parts, on their devices until it is written. On the CPU it grows where it ends: a
    vector of a large model more or less is what decides whether there is room."""

    def __init__(
        self, vector: Tensor, places: Sequence[Tensor], parameters: Sequence[Tensor]
    ) -> None:
        self._vector, self._places = vector, places
        self._own = [
            place if p.device.type == "cpu" else torch.zeros_like(p).reshape(-1)
            for place, p in zip(places, parameters, strict=True)
        ]

    def add(self, parts: Sequence[Tensor]) -> None:
        """Add one of each."""
        for own, part in zip(self._own, parts, strict=True):
            own.add_(part.detach().reshape(-1))

    def write(self, over: int) -> None:
        """Write it, divided by a number."""
        for own, place in zip(self._own, self._places, strict=True):
            if own is not place:
                place.copy_(own)
        self._vector /= over


class TorchModel:
    """What the core asks of a model (see ``crates/python/src/model.rs``).

    Parameters
    ----------
    module : torch.nn.Module
        The module; its parameters are written in place while the core computes.
    records, test : Records
        What it is trained on, and what it is tested on.
    task : Task
        What it is trained for.
    chunk : int
        Records computed at once.
    """

    curvature = True
    double = True

    def __init__(
        self, module: nn.Module, records: Records, test: Records | None, task: Task, chunk: int
    ) -> None:
        self.records, self.test, self.task, self.chunk = records, test, task, chunk
        self.flat = Flat(module)
        self._double: Flat | None = None
        self._by_duals = False
        self._frozen = Frozen(module)
        self._described = self._description()
        # Chunks of the records of the last pass, which a solver asks for again and again.
        self._kept: tuple[tuple[bytes, str], list[Any]] | None = None

    @property
    def module(self) -> nn.Module:
        """The module."""
        return self.flat.module

    def description(self) -> str:
        """The model's description, JSON."""
        return json.dumps(self._described)

    def identities(self) -> list[bytes]:
        """The identity of every record."""
        return self.records.identities

    def check_unchanged(self) -> None:
        """Refuse a module that is no longer the one that was attached."""
        now = self._description()
        for part, told in (
            ("tensors", "its trained parameters: names, shapes or requires_grad"),
            ("architecture", "its layers, frozen parameters or buffers"),
        ):
            if now[part] != self._described[part]:
                raise errors.of(
                    "other_model",
                    f"the module has changed since it was attached, in {told}. Undo that; batch "
                    "norm that trains changes its buffers (rescind.torch.freeze_batch_norm)",
                )

    def gradient(
        self, precision: str, w: list[bytearray], records: bytearray, out: bytearray
    ) -> float:
        """Write the gradient of the mean loss; return that loss."""
        flat = self._ready(precision, w)
        total, number = 0.0, 0
        summed = flat.sum_into(torch.frombuffer(out, dtype=TYPES[precision]))
        with computing(flat.module):
            for batch in self._chunks(flat, precision, records):
                loss, parts = gradient(flat.module, self.task, flat.parameters, batch)
                summed.add(parts)
                total, number = total + loss, number + count(batch)
        summed.write(number)
        if not math.isfinite(total):
            self._name_the_odd_one(flat, precision, records)
        return total / number

    def product(
        self,
        precision: str,
        which: str,
        w: list[bytearray],
        records: bytearray,
        v: bytearray,
        out: bytearray,
    ) -> None:
        """Write the product of the mean loss's curvature with ``v``."""
        flat = self._ready(precision, w)
        along = flat.split(torch.frombuffer(v, dtype=TYPES[precision]))
        multiply = self._multiplication(flat, which)
        number, summed = 0, flat.sum_into(torch.frombuffer(out, dtype=TYPES[precision]))
        with computing(flat.module):
            for batch in self._chunks(flat, precision, records):
                summed.add(multiply(batch, along))
                number += count(batch)
        summed.write(number)
        if not math.isfinite(float(torch.frombuffer(out, dtype=TYPES[precision]).sum())):
            self._name_the_odd_one(flat, precision, records)

    def _name_the_odd_one(self, flat: Flat, precision: str, records: bytearray) -> None:
        """Refuse a record whose loss is not finite, if there is one."""
        chosen, done = positions_of(records), 0
        with computing(flat.module), torch.no_grad():
            for batch in self._chunks(flat, precision, records):
                odd = (~self.task.losses(flat.module, batch).isfinite()).nonzero().flatten()
                if len(odd):
                    raise not_finite("loss", chosen[done + int(odd[0])])
                done += count(batch)

    def try_duals(self) -> None:
        """Find out whether dual numbers serve for Gauss-Newton products."""
        # Of records that are always the first, so that every process finds the same.
        few = self.records.batch(range(min(2, len(self.records))))
        self._by_duals = duals_serve_gauss_newton(self.module, self.task, few)

    def _multiplication(self, flat: Flat, which: str) -> Callable[[Any, Any], Any]:
        module, task, parameters = flat.module, self.task, flat.parameters
        if which == "hessian":
            return lambda batch, v: hessian_product(module, task, parameters, batch, v)
        if not self._by_duals:
            return lambda batch, v: gauss_newton_product(module, task, parameters, batch, v)
        names = [name for name, _ in trainable(module)]
        return lambda batch, v: gauss_newton_by_duals(module, task, names, batch, v)

    def measure(
        self, w: list[bytearray], records: bytearray | None
    ) -> tuple[int, float, float | None]:
        """Number of records, mean loss, and the share that is right."""
        flat = self._ready("single", w)
        return self._measured(flat, records, lambda batch: self.task.forward(flat.module, batch))

    def linear(self) -> tuple[int, str, bytes] | None:
        """What is said of outputs that are linear in the weights; these are not."""
        return None

    def fixed(self) -> tuple[int, bytes] | None:
        """What is said of features that no weight changes; there are none."""
        return None

    def _measured(
        self, flat: Flat, records: bytearray | None, outputs_of: Callable[[Any], Tensor]
    ) -> tuple[int, float, float | None]:
        source = self.records if records is not None else self.test
        if source is None:
            return 0, 0.0, None
        positions = range(len(source)) if records is None else positions_of(records)
        total, right, number = 0.0, 0, 0
        with computing(flat.module), torch.no_grad():
            for batch in self._batches(flat, source, list(positions), torch.float32):
                outputs = outputs_of(batch)
                total += float(self.task.loss(outputs, batch).sum())
                number += count(batch)
                if self.task.hits is not None:
                    right += int(self.task.hits(outputs, batch).sum())
        if number == 0:
            return 0, 0.0, None
        return number, total / number, None if self.task.hits is None else right / number

    def _ready(self, precision: str, w: list[bytearray]) -> Flat:
        flat = self.flat if precision == "single" else self._in_double()
        # Nobody holds them on while products are computed, which need the room.
        flat.load(w.pop(), TYPES[precision])
        return flat

    def _in_double(self) -> Flat:
        if self._double is None:
            self._double = Flat(copy.deepcopy(self.module).double())
        return self._double

    def _chunks(self, flat: Flat, precision: str, records: bytearray) -> Iterator[Any]:
        key = (bytes(records), precision)
        if self._kept is not None and self._kept[0] == key:
            yield from self._kept[1]
            return
        positions = positions_of(records)
        batches = self._batches(flat, self.records, positions, TYPES[precision])
        if len(positions) > _KEPT_RECORDS:
            self._kept = None
            yield from batches
            return
        kept = list(batches)
        self._kept = (key, kept)
        yield from kept

    def _batches(
        self, flat: Flat, source: Records, positions: Sequence[int], dtype: torch.dtype
    ) -> Iterator[Any]:
        device = flat.parameters[0].device
        for start in range(0, len(positions), self.chunk):
            batch = source.batch(positions[start : start + self.chunk])
            yield moved(batch, device, dtype)

    def _description(self) -> dict[str, Any]:
        return self._described_as(self.flat, self._frozen)

    def _described_as(self, flat: Flat, frozen: Frozen) -> dict[str, Any]:
        module = flat.module
        layers = [f"{name}: {type(part).__qualname__}" for name, part in module.named_modules()]
        return {
            "kind": "torch",
            "tensors": tensors(module),
            "smoothness": {"kind": "not_examined"},
            "architecture": {
                "module": f"{type(module).__module__}.{type(module).__qualname__}",
                "layers": layers,
                "frozen": frozen.digest(),
            },
        }


def not_finite(what: str, position: int) -> Exception:
    """What is said of a record that no sum can hold."""
    return errors.of(
        "setting",
        f"the {what} of the record at position {position} is not finite: look at its inputs, and "
        "leave it out, or scale them",
    )


# Records of one pass that are kept as batches at most.
_KEPT_RECORDS = 20_000


def positions_of(records: bytearray) -> list[int]:
    return torch.frombuffer(records, dtype=torch.int64).tolist() if records else []
