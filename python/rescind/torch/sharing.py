"""One run over several processes: rank 0 drives the core, all compute (``torch.distributed``).

Every call of a run is collective: all ranks make it, with the same arguments. Messages and vectors
go over a group of their own on the CPU (gloo), whatever the modules compute on.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist

from rescind import _core, errors
from rescind.torch.linear_model import LinearModel
from rescind.torch.module import TYPES, TorchModel, positions_of

# What a vector of records computed by all is made of: means are weighted, rows put side by side.
# Where the weights are among what is given, which are mostly those of the call before.
_WEIGHTS = {"gradient": 1, "product": 2, "measure": 0}
_MEANS, _ROWS = {"gradient", "product"}, {"push", "rows"}


def are_several() -> bool:
    """Whether there are several processes."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def _group() -> Any:
    """A group of all processes, on the CPU. Whoever holds on to one keeps its threads alive beyond
    ``destroy_process_group``, and these bring the interpreter down when it ends."""
    if dist.get_backend() == "gloo":
        return dist.group.WORLD
    if not _OWN:
        _OWN.append(dist.new_group(backend="gloo"))
        atexit.register(_OWN.clear)
    return _OWN[0]


_OWN: list[Any] = []


def first(work: Callable[[], Any]) -> Any:
    """What rank 0 finds, or raises, on every rank."""
    if not are_several():
        return work()
    if dist.get_rank() > 0:
        kind, found = _receive()
        if kind == "raised":
            raise found
        return found
    try:
        found = work()
    except BaseException as raised:
        _send(("raised", _portable(raised)))
        raise
    _send(("found", found))
    return found


def make_session(method: str, model: TorchModel, *arguments: Any) -> _core.Session:
    """``_core.Session.create`` or ``open``: of one process, or shared by all."""
    make = getattr(_core.Session, method)
    place, *rest = arguments
    if not are_several():
        alone: _core.Session = make(place, model, *rest)
        return alone
    if dist.get_rank() > 0:
        follows: Any = _Follower(model)
        follows._call(method)
        return cast(_core.Session, follows)
    lead: Any = _Leader()
    lead._own = lead._call(method, lambda: make(place, _Shared(model), *rest), keep=True)
    return cast(_core.Session, lead)


class _Leader:
    """A session whose calls the other ranks follow."""

    def __init__(self) -> None:
        self._own: Any = None

    def _call(self, name: str, work: Callable[[], Any], keep: bool = False) -> Any:
        _send(("call", name))
        try:
            done = work()
        except BaseException as raised:
            # A rank that has died cannot be told.
            try:
                _send(("raised", _portable(raised)))
            except RuntimeError:
                pass
            raise
        _send(("done", None if keep else done))
        return done

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._own, name)
        return lambda *given: self._call(name, lambda: own(*given))


class _Follower:
    """The same on another rank: it computes its share until the call has ended."""

    def __init__(self, model: TorchModel) -> None:
        self._model = model
        self._weights: bytearray | None = None

    def _call(self, name: str) -> Any:
        _, called = _receive()
        kind, told = _receive()
        while kind == "compute":
            what, given = told
            at = _WEIGHTS.get(what)
            if at is not None:
                # Sent only when they are others than before.
                self._weights = given[at] or self._weights
                given = (*given[:at], [self._weights], *given[at + 1 :])
            out = None if what == "measure" else bytearray(given[-1])
            _share(self._model, what, given, out)
            kind, told = _receive()
        if called != name:
            raise errors.of(
                "setting",
                f"rank {dist.get_rank()} calls {name} and rank 0 {called}: every call of a run is "
                "made by all ranks, in the same order",
            )
        if kind == "raised":
            raise told
        return told

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_: self._call(name)


class _Shared:
    """A model of which every rank computes some records; what the core asks of one."""

    def __init__(self, model: TorchModel) -> None:
        self._model = model
        self._weights: bytearray | None = None

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._model, name)
        if name not in _MEANS | _ROWS | {"pull", "measure"}:
            return own

        def shared(*given: Any) -> Any:
            # What is only written into is not sent.
            sent = given if name == "measure" else (*given[:-1], len(given[-1]))
            at, told = _WEIGHTS.get(name), sent
            if at is not None:
                (own,) = sent[at]
                told = (*sent[:at], None if own == self._weights else own, *sent[at + 1 :])
                self._weights = own
            _send(("compute", (name, told)))
            return _share(self._model, name, sent, None if name == "measure" else given[-1])

        return shared


