"""Answering for a deletion desk, with models that compute here."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rescind import _core, errors
from rescind.errors import RescindError
from rescind.run import Run

logger = logging.getLogger("rescind.desk")

# How long is waited for something to do at once: processes that wait together stay in touch.
_WAIT = 30.0

_LOG = "The worker's log says more."


def work(
    desk: str | os.PathLike[str],
    models: Mapping[str, Callable[[Path], Run]],
    *,
    database: str | None = None,
    stay: bool = True,
    alerts: str | None = None,
) -> int:
    """Answer a deletion desk's requests for models that compute in this program.

    The desk (``rescind serve``, ``docs/service.md``) takes the requests; this is the worker for
    runs of modules, which the desk's own workers leave alone. It obeys each model's policy, makes
    its releases, and holds a model alone: of one that dies another takes the place, and nothing is
    answered twice. Under ``torchrun`` all ranks make this call; rank 0 alone needs the desk. It
    says what it does to the logger ``rescind.desk``.

    Parameters
    ----------
    desk : path
        The desk's folder, in which its key is; its database too, unless that is elsewhere.
    models : mapping of str to callable
        By the name that a model is registered under: given the run's folder, opens the run, with
        :func:`rescind.attach`, :func:`rescind.tangent` or :func:`rescind.head`.
    database : str, optional
        Address of the desk's PostgreSQL database (``--database``); absent: SQLite in the folder, on
        the desk's own machine.
    stay : bool
        Wait for more, until Ctrl-C or SIGTERM; if false, return once nothing waits.
    alerts : str, optional
        Address that is told of what operators have to see to, as ``--alerts`` of the desk.

    Returns
    -------
    int
        How many things were done: a batch made, answered, or released.

    Raises
    ------
    rescind.errors.DeskKey
        No desk there, or another key than the one its database was made with.
    rescind.errors.UnknownModel
        A model that is not registered.
    Exception
        What a module raises is logged, and the model tried again after a pause; over several
        processes it is raised, as these have to be started anew together.
    """
    several = _are_several()

    def open_worker() -> _core.Worker:
        return _core.Worker.open(
            os.fspath(desk), database, list(models), stay, alerts, lambda _, line: logger.info(line)
        )

    # Of this process alone: the others are told what it finds.
    kept: list[_core.Worker] = []
    _first(lambda: kept.append(open_worker()))
    worker = kept[0] if kept else None
    done = 0
    with _ended_by_sigterm():
        while True:
            claimed = _first(lambda: worker and worker.claim(_WAIT if stay else 0.0))
            if claimed is not None:
                name, folder = claimed
                done += _turn(worker, models[name], Path(folder), name, several)
            elif not stay:
                return done


def _turn(
    worker: _core.Worker | None,
    opener: Callable[[Path], Run],
    folder: Path,
    name: str,
    several: bool,
) -> int:
    """One turn at a model, until nothing is left to do."""
    done = 0
    run: Run | None = None
    code: str | None = None
    detail = ""
    try:
        while _first(lambda: worker and worker.look()):
            if run is None:
                try:
                    run = opener(folder)
                except RescindError as error:
                    # It may quote what the module said, and that records.
                    raise errors.of(error.code, f"{type(error).__doc__} {_LOG}") from error
            run._step(worker)
            done += 1
    except RescindError as error:
        code, detail = error.code, str(error)
        logger.error("%s: %s: %s", name, code, error.__cause__ or detail)
    except Exception as error:
        # What it says may quote records: that is for this program's log, and not for the desk.
        logger.exception("%s: the module raised an error", name)
        code, detail = "model_failed", f"The module raised {type(error).__name__}. {_LOG}"
        if several:
            raise
    except BaseException:
        # Asked to end.
        code = "interrupted"
        if worker is not None:
            worker.end()
        raise
    finally:
        if run is not None:
            run.close()
        if worker is not None:
            try:
                worker.give_back(code, detail)
            except RescindError as error:
                # The lease ends by itself.
                logger.error("%s: not given back: %s", name, error)
    return done


def _are_several() -> bool:
    sharing = _sharing()
    return sharing is not None and bool(sharing.are_several())


def _first(find: Callable[[], Any]) -> Any:
    """What rank 0 finds, on every rank."""
    sharing = _sharing()
    return find() if sharing is None else sharing.first(find)


def _sharing() -> Any:
    """Where torch was never imported there is one process."""
    if "torch" not in sys.modules:
        return None
    from rescind.torch import sharing

    return sharing


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does, so that the model is free at once."""
    own = threading.current_thread() is threading.main_thread()
    if not own or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(*_: object) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
