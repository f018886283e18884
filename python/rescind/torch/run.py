"""A run of a model that computes with PyTorch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Subset

from rescind import _core, errors
from rescind.answers import Answer, Release, answer_of, release_of
from rescind.choices import Method, Promise, Sigma, method_json
from rescind.torch.module import TorchModel
from rescind.torch.progress import Progress
from rescind.torch.records import identity_of, text


class Run:
    """A run of a model: trained once, then one request after another.

    Made by :func:`rescind.attach`, :func:`rescind.tangent` or :func:`rescind.head`. While it lives
    no other process can work on it; as a context manager it closes at the end.

    Attributes
    ----------
    folder : pathlib.Path
        Where it is kept.
    """

    def __init__(self, folder: Path, model: TorchModel, session: _core.Session) -> None:
        self.folder = folder
        self._model, self._session = model, session

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the run go, so that another process can work on it."""
        self._session.close()

    @property
    def is_trained(self) -> bool:
        """Whether training has ended."""
        return self._session.is_trained()

    @property
    def pending(self) -> list[int]:
        """Numbers of the requests that no release covers yet."""
        return self._session.pending()

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

    def train(self, progress: Progress | None = None) -> dict[str, Any]:
        """Train as ``training`` says, from weights drawn by its seed, or on from a checkpoint.

        Parameters
        ----------
        progress : callable, optional
            Told ``(phase, done, total)`` now and then.

        Returns
        -------
        dict
            ``epochs`` and ``seconds``.
        """
        return self._work(lambda: json.loads(self._session.train(progress)))

    def retrain(self, progress: Progress | None = None) -> dict[str, Any]:
        """Train afresh on the records retained, for comparison; kept in ``private/``."""
        return self._work(lambda: json.loads(self._session.retrain(progress)))

    def forget(
        self,
        *,
        ids: Sequence[Any] | Any | None = None,
        subjects: Sequence[Any] | str | None = None,
        positions: Sequence[int] | None = None,
        method: str | Method | None = None,
        release: Promise | Sigma | None = None,
        key: str | None = None,
        progress: Progress | None = None,
    ) -> Answer:
        """Forget every record that is named, in one step.

        Parameters
        ----------
        ids : sequence, optional
            Identifiers, as :class:`Records` was given them.
        subjects : sequence of str, optional
            People, all of whose records go.
        positions : sequence of int, optional
            Positions in the dataset, from 0.
        method : str or Method, optional
            A Newton step if absent; for :func:`rescind.tangent` and :func:`rescind.head` the
            descent, which is the only one.
        release : Promise or Sigma, optional
            Release at once; without it only the private weights change, and a later release
            covers this request too.
        key : str, optional
            A name for this request: asked again under it, the same request is answered as before
            and not carried out twice.
        progress : callable, optional
            Told ``(phase, done, total)`` now and then.

        Returns
        -------
        Answer

        Raises
        ------
        rescind.errors.RescindError
            Nothing has happened then: all or nothing. An exception of the module, or Ctrl-C,
            arrives as it was raised.
        """
        asked = [f"hash:{identity_of(one).hex()}" for one in _many(ids)]
        asked += [f"subject:{text(one)}" for one in _many(subjects)]
        if positions:
            asked.append(",".join(str(position) for position in positions))
        if not asked:
            raise errors.of("request_empty", "name records by ids, subjects or positions")
        if ids is not None and not self._model.records.by_id:
            raise errors.of(
                "unknown_record",
                "the records have no ids: give Records(..., ids=...), or positions",
            )
        told = self._work(
            lambda: self._session.forget(
                asked,
                method_json(method),
                None if release is None else release._json(),
                key,
                progress,
            )
        )
        return answer_of(self.folder, told)

    def release(self, release: Promise | Sigma) -> Release:
        """Release the private weights as they are, for every request that no release covers yet."""
        told = self._work(lambda: self._session.release(release._json()))
        return release_of(self.folder, json.loads(told))

    def evaluate(self, progress: Progress | None = None) -> dict[str, Any]:
        """Loss and accuracy of every model of the run on every set of records. Private."""
        return self._work(lambda: json.loads(self._session.evaluate(progress)))

    def _released_flat(self) -> bytearray:
        flat = self._session.released_weights()
        if flat is None:
            raise errors.of("not_released", "nothing was released yet: run.release(...)")
        return flat

    def _work(self, work: Callable[[], Any]) -> Any:
        """Work of the core, which computes with the module."""
        self._model.check_unchanged()
        return work()


def _many(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple, set, frozenset, range)) else [given]
