"""How the core trains, where it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Training:
    """How retraining and recovery are done, and training where :meth:`rescind.Run.train` does it.

    Parameters
    ----------
    epochs : int
        Passes over the records.
    batch : int
        Records in a minibatch.
    optimiser : str
        ``"adam"`` or ``"sgd"``.
    learning_rate : float
        Above 0.
    momentum : float
        Of SGD, in [0, 1).
    penalty : float
        Strength of the L2 penalty ``(penalty / 2) * |w - centre|^2`` in the objective. A loop of
        your own has to add it too.
    seed : int
        Seed of the order of the records.
    """

    epochs: int = 30
    batch: int = 128
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    penalty: float = 0.0
    seed: int = 42

    def settings(self) -> dict[str, Any]:
        """As the core reads it."""
        optimiser: dict[str, Any] = {"kind": self.optimiser, "learning_rate": self.learning_rate}
        if self.optimiser == "adam":
            optimiser |= {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
        else:
            optimiser |= {"momentum": self.momentum}
        return {
            "optimiser": optimiser,
            "schedule": {"kind": "constant"},
            "epochs": self.epochs,
            "batch": self.batch,
            "penalty": self.penalty,
            "validation": 0.0,
            "early_stopping": None,
            "until_gradient": None,
            "checkpoint_every": 1,
            "statistics_momentum": 0.1,
            "seed": self.seed,
        }
