"""Training by Lightning."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback as _Callback

from rescind.torch import AttachedRun


class Callback(_Callback):
    """Keep the weights in the run's ball while a Lightning ``Trainer`` trains, and take them at the
    end.

    Parameters
    ----------
    run : AttachedRun
        Of the module that is trained, or of one inside it, on ``run.retained()``.
    """

    def __init__(self, run: AttachedRun) -> None:
        self._run = run

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        """Bring the weights back into the ball."""
        self._run.project()

    def on_fit_end(self, *_: Any, **__: Any) -> None:
        """Take the weights as those of the run."""
        self._run.trained()
