"""Progress of long calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Bars:
    """A bar of ``tqdm`` for every phase of a call, for ``progress=rescind.Bars()``.

    Raises
    ------
    ModuleNotFoundError
        Without ``tqdm``: ``pip install tqdm``.
    """

    def __init__(self) -> None:
        from tqdm.auto import tqdm

        self._make: Callable[..., Any] = tqdm
        self._bar: Any = None
        self._phase = ""

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` steps of a phase are done."""
        if self._bar is None or phase != self._phase or done < self._bar.n:
            self.close()
            self._bar, self._phase = self._make(total=total, desc=phase, leave=False), phase
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the last bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
