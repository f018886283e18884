"""Ids and names, as they are compared."""

from __future__ import annotations

import unicodedata
from typing import Any

from rescind import _core, errors

_IDENTIFIER = "rescind 2026 python record id v1"


def identity_of(identifier: Any) -> bytes:
    """The identity of the record with this identifier: 32 bytes."""
    return _core.digest(_IDENTIFIER, text(identifier).encode())


def text(value: Any) -> str:
    """An id or a name as it is compared: Unicode-normalised, without blanks around it. A whole
    number is the same whether it is an int or a float: a missing value elsewhere in its column
    makes floats of ints."""
    # A number of numpy or torch is the number.
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value
    if _is_missing(value):
        raise errors.of(
            "setting", f"{value!r} is no id and no name: give every record one of its own"
        )
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFC", str(value)).strip()


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        # pandas' NA is neither the same as itself nor another; of an array it cannot be said.
        return type(value).__name__ == "NAType"
