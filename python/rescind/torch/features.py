"""What a frozen module computes of every record, whatever other records there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rescind.progress import Progress
from rescind.torch.records import Records

# Records of a batch. Whoever raises it gains little: on a CPU 32 are as fast as 64.
AT_ONCE = 32
# Records that are tried in every place of a batch.
_TRIED = 2


def features(
    compute: Callable[[Any], Tensor],
    records: Records,
    progress: Progress | None = None,
    at_once: int = AT_ONCE,
) -> Tensor:
    """What is computed of every record, with the bits that it has when it is computed alone.

    Were it otherwise, a record would leave traces in what is computed of its neighbours, where no
    noise would cover them. Batches are of one fixed shape, so that the same instructions are run
    whatever they hold. That a record comes out of them as it does alone is tried beforehand, in
    every place of a batch, and once more in every batch with another record; where it does not,
    every record is computed by itself.

    Parameters
    ----------
    compute : callable
        ``compute(batch)``: rows of the batch's records.
    records : Records
        At least one.
    progress : callable, optional
        Told ``("features", done, total)``.
    at_once : int
        Records of a batch.
    """
    if at_once > 1 and len(records) > 1:
        made = _in_batches(compute, records, progress, at_once)
        if made is not None:
            return made
    rows = []
    for i in range(len(records)):
        rows.append(compute(records.batch([i])))
        if progress is not None and ((i + 1) % 1000 == 0 or i + 1 == len(records)):
            progress("features", i + 1, len(records))
    return torch.cat(rows)


def _in_batches(
    compute: Callable[[Any], Tensor], records: Records, progress: Progress | None, at_once: int
) -> Tensor | None:
    """The same in batches; None where a record comes out otherwise than alone."""
    rows = []
    for i in range(min(_TRIED, len(records))):
        one = records.batch([i])
        copies = joined([one] * at_once)
        if copies is None or not _all_are(compute(copies), compute(one)):
            return None
    for number, start in enumerate(range(0, len(records), at_once)):
        alone = [records.batch([i]) for i in range(start, min(start + at_once, len(records)))]
        batch = joined(alone + [alone[0]] * (at_once - len(alone)))
        if batch is None:
            return None
        made = compute(batch)[: len(alone)]
        at = number % len(alone)
        if not _all_are(made[at : at + 1], compute(alone[at])):
            return None
        rows.append(made)
        if progress is not None:
            progress("features", start + len(alone), len(records))
    return torch.cat(rows)


def _all_are(rows: Tensor, row: Tensor) -> bool:
    return rows.shape[1:] == row.shape[1:] and bool((rows == row).all())


def joined(batches: Sequence[Any]) -> Any:
    """Batches of a record each as one; None where shapes differ, or they hold what is no tensor."""
    first = batches[0]
    if isinstance(first, Tensor):
        shapes = {(part.shape, part.dtype) for part in batches if isinstance(part, Tensor)}
        return torch.cat(list(batches)) if len(shapes) == 1 else None
    if isinstance(first, Mapping):
        if any(part.keys() != first.keys() for part in batches):
            return None
        made = {name: joined([part[name] for part in batches]) for name in first}
        return None if any(part is None for part in made.values()) else made
    if isinstance(first, (tuple, list)):
        parts = [joined(part) for part in zip(*batches, strict=True)]
        return None if any(part is None for part in parts) else tuple(parts)
    return None
