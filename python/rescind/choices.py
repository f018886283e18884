"""How to release, and by which method to forget."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Promise:
    """Release with the noise that keeps this promise.

    Parameters
    ----------
    epsilon : float
        At least 0. About 1 protects; above 10 hardly anybody is protected.
    delta : float
        Above 0 and below 0.1; well below one over the number of records.
    accept_noise : bool
        Release even if the noise outweighs the weights.
    budget : tuple of float, optional
        ``(epsilon, delta)`` that every release of the run keeps from here on for every request.
    """

    epsilon: float
    delta: float = 1e-5
    accept_noise: bool = False
    budget: tuple[float, float] | None = None

    def _json(self) -> str:
        noise = {
            "by": "promise",
            "epsilon": self.epsilon,
            "delta": self.delta,
        }
        return _release(noise, self.budget, self.accept_noise)


@dataclass(frozen=True)
class Sigma:
    """Release with this noise; what it promises follows.

    Parameters
    ----------
    sigma : float
        Standard deviation of the noise on every weight, above 0.
    delta : float
        The delta at which epsilon is stated.
    budget : tuple of float, optional
        As for :class:`Promise`.
    """

    sigma: float
    delta: float = 1e-5
    budget: tuple[float, float] | None = None

    def _json(self) -> str:
        return _release({"by": "sigma", "sigma": self.sigma, "delta": self.delta}, self.budget)


def _release(
    noise: dict[str, Any], budget: tuple[float, float] | None, accept_noise: bool = False
) -> str:
    kept = None if budget is None else {"epsilon": budget[0], "delta": budget[1]}
    return json.dumps({"noise": noise, "accept_noise": accept_noise, "budget": kept})


@dataclass(frozen=True)
class Method:
    """A method with its settings; those left out have their defaults.

    Parameters
    ----------
    name : str
        ``"newton"``, ``"noisy-finetune"``, ``"output-perturbation"`` or ``"retrain"``.
    settings : dict
        As ``rescind forget --set`` takes them (``docs/cli.md``).

    Examples
    --------
    >>> Method("noisy-finetune", {"recovery_epochs": 2}).name
    'noisy-finetune'
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)

    def _json(self) -> str:
        return json.dumps({"kind": self.name, "settings": self.settings})


def method_json(method: str | Method | None) -> str | None:
    """The method as the core reads it."""
    if method is None:
        return None
    return (Method(method) if isinstance(method, str) else method)._json()
