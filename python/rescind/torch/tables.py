"""Tables as datasets: pandas, Arrow, and those of Hugging Face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rescind import errors


class Rows:
    """The rows of a pandas or Arrow table, each a mapping from columns to values."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, position: int) -> dict[str, Any]:
        if _is_arrow(self._table):
            row = self._table.slice(position, 1).to_pylist()[0]
        else:
            row = self._table.iloc[position].to_dict()
        return {str(name): _plain(value) for name, value in row.items()}


def as_dataset(given: Any) -> Any:
    """A dataset with ``len`` and ``[i]``: the rows of a table, or what was given."""
    return Rows(given) if _is_pandas(given) or _is_arrow(given) else given


def column(table: Any, name: str) -> list[Any]:
    """The values of a column."""
    names = columns(table)
    if name not in names:
        raise errors.of(
            "setting", f"there is no column {name!r}: the columns are {', '.join(map(str, names))}"
        )
    if _is_arrow(table):
        values = table.column(name).to_pylist()
    elif _is_pandas(table):
        values = table[name].tolist()
    else:
        values = list(table[name])
    return [_plain(value) for value in values]


def columns(table: Any) -> list[str]:
    """The names of a table's columns; none for what is no table."""
    if _is_pandas(table):
        return list(table.columns)
    return list(getattr(table, "column_names", []))


def matrix(table: Any, names: Sequence[str]) -> Tensor:
    """These columns as float32, shape ``(n, columns)``. Refused where a value is no number."""
    parts = []
    for name in names:
        values = column(table, name)
        wrong = next((v for v in values if not isinstance(v, (int, float)) or v != v), None)
        if wrong is not None or any(v is None for v in values):
            raise errors.of(
                "setting",
                f"column {name!r} holds {wrong!r}, which is no number: leave it out, or "
                "encode it in a way that no record has a say in",
            )
        parts.append(torch.tensor([float(v) for v in values], dtype=torch.float32))
    return torch.stack(parts, dim=1)


def _plain(value: Any) -> Any:
    """A number of numpy as Python's own: the same content whatever library read it."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def _is_pandas(given: Any) -> bool:
    return hasattr(given, "iloc") and hasattr(given, "columns")


def _is_arrow(given: Any) -> bool:
    return hasattr(given, "to_pylist") and hasattr(given, "column_names")
