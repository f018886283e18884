"""Batch norm with statistics that nothing changes any more."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def batch_norms(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """The batch norms of a module, by name."""
    return [(name, part) for name, part in module.named_modules() if isinstance(part, _BatchNorm)]


def freeze_batch_norm(module: nn.Module) -> nn.Module:
    """Have every batch norm use the statistics that it has now, also while the rest trains.

    Statistics of the records are no parameters: no noise covers them. Frozen ones must come from
    elsewhere, such as a public checkpoint.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place.

    Returns
    -------
    torch.nn.Module
        The same module.
    """
    for _, part in batch_norms(module):
        part.eval()
        part.train = _Frozen(part)  # type: ignore[method-assign]
    return module


class _Frozen:
    """``train`` of a part that stays as it is; copied with its part."""

    def __init__(self, owner: nn.Module) -> None:
        self._owner = owner

    def __call__(self, mode: bool = True) -> nn.Module:
        return self._owner

    def __deepcopy__(self, memo: dict[int, Any]) -> _Frozen:
        return _Frozen(memo.get(id(self._owner), self._owner))
