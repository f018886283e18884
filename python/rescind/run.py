"""A run, whatever its model computes with."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rescind import _core, errors
from rescind.answers import (
    Answer,
    Audit,
    Decisions,
    Release,
    answer_of,
    audit_of,
    decisions_of,
    release_of,
)
from rescind.choices import Method, Promise, Sigma, method_json
from rescind.identity import identity_of, text
from rescind.progress import Progress


class Run:
    """A run of a model: trained once, then one request after another.

    Made by :func:`rescind.attach`, :func:`rescind.tangent` or :func:`rescind.head`, or opened by
    :func:`rescind.open`. While it lives no other process can work on it; as a context manager it
    closes at the end.

    Attributes
    ----------
    folder : pathlib.Path
        Where it is kept.
    """

    def __init__(self, folder: Path, session: _core.Session) -> None:
        self.folder, self._session = folder, session

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
        random: tuple[int, int] | None = None,
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
        random : tuple of int, optional
            ``(count, seed)``: so many of the records that are trained on, drawn by the seed.
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
        if random is not None:
            asked.append("random:{}?seed={}".format(*random))
        if not asked:
            raise errors.of("request_empty", "name records by ids, subjects or positions")
        if ids is not None and not self._has_ids():
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

    def refresh(self, progress: Progress | None = None) -> dict[str, Any]:
        """Prepare a model so that requests are answered from their own records, as ``rescind
        refresh`` does: sums over the records that stay are made once and kept in ``private/``, and
        requests take theirs out of them, with the same proof (``docs/heads.md``).

        For :func:`rescind.head`, and :func:`rescind.tangent` where a last layer alone is trained.

        Parameters
        ----------
        progress : callable, optional
            Told ``(phase, done, total)`` now and then.

        Returns
        -------
        dict
            ``records``, ``features`` and ``outputs`` of what was summed, ``bytes`` kept, and what
            the ``gradient_norm`` is at most.

        Raises
        ------
        rescind.errors.NotPrepared
            Another model, one that is not trained, or one that would take too much memory.
        """
        return self._work(lambda: json.loads(self._session.refresh(progress)))

    def purge(self) -> dict[str, int]:
        """Discard for good what is kept of the time before requests, as ``rescind purge`` does:
        how many files of each kind were removed. What :meth:`refresh` prepared is among them."""
        return self._work(lambda: json.loads(self._session.purge()))

    def status(self, delta: float = 1e-5) -> dict[str, Any]:
        """What ``rescind status --json`` says: requests and what holds of them at this delta today,
        which of them wait for a release, and whether they are answered from what was prepared.

        Parameters
        ----------
        delta : float
            Above 0 and below 1.
        """
        return json.loads(self._session.status(delta))

    def release(self, release: Promise | Sigma) -> Release:
        """Release the private weights as they are, for every request that no release covers yet."""
        told = self._work(lambda: self._session.release(release._json()))
        return release_of(self.folder, json.loads(told))

    def evaluate(self, progress: Progress | None = None) -> dict[str, Any]:
        """Loss and accuracy of every model of the run on every set of records. Private."""
        return self._work(lambda: json.loads(self._session.evaluate(progress)))

    def decisions(self, on: str | None = None, progress: Progress | None = None) -> Decisions:
        """Which decisions forgetting provably left as they are, as ``rescind decisions`` tells it.

        For tangent models and convex heads that the command ``rescind`` made, opened by
        :func:`rescind.open`: an input is settled if every model trained afresh without the
        forgotten records decides it as the private one does. To know that, nothing is retrained
        (``docs/theory.md`` §14). Private.

        Parameters
        ----------
        on : str, optional
            Inputs to decide, as ``--data`` of ``rescind train`` names them
            (``"csv:new.csv?label=result"``), with the run's columns in their order. The run's test
            records if not given.
        progress : callable, optional
            Told ``(phase, done, total)`` now and then.

        Returns
        -------
        Decisions

        Raises
        ------
        rescind.errors.NotProvable
            A model for which no distance from retraining is proved, or whose training has not
            ended.
        rescind.errors.NotANetwork
            A run of a module of yours: its inputs are known to the module alone.
        rescind.errors.Data
            Inputs that cannot be read or are not like the run's records.
        """
        return decisions_of(self._work(lambda: json.loads(self._session.decisions(on, progress))))

    def report(
        self,
        out: str | os.PathLike[str] | None = None,
        *,
        figures: str | os.PathLike[str] | None = None,
        attacks: bool = True,
        audit: bool = False,
        spectrum: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Write the page that ``rescind report`` writes: guarantee, measurements and plots.

        Private: it quotes measurements that carry no noise.

        Parameters
        ----------
        out : path, optional
            The file; ``report.html`` in the run's folder if absent.
        figures : path, optional
            A folder for every figure, as SVG and PNG.
        attacks : bool
            Attack the models, where they are networks that the core computes.
        audit : bool
            Audit the newest release first.
        spectrum : bool
            Measure the spectrum of the Hessian, which takes some hundreds of products.
        progress : callable, optional
            Told ``(phase, done, total)`` now and then.

        Returns
        -------
        pathlib.Path
            The page.
        """
        place = Path(out) if out is not None else self.folder / "report.html"
        settings = {
            "attacks": attacks,
            "audit": audit,
            "spectrum": spectrum,
            "show_records": False,
        }
        drawn = None if figures is None else os.fspath(figures)
        self._work(lambda: self._session.report(str(place), drawn, json.dumps(settings), progress))
        return place

    def audit(
        self,
        pairs: int = 2000,
        *,
        confidence: float = 0.95,
        progress: Progress | None = None,
    ) -> Audit:
        """Try to tell the newest release from retraining, as ``rescind audit`` does: more often
        than promised means a broken promise. Retrains first if that has not been done.

        Parameters
        ----------
        pairs : int
            Pairs of releases to draw, in memory.
        confidence : float
            Probability with which all lower bounds hold together.
        progress : callable, optional
            Told ``(phase, done, total)`` now and then.

        Returns
        -------
        Audit
        """
        told = self._work(lambda: self._session.audit(pairs, confidence, False, progress))
        return audit_of(json.loads(told))

    def private_state_dict(self) -> dict[str, Any]:
        """The private weights by name, float32 tensors: no noise covers them."""
        return self._named(self._session.private_weights())

    def released_state_dict(self) -> dict[str, Any]:
        """The newest released weights by name, float32 tensors.

        Raises
        ------
        rescind.errors.NotReleased
            Nothing was released yet.
        """
        return self._named(self._released_flat())

    def _released_flat(self) -> bytearray:
        flat = self._session.released_weights()
        if flat is None:
            raise errors.of("not_released", "nothing was released yet: run.release(...)")
        return flat

    def _named(self, flat: bytearray) -> dict[str, Any]:
        import torch

        whole, named, begin = torch.frombuffer(flat, dtype=torch.float32), {}, 0
        for tensor in json.loads(self._session.description())["tensors"]:
            size = math.prod(tensor["shape"])
            named[tensor["name"]] = whole[begin : begin + size].reshape(tensor["shape"]).clone()
            begin += size
        return named

    def _has_ids(self) -> bool:
        return False

    def _step(self, worker: _core.Worker | None) -> None:
        """What a deletion desk's worker, on rank 0, has next for this run."""
        self._work(lambda: self._session.step(worker))

    def _work(self, work: Callable[[], Any]) -> Any:
        """Work of the core."""
        return work()


def open_run(folder: str | os.PathLike[str]) -> Run:
    """Open a run that the command ``rescind`` made: its network computes in the core.

    A run of a module of yours opens too, without the module: its releases, promises, report and
    audit are there, and what needs the module is refused (:func:`rescind.attach` and the others
    bring it).

    Parameters
    ----------
    folder : path
        Where the run is kept.

    Returns
    -------
    Run

    Raises
    ------
    rescind.errors.RescindError
        No run there, a damaged one, or one that another process works on.
    """
    return Run(Path(folder), _core.Session.open_native(os.fspath(folder)))


def _many(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple, set, frozenset, range)) else [given]
