"""A linearised module as the core sees it: products with its Jacobian over records."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rescind import errors
from rescind.torch.computing import computing
from rescind.torch.drawing import trainable
from rescind.torch.duals import dual_numbers_serve
from rescind.torch.frozen import Frozen
from rescind.torch.module import TYPES, Flat, TorchModel, not_finite, positions_of
from rescind.torch.products import pull, push, push_dual
from rescind.torch.records import Records
from rescind.torch.task import LEFT_OUT, Task, count, moved


def must_be_convex(task: Task) -> tuple[dict[str, Any], Callable[[Any], Tensor]]:
    """The kind of a loss that is convex in the outputs, and what these are compared with; refused
    where it is not known to be."""
    if task.convex is None or task.target is None:
        raise errors.of(
            "setting",
            "the task's loss is not one that is known to be convex in the outputs and bounded "
            "where they are zero: use Task.cross_entropy(), Task.independent_labels(), "
            "Task.squared_error(bound=...) or Task.language_model(); rescind.attach takes any",
        )
    return task.convex, task.target


_AXES = {
    "softmax_cross_entropy": ("records", "classes"),
    "token_cross_entropy": ("records", "positions", "tokens"),
}


class LinearModel(TorchModel):
    """What the core asks of a model whose outputs are linear (``crates/python/src/linear.rs``).

    Parameters
    ----------
    module : torch.nn.Module
        Copied: the copy holds the centre and never anything else.
    centre : mapping of str to tensor
        Where it is linearised, by parameter.
    records, test, task, chunk
        As for :class:`TorchModel`; the task's loss is convex.
    extra : dict, optional
        What else decides the outputs, for the model's description.
    """

    curvature = False
    double = False

    def __init__(
        self,
        module: nn.Module,
        centre: Mapping[str, Tensor],
        records: Records,
        test: Records | None,
        task: Task,
        chunk: int,
        extra: dict[str, Any] | None = None,
    ) -> None:
        own = copy.deepcopy(module)
        with torch.no_grad():
            for name, parameter in trainable(own):
                parameter.copy_(centre[name])
        self._extra = extra or {}
        self._loss, self._target = must_be_convex(task)
        device = trainable(own)[0][1].device
        batch = moved(records.batch(range(min(2, len(records)))), device, torch.float32)
        with computing(own), torch.no_grad():
            outputs = task.forward(own, batch)
        self.outputs, self._shape = outputs[0].numel(), outputs.shape[1:]
        for kind, axes in _AXES.items():
            if self._loss["kind"] == kind and outputs.dim() != len(axes):
                raise errors.of(
                    "setting",
                    f"outputs of shape {list(outputs.shape)} cannot be ({', '.join(axes)}): give a "
                    "module, or a task's forward, that returns such",
                )
        if self._loss["kind"] == "token_cross_entropy":
            self._loss = self._loss | {"positions": outputs.shape[1]}
        self._dual = dual_numbers_serve(own, task, batch)
        super().__init__(own, records, test, task, chunk)
        self._names = [name for name, _ in trainable(own)]
        self.centre = self.flat.vector()

    @property
    def whole(self) -> nn.Module:
        """The module that outputs are those of, at the centre."""
        return self.module

    def linear(self) -> tuple[int, str, bytes]:
        """Outputs of a record, the loss in them, and the centre."""
        return self.outputs, json.dumps(self._loss), self.centre

    def targets(self, records: bytearray) -> bytes:
        """What these records are to be told apart by."""
        chosen, parts = positions_of(records), []
        for start in range(0, len(chosen), self.chunk):
            batch = self.records.batch(chosen[start : start + self.chunk])
            part = self._target(batch).detach().cpu()
            if self._loss["kind"] == "token_cross_entropy" and part.shape[1:] != self._shape[:1]:
                raise self._of_another_shape(part.shape[1:], self._shape[:1])
            parts.append(part)
        joined = torch.cat(parts)
        if self._loss["kind"] == "token_cross_entropy":
            left_out = joined == LEFT_OUT
            if bool(((joined < 0) & ~left_out).any()):
                raise errors.of(
                    "setting",
                    f"labels are tokens from 0, or {LEFT_OUT} where none is; found "
                    f"{joined[~left_out].min().item()}",
                )
            # What is left out is the greatest number there is.
            return joined.masked_fill(left_out, -1).to(torch.int32).numpy().tobytes()
        if self._loss["kind"] == "softmax_cross_entropy":
            if joined.dim() != 1 or joined.is_floating_point() or int(joined.min()) < 0:
                raise errors.of(
                    "setting",
                    "the targets of cross-entropy are class numbers from 0, one for each record; "
                    f"found shape {list(joined.shape)}, {joined.dtype}, least "
                    f"{joined.min().item()}",
                )
            return joined.to(torch.uint32).numpy().tobytes()
        return joined.to(torch.float32).reshape(len(chosen), -1).contiguous().numpy().tobytes()

    def push(self, precision: str, records: bytearray, v: bytearray, out: bytearray) -> None:
        """Write ``J v``: outputs of every record."""
        flat = self._at_centre(precision)
        along = flat.split(torch.frombuffer(v, dtype=TYPES[precision]))
        into, done = self._rows(precision, out), 0
        with computing(flat.module):
            for batch in self._chunks(flat, precision, records):
                moved = self._pushed(flat, batch, along)
                into[done : done + count(batch)] = moved.reshape(-1, self.outputs).cpu()
                done += count(batch)
        odd = (~into.isfinite()).any(1).nonzero().flatten()
        if len(odd):
            raise not_finite("output", positions_of(records)[int(odd[0])])

    def pull(self, precision: str, records: bytearray, u: bytearray, out: bytearray) -> None:
        """Write ``J' u``."""
        flat = self._at_centre(precision)
        along, done = self._rows(precision, u), 0
        into = torch.frombuffer(out, dtype=TYPES[precision])
        with computing(flat.module):
            for batch in self._chunks(flat, precision, records):
                part = along[done : done + count(batch)].to(flat.parameters[0].device)
                parts = pull(flat.module, self.task, flat.parameters, batch, part)
                into += flat.joined(parts, into.dtype)
                done += count(batch)

    def rows(self, precision: str, records: bytearray, u: bytearray, out: bytearray) -> None:
        """Write ``u_i' J_i`` of each record."""
        flat = self._at_centre(precision)
        along = self._rows(precision, u)
        into = torch.frombuffer(out, dtype=TYPES[precision]).reshape(len(along), -1)
        chosen = positions_of(records)
        with computing(flat.module):
            for at, batch in enumerate(self._one_by_one(flat, chosen, TYPES[precision])):
                part = along[at : at + 1].to(flat.parameters[0].device)
                parts = pull(flat.module, self.task, flat.parameters, batch, part)
                into[at] = flat.joined(parts, into.dtype)

    def measure(
        self, w: list[bytearray], records: bytearray | None
    ) -> tuple[int, float, float | None]:
        """Number of records, mean loss, and the share that is right."""
        flat = self._at_centre("single")
        weights = torch.frombuffer(w.pop(), dtype=torch.float32).double()
        centre = torch.frombuffer(bytearray(self.centre), dtype=torch.float32).double()
        along = flat.split((weights - centre).float())
        return self._measured(flat, records, lambda batch: self._pushed(flat, batch, along))

    def _pushed(self, flat: Flat, batch: Any, along: list[Tensor]) -> Tensor:
        if self._dual:
            pushed = push_dual(flat.module, self.task, self._names, batch, along)
        else:
            pushed = push(flat.module, self.task, flat.parameters, batch, along)
        if pushed.shape[1:] != self._shape:
            raise self._of_another_shape(pushed.shape[1:], self._shape)
        return pushed

    def _of_another_shape(self, found: torch.Size, expected: torch.Size) -> Exception:
        return errors.of(
            "setting",
            f"a record has outputs or targets of shape {list(found)}, the first "
            f"{list(expected)}: pad all records to one length, with labels of -100 there",
        )

    def _rows(self, precision: str, of: bytearray) -> Tensor:
        return torch.frombuffer(of, dtype=TYPES[precision]).reshape(-1, self.outputs)

    def _at_centre(self, precision: str) -> Flat:
        return self.flat if precision == "single" else self._in_double()

    def _one_by_one(self, flat: Flat, chosen: list[int], dtype: torch.dtype) -> Iterator[Any]:
        for position in chosen:
            yield from self._batches(flat, self.records, [position], dtype)

    def _described_as(self, flat: Flat, frozen: Frozen) -> dict[str, Any]:
        described = super()._described_as(flat, frozen)
        described["linearised"] = True
        described["loss"] = self._loss
        described["architecture"] |= {
            "outputs": self.outputs,
            **self._extra,
        }
        return described
