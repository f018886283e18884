"""Who the records of a dataset are."""

from __future__ import annotations

import copy
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset, default_collate

from rescind import _core, errors
from rescind.identity import identity_of, text
from rescind.torch.tables import as_dataset, column, columns, matrix

_CONTENT = "rescind 2026 python record v1"
# How many records are read twice, to find out whether they are the same each time.
_READ_TWICE = 32


class Records:
    """A map-style dataset, with the identity of every record.

    Parameters
    ----------
    dataset : dataset or table
        Anything with ``len`` and ``[i]``; of a pandas or Arrow table each row is a mapping from
        columns to values (:meth:`table` makes tensors of one). The same index gives the same
        record whenever it is read: augmentation belongs into the loop that trains (see
        :meth:`rescind.Run.retained`).
    ids : sequence or str, optional
        An identifier of each record that never changes and is nobody else's, or the table's column
        that holds them. Without it a record is known by its content.
    subjects : sequence or str, optional
        Whose each record is, for requests by person, or the table's column that says so.
    name : str
        A name for them all, which certificates show.
    collate : callable, optional
        Makes a batch of a list of records; torch's ``default_collate`` if absent.
    """

    def __init__(
        self,
        dataset: Any,
        *,
        ids: Sequence[Any] | str | None = None,
        subjects: Sequence[Any] | str | None = None,
        name: str = "records",
        collate: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        ids = column(dataset, ids) if isinstance(ids, str) else _listed(ids)
        subjects = column(dataset, subjects) if isinstance(subjects, str) else _listed(subjects)
        dataset = as_dataset(dataset)
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise errors.of(
                "setting",
                f"a {type(dataset).__name__} has no len() and [i], by which records are found "
                "again: give a map-style dataset, such as list(dataset)",
            )
        if len(dataset) == 0:
            raise errors.of("setting", "there is no record: give a dataset of some")
        self.dataset = dataset
        self.name = name
        self.subjects = None if subjects is None else [text(subject) for subject in subjects]
        self._collate = collate or default_collate
        self._plain = isinstance(dataset, TensorDataset) and collate is None
        for what, given in (("ids", ids), ("subjects", subjects)):
            if given is not None and len(given) != len(dataset):
                raise errors.of(
                    "setting",
                    f"{what} has {len(given)} elements and there are {len(dataset)} records: give "
                    "one for each",
                )
        if ids is None:
            self.identities = [content_identity(dataset[i]) for i in range(len(dataset))]
        else:
            self.identities = [identity_of(identifier) for identifier in ids]
            if len(set(self.identities)) < len(self.identities):
                raise errors.of(
                    "setting", "two records have the same id: an id is one record's alone"
                )
        self.by_id = ids is not None
        self._must_be_stable()

    @classmethod
    def table(
        cls,
        table: Any,
        *,
        target: str,
        features: Sequence[str] | None = None,
        ids: str | None = None,
        subjects: str | None = None,
        name: str = "records",
    ) -> Records:
        """Records of a pandas, Arrow or Hugging Face table of numbers: pairs of tensors.

        Parameters
        ----------
        table : table
            Its columns must be numbers, but for those of ``ids`` and ``subjects``.
        target : str
            The column to predict: whole numbers are classes from 0.
        features : sequence of str, optional
            The columns to predict it from; all others if absent.
        ids, subjects : str, optional
            Columns, as for :class:`Records`; they are no features.
        name : str
            As for :class:`Records`.
        """
        aside = {target, ids, subjects}
        chosen = features or [name for name in columns(table) if name not in aside]
        wanted = column(table, target)
        odd = next((v for v in wanted if not isinstance(v, (bool, int, float)) or v != v), None)
        if odd is not None or None in wanted:
            raise errors.of(
                "setting",
                f"column {target!r} holds {odd!r}: a target is a class number from 0, or a value. "
                "Number the classes in an order that no record has a say in",
            )
        made = TensorDataset(matrix(table, chosen), torch.tensor(wanted))
        return cls(
            made,
            ids=None if ids is None else column(table, ids),
            subjects=None if subjects is None else column(table, subjects),
            name=name,
        )

    def __len__(self) -> int:
        return len(self.dataset)

    def batch(self, positions: Sequence[int]) -> Any:
        """The records at these positions, collated."""
        if self._plain:
            return self.dataset[torch.as_tensor(positions)]
        return self._collate([self.dataset[i] for i in positions])

    def prepared(self, dataset: TensorDataset) -> Records:
        """The same records, otherwise prepared: their identities, ids and subjects stay."""
        same = copy.copy(self)
        same.dataset, same._collate, same._plain = dataset, default_collate, True
        return same

    def _must_be_stable(self) -> None:
        step = max(1, len(self) // _READ_TWICE)
        for i in range(0, len(self), step):
            try:
                contents = [content_identity(self.dataset[i]) for _ in range(2)]
            except errors.RescindError:
                # Of another type: it has an id.
                return
            if contents[0] != contents[1]:
                raise errors.of(
                    "setting",
                    f"record {i} is another each time it is read, as with augmentation: give the "
                    "dataset without it, and augment in the loop that trains "
                    "(run.retained(of=augmented))",
                )


def _listed(given: Any) -> Any:
    """A sequence of one for each record: whatever can be gone through."""
    if given is None or hasattr(given, "__len__"):
        return given
    return list(given)


def content_identity(record: Any) -> bytes:
    """The identity of a record by its content: 32 bytes."""
    parts: list[bytes] = []
    _walk(record, parts)
    return _core.digest(_CONTENT, b"".join(parts))


def _part(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<Q", len(content)) + content


def _walk(value: Any, parts: list[bytes]) -> None:
    if value is None:
        parts.append(b"n")
    elif isinstance(value, bool):
        parts.append(b"t" if value else b"f")
    elif isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        # A whole number is the same in both: somebody else's missing value makes floats of ints.
        parts.append(_part(b"i", str(int(value)).encode()))
    elif isinstance(value, float):
        parts.append(b"d" + struct.pack("<d", value))
    elif isinstance(value, str):
        parts.append(_part(b"s", value.encode()))
    elif isinstance(value, bytes):
        parts.append(_part(b"b", value))
    elif isinstance(value, Mapping):
        parts.append(_part(b"m", str(len(value)).encode()))
        for name in sorted(value, key=str):
            _walk(str(name), parts)
            _walk(value[name], parts)
    elif isinstance(value, (tuple, list)):
        parts.append(_part(b"l", str(len(value)).encode()))
        for element in value:
            _walk(element, parts)
    else:
        _walk_numbers(value, parts)


def _walk_numbers(value: Any, parts: list[bytes]) -> None:
    if isinstance(value, Tensor):
        tensor = value.detach().cpu().contiguous()
        kind = str(tensor.dtype).removeprefix("torch.")
        # A view as bytes serves every type, those included that numpy does not have.
        content = tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
        shape = tuple(tensor.shape)
    elif hasattr(value, "__array_interface__") or hasattr(value, "__array__"):
        import numpy

        array = numpy.ascontiguousarray(value)
        if array.dtype.hasobject:
            raise _unknown(value)
        kind, content, shape = array.dtype.name, array.tobytes(), array.shape
    else:
        raise _unknown(value)
    parts.append(_part(b"a", f"{kind}{list(shape)}".encode()))
    parts.append(_part(b"v", content))


def _unknown(value: Any) -> Exception:
    return errors.of(
        "setting",
        f"a record holds a {type(value).__name__}, whose content cannot be read: let the dataset "
        "return tensors, arrays, numbers, text, mappings or lists of these; or give ids=",
    )