def _share(model: TorchModel, name: str, given: tuple[Any, ...], out: bytearray | None) -> Any:
    """Compute this rank's records, and put together what all computed: a vector in ``out``, what is
    returned as such."""
    among, rank, world = _group(), dist.get_rank(), dist.get_world_size()
    raised: Exception | None = None
    try:
        if out is None:
            mine = _measure(model, given, rank, world)
        else:
            mine = _compute(model, name, given, rank, world, out)
    except Exception as error:
        raised = error
    # All learn of a failure before any waits for numbers.
    failed: list[Any] = [None] * world
    dist.all_gather_object(failed, None if raised is None else _portable(raised), group=among)
    if raised is not None:
        if rank == 0:
            raise raised
        return None
    elsewhere = next((told for told in failed if told is not None), None)
    if elsewhere is not None:
        if rank == 0:
            raise elsewhere
        return None
    if out is None:
        return _all_measured(mine, world)
    total, vector = mine
    dist.all_reduce(total, group=among)
    dist.all_reduce(vector, group=among)
    return float(total)


def _compute(
    model: TorchModel, name: str, given: tuple[Any, ...], rank: int, world: int, out: bytearray
) -> tuple[torch.Tensor, torch.Tensor]:
    """What this rank adds to a loss and to a vector, which is ``out``: zeros at first."""
    *arguments, length = given
    precision = arguments[0]
    vector = torch.frombuffer(out, dtype=TYPES[precision])
    size = vector.element_size()
    at = {"gradient": 2, "product": 3}.get(name, 1)
    positions = positions_of(arguments[at])
    # Whole stretches, so that what one rank computes is one slice.
    begin, end = (len(positions) * r // world for r in (rank, rank + 1))
    share = end - begin
    total = torch.zeros(1, dtype=torch.float64)
    if share == 0:
        return total, vector
    arguments[at] = bytearray(arguments[at][8 * begin : 8 * end])
    if name in ("pull", "rows"):
        assert isinstance(model, LinearModel)
        width = model.outputs * size
        arguments[2] = bytearray(arguments[2][width * begin : width * end])
    if name in _ROWS:
        each = length // len(positions)
        own = bytearray(each * share)
        getattr(model, name)(*arguments, own)
        rows = torch.frombuffer(own, dtype=TYPES[precision])
        vector[each // size * begin : each // size * end] = rows
        return total, vector
    value = getattr(model, name)(*arguments, out)
    if name in _MEANS:
        vector *= share / len(positions)
    if value is not None:
        total += value * share / len(positions)
    return total, vector


def _measure(model: TorchModel, given: tuple[Any, ...], rank: int, world: int) -> Any:
    w, records = given
    if records is None:
        # Rank 0 has the test set as well as any.
        return model.measure(w, None) if rank == 0 else (0, 0.0, None)
    count = len(records) // 8
    begin, end = (count * r // world for r in (rank, rank + 1))
    if begin == end:
        return 0, 0.0, None
    return model.measure(w, bytearray(records[8 * begin : 8 * end]))


def _all_measured(mine: Any, world: int) -> Any:
    parts: list[Any] = [None] * world
    dist.all_gather_object(parts, mine, group=_group())
    number = sum(part[0] for part in parts)
    if number == 0:
        return 0, 0.0, None
    loss = sum(part[0] * part[1] for part in parts) / number
    known = [part for part in parts if part[0] > 0]
    if any(part[2] is None for part in known):
        return number, loss, None
    return number, loss, sum(part[0] * part[2] for part in known) / number


@dataclass(frozen=True)
class _Apart:
    """A vector in a message, which follows it by itself: pickled it would be copied many times."""

    length: int


# Bytes from which a vector is sent by itself.
_LONG = 1 << 16


def _send(message: Any) -> None:
    apart: list[bytearray] = []

    def light(part: Any) -> Any:
        if isinstance(part, bytearray) and len(part) >= _LONG:
            apart.append(part)
            return _Apart(len(part))
        return tuple(map(light, part)) if isinstance(part, tuple) else part

    dist.broadcast_object_list([light(message)], group_src=0, group=_group())
    for part in apart:
        dist.broadcast(torch.frombuffer(part, dtype=torch.uint8), group_src=0, group=_group())


def _receive() -> Any:
    box: list[Any] = [None]
    dist.broadcast_object_list(box, group_src=0, group=_group())

    def whole(part: Any) -> Any:
        if isinstance(part, _Apart):
            made = bytearray(part.length)
            dist.broadcast(torch.frombuffer(made, dtype=torch.uint8), group_src=0, group=_group())
            return made
        return tuple(map(whole, part)) if isinstance(part, tuple) else part

    return whole(box[0])


def _portable(raised: BaseException) -> BaseException:
    """An exception as another process can raise it."""
    if isinstance(raised, errors.RescindError):
        return raised
    return RuntimeError(f"{type(raised).__name__} on rank {dist.get_rank()}: {raised}")
