"""A run of a model that computes with PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Subset

from rescind import _core, errors
from rescind.run import Run
from rescind.torch.module import TorchModel


class ModuleRun(Run):
    """A run of a model that computes with PyTorch."""

    def __init__(self, folder: Path, model: TorchModel, session: _core.Session) -> None:
        super().__init__(folder, session)
        self._model = model

    def retained(self, of: Any = None) -> Subset[Any]:
        """The records that are trained on from here.

        Parameters
        ----------
        of : dataset, optional
            The same records otherwise prepared, such as with augmentation; the run's own if absent.
        """
        dataset = self._model.records.dataset if of is None else of
        if len(dataset) != len(self._model.records):
            raise errors.of(
                "setting",
                f"a dataset of {len(dataset)} records cannot be the run's "
                f"{len(self._model.records)} otherwise prepared",
            )
        return Subset(dataset, self._session.retained())

    def loader(self, batch_size: int, seed: int = 0) -> Iterator[Any]:
        """Minibatches of the records that are trained on, in an order that the seed draws."""
        positions = self._session.retained()
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(positions), generator=generator).tolist()
        for start in range(0, len(order), batch_size):
            chosen = [positions[i] for i in order[start : start + batch_size]]
            yield self._model.records.batch(chosen)

    def _has_ids(self) -> bool:
        return self._model.records.by_id

    def _work(self, work: Callable[[], Any]) -> Any:
        """Work of the core, which computes with the module."""
        self._model.check_unchanged()
        return work()
