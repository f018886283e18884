"""Training by ``transformers.Trainer``."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from rescind.torch import AttachedRun


class Callback(TrainerCallback):
    """Keep the weights in the run's ball while ``Trainer`` trains, and take them at the end.

    Parameters
    ----------
    run : AttachedRun
        Of the model that is trained, on ``run.retained()``.

    Examples
    --------
    ``Trainer(model, args, train_dataset=run.retained(), callbacks=[Callback(run)]).train()``
    """

    def __init__(self, run: AttachedRun) -> None:
        self._run = run

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Bring the weights back into the ball."""
        self._run.project()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Take the weights as those of the run."""
        self._run.trained()
