"""Ids and names, as they are compared."""

from __future__ import annotations

import unicodedata
from typing import Any

from rescind import _core

_IDENTIFIER = "rescind 2026 python record id v1"


def identity_of(identifier: Any) -> bytes:
    """The identity of the record with this identifier: 32 bytes."""
    return _core.digest(_IDENTIFIER, text(identifier).encode())


def text(value: Any) -> str:
    """An id or a name as it is compared: Unicode-normalised, without blanks around it."""
    return unicodedata.normalize("NFC", str(value)).strip()
